//! What a process uses, as Linux counts it.

use anyhow::{Context, Result};

/// Linux counts CPU time in hundredths of a second, whatever its own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// Used so far, or now.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system, all threads.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub resident_mib: f64,
}

/// What the process uses.
pub fn usage(process_id: u32) -> Result<Usage> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/{process_id}/{name}"))
            .with_context(|| format!("the process {process_id} is gone"))
    };
    let stat = read("stat")?;
    // The name of the command, in parentheses, may hold anything.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let mut ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    let (user, system) = (ticks.next().context("utime")??, ticks.next().context("stime")??);
    let status = read("status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|text| text.split_whitespace().next()).context("VmRSS")?;
    Ok(Usage {
        cpu_seconds: (user + system) / TICKS_PER_SECOND,
        resident_mib: resident.parse::<f64>()? / 1024.0,
    })
}

/// Runs a command to its end; what it printed, and the most memory that it had.
pub fn peak_mib(mut command: std::process::Command) -> Result<(String, f64)> {
    let mut child = command.stdout(std::process::Stdio::piped()).spawn()?;
    let mut printed = child.stdout.take().context("what it prints")?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut printed, &mut text).map(|_| text)
    });
    let mut most_kib = 0_f64;
    let status = loop {
        // The kernel keeps the peak for as long as the process is there.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let peak = status.ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        });
        most_kib = peak.map_or(most_kib, |peak| most_kib.max(peak));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    anyhow::ensure!(status.success(), "it failed: {status}");
    let text = reader.join().map_err(|_| anyhow::anyhow!("nobody read what it printed"))??;
    Ok((text, most_kib / 1024.0))
}
