//! Servers that go away and come back, a store that fails, a disk that is full, and a second
//! worker, while a job writes to Kafka, PostgreSQL and files: it stalls and goes on by itself, and
//! nothing is lost or doubled in any of its sinks.
//!
//! `ARGUS_OUTAGE_SECONDS=60` for the full proof.

mod kills;
mod servers;

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use argus_base::Env;

use kills::events::Feed;
use kills::lives::Life;
use kills::run::Run;
use kills::sinks::{APPENDING, FILES, KAFKA, Sinks, UPSERTING};
use kills::tally::Tally;
use servers::instance::Instance;
use servers::job::Job;
use servers::proxy::Proxy;
use servers::{wait_until, world};

const SINKS: [Sinks; 4] = [KAFKA, APPENDING, UPSERTING, FILES];
/// How long an outage lasts, where `ARGUS_OUTAGE_SECONDS` says nothing.
const OUTAGE_SECONDS: u64 = 8;
/// The exit code of a worker that has lost its job to another.
const FENCED: i32 = 4;

/// Outages are everybody's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn last() {
    let text = std::env::var("ARGUS_OUTAGE_SECONDS").ok().filter(|text| !text.is_empty());
    let seconds = text.map_or(OUTAGE_SECONDS, |text| text.parse().unwrap());
    Env::system().sleep(Duration::from_secs(seconds));
}

#[test]
fn the_broker_goes_away() {
    let _alone = alone();
    survive(&Run::new("broker_gone", &SINKS), "broker_gone", |_| {
        world().broker.0.kill();
        last();
        world().broker.0.come_back();
    });
}

#[test]
fn the_database_goes_away() {
    let _alone = alone();
    let server = &world().server.0;
    survive(&Run::new("database_gone", &SINKS), "database_gone", |job| {
        server.kill();
        last();
        server.come_back();
        wait_checkpoints(job, 3);
        server.stop();
        last();
        server.come_back();
    });
}

#[test]
fn the_store_answers_with_errors() {
    let _alone = alone();
    let s3 = Instance::start("s3", &[]);
    let variable = |name: &str| s3.variable(&format!("ARGUS_S3_{name}"));
    let proxy = Proxy::start(variable("ENDPOINT"));
    let mut run = Run::new("store_fails", &SINKS);
    run.set("CHECKPOINTS", &format!("s3://{}/checkpoints", variable("BUCKET")));
    run.prepend(&format!(
        "SET 's3.endpoint' = '{}';\nSET 's3.access-key' = '{}';\nSET 's3.secret-key' = '{}';\n",
        proxy.address,
        variable("ACCESS_KEY"),
        variable("SECRET_KEY"),
    ));
    survive(&run, "store_fails", |job| {
        proxy.set_broken(true);
        last();
        assert!(proxy.n_refused() > 0);
        check_stalled(job);
        proxy.set_broken(false);
    });
}

#[test]
fn the_disk_of_the_checkpoints_is_full() {
    let _alone = alone();
    let Some(disk) = Disk::mount() else { return };
    let mut run = Run::new("disk_full", &SINKS);
    run.set("CHECKPOINTS", disk.folder.path().join("checkpoints").to_str().unwrap());
    survive(&run, "disk_full", |job| {
        let filler = disk.folder.path().join("filler");
        fill(&filler);
        last();
        check_stalled(job);
        std::fs::remove_file(filler).unwrap();
    });
}

#[test]
fn the_disk_of_the_files_is_full() {
    let _alone = alone();
    let Some(disk) = Disk::mount() else { return };
    let mut run = Run::new("files_full", &SINKS);
    run.set("FILES", disk.folder.path().join("files").to_str().unwrap());
    survive(&run, "files_full", |job| {
        let filler = disk.folder.path().join("filler");
        fill(&filler);
        last();
        check_stalled(job);
        std::fs::remove_file(filler).unwrap();
    });
}

/// It has been tried over and over, and there has been no checkpoint since.
fn check_stalled(job: &Job) {
    assert!(job.stderr().contains("failed, trying again"), "{}", job.stderr());
    let age = job.metric("argus_checkpoint_age_seconds", &[]);
    assert!(age > 3.0, "a checkpoint {age} s ago\n{}", job.stderr());
}

/// A small file system of its own.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// Only root may; where that fails the reason is printed.
    fn mount() -> Option<Disk> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Disk { folder }),
            Ok(output) => {
                println!("left out: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("left out: mount: {error}");
                None
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.folder.path().display());
        }
    }
}

/// Writes a file until nothing more goes on the disk.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    for n_bytes in [64 << 10, 1] {
        while file.write_all(&vec![0; n_bytes]).is_ok() {}
    }
}

#[test]
fn a_second_worker_fences_the_first() {
    let _alone = alone();
    let run = Run::new("two_workers", &SINKS);
    let feed = Feed::start("two_workers");
    let mut first = started(&run);
    let mut second = started(&run);
    assert_eq!(first.wait().exit_code, Some(FENCED), "{}", first.stderr());
    // One that slept through it, rows in its buffers.
    second.signal("STOP");
    let third = started(&run);
    second.signal("CONT");
    assert_eq!(second.wait().exit_code, Some(FENCED), "{}", second.stderr());
    wait_checkpoints(&third, 3);
    finish(&run, "two_workers", feed, third);
}

/// A job that runs through an outage.
fn survive(run: &Run, name: &'static str, outage: impl FnOnce(&Job)) {
    let feed = Feed::start(name);
    let job = started(run);
    outage(&job);
    wait_checkpoints(&job, 3);
    assert_eq!(job.metric("argus_restarts_total", &[]), 0.0, "{}", job.stderr());
    finish(run, name, feed, job);
}

/// A worker that has taken checkpoints of its own.
fn started(run: &Run) -> Job {
    let mut job = run.start(&Life { parallelism: 2, ..Life::quiet() });
    job.wait_running();
    wait_checkpoints(&job, 5);
    job
}

fn wait_checkpoints(job: &Job, n_more: u32) {
    let n_taken = || job.metric("argus_checkpoints_total", &[]);
    let wanted = n_taken() + f64::from(n_more);
    wait_until("checkpoints", || n_taken() >= wanted, || job.stderr());
}

fn finish(run: &Run, name: &'static str, feed: Feed, job: Job) {
    let expected = feed.finish();
    expected.wait_read(&job);
    job.stop();
    let mut tally = Tally::new(name);
    run.compare(&SINKS, &expected, &mut tally);
    tally.close();
}
