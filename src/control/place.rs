//! Where the control socket of a job lies.
//!
//! In DIR/JOB, beside the job's checkpoints. For object stores, and where that path is too long for
//! a socket, it has a name made of both in a folder of the user's below the temporary one: whoever
//! knows DIR and JOB finds it there as well.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use argus_state::storage;
use xxhash_rust::xxh3::xxh3_64;

/// Its name in DIR/JOB.
const NAME: &str = "control.sock";
/// Longest path of a socket: 108 bytes with the zero at its end.
const MAX_PATH_BYTES: usize = 107;
/// Room for the name under which a socket is made; see [`Socket::unfinished`].
const UNFINISHED_BYTES: usize = 12;

/// The place of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The socket.
    pub path: PathBuf,
    /// Whether nobody would look there by himself.
    pub is_elsewhere: bool,
}

/// The place for a job with this `execution.checkpointing.dir`.
pub fn default_socket(dir: &str, job: &str) -> Socket {
    let folder = storage::local_folder(dir, job);
    // A relative path means another place elsewhere, and may be short where the whole is not.
    let folder = folder.map(|folder| std::path::absolute(&folder).unwrap_or(folder));
    let Some(folder) = folder else {
        return named(&storage::place_of(dir, job));
    };
    let path = folder.join(NAME);
    if fits(&path) { Socket { path, is_elsewhere: false } } else { named(&text(&folder)) }
}

/// The place for a job of this process that keeps no checkpoints in a store.
pub fn socket_without_folder(job: &str) -> Socket {
    named(&format!("{job} of process {}", std::process::id()))
}

impl Socket {
    /// The place that was asked for.
    pub fn at(path: &Path) -> Socket {
        Socket { path: path.to_owned(), is_elsewhere: false }
    }

    /// Makes the folder, where it is ours to make.
    pub fn make_folder(&self) -> io::Result<()> {
        if !self.is_elsewhere {
            return Ok(());
        }
        let folder = temp_folder();
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Somebody else may have made it, to stand between a worker and its user.
        let mode = fs::symlink_metadata(&folder)?.permissions().mode();
        let is_ours = mode & 0o170_077 == 0o040_000;
        let why = || format!("{} is open to others", folder.display());
        if is_ours { Ok(()) } else { Err(io::Error::other(why())) }
    }

    /// The name under which it is made, before it takes its place.
    pub fn unfinished(&self) -> PathBuf {
        self.path.with_file_name(format!(".{}", std::process::id()))
    }
}

fn named(what: &str) -> Socket {
    let name = format!("{:016x}.sock", xxh3_64(what.as_bytes()));
    Socket { path: temp_folder().join(name), is_elsewhere: true }
}

/// A folder for each user.
fn temp_folder() -> PathBuf {
    let user = fs::metadata("/proc/self").map_or(0, |process| process.uid());
    std::env::temp_dir().join(format!("argus-control-{user}"))
}

fn fits(path: &Path) -> bool {
    let folder = path.parent().map_or(0, |folder| text(folder).len());
    text(path).len().max(folder + 1 + UNFINISHED_BYTES) <= MAX_PATH_BYTES
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_lies_beside_the_checkpoints() {
        let socket = default_socket("/var/argus", "a b");
        assert_eq!(socket.path, PathBuf::from("/var/argus/a%20b/control.sock"));
        assert!(!socket.is_elsewhere);
    }

    #[test]
    fn buckets_and_long_paths_have_it_elsewhere() {
        let long = format!("/{}", "x".repeat(100));
        for dir in ["s3://bucket/jobs", long.as_str()] {
            let socket = default_socket(dir, "orders");
            assert!(socket.is_elsewhere, "{dir}");
            assert!(text(&socket.path).len() < MAX_PATH_BYTES);
            assert_eq!(socket, default_socket(dir, "orders"), "both sides find it");
            assert_ne!(socket, default_socket(dir, "other"));
        }
        let slash = default_socket("s3://bucket/jobs/", "orders");
        assert_eq!(slash, default_socket("s3://bucket/jobs", "orders"));
    }
}
