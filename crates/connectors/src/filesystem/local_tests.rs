//! Tests of files on disk under the errors of a disk.

use std::sync::Arc;

use super::*;
use crate::background::WriterState;
use crate::testing::{TestClock, TestFolder, context};

fn patience() -> Patience {
    let env = context(&Arc::new(TestClock::default()), &[]).env;
    Patience::new(env, Arc::new(WriterState::default()))
}

/// A new hidden file in the folder.
fn file(folder: &TestFolder) -> Box<LocalFile> {
    let at = folder.0.clone();
    let hidden = at.join(".part");
    let file = File::create_new(&hidden).unwrap();
    let (folder, patience) = (String::new(), patience());
    Box::new(LocalFile { at, folder, hidden: Some(hidden), file, n_bytes: 0, patience })
}

#[test]
fn errors_say_who_can_change_them() {
    let kind = |number| {
        let error = std::io::Error::from_raw_os_error(number);
        let said = cannot(Path::new("a"), &error);
        let is_passing = said.kind() == ErrorKind::Transient;
        let of_file = broken(Path::new("a"), &error).kind();
        assert_eq!(of_file, if is_passing { ErrorKind::Lost } else { ErrorKind::User });
        (said.kind(), said.code())
    };
    // ENOSPC, EDQUOT, EIO, ESTALE, ETIMEDOUT.
    for number in [28, 122, 5, 116, 110] {
        assert_eq!(kind(number), (ErrorKind::Transient, "AR3409"), "{number}");
    }
    // EACCES, EPERM, ENOTDIR, ENAMETOOLONG, EROFS, ENOENT.
    for number in [13, 1, 20, 36, 30, 2] {
        assert_eq!(kind(number), (ErrorKind::User, "AR3403"), "{number}");
    }
}

#[test]
fn what_a_failed_append_has_left_is_written_over() {
    let folder = TestFolder::new();
    let mut file = file(&folder);
    file.append(b"whole ").unwrap();
    // The disk took a part of it.
    file.file.write_all_at(b"rep", 6).unwrap();
    file.append(b"repeated ").unwrap();
    file.append(b"end").unwrap();
    assert_eq!(std::fs::read(folder.path(".part")).unwrap(), b"whole repeated end");
}

#[test]
fn a_name_that_an_attempt_got_although_it_failed_is_kept() {
    let folder = TestFolder::new();
    folder.write("part-0", "another's");
    let one = file(&folder);
    std::fs::hard_link(folder.path(".part"), folder.path("part-1")).unwrap();
    assert_eq!(one.publish(0, &|number| format!("part-{number}")).unwrap(), 2);
    assert!(!Path::new(&folder.path("part-2")).exists());
    let two = file(&folder);
    std::fs::rename(folder.path(".part"), folder.path(".pending")).unwrap();
    let prepared = two.prepare(".pending", "part-2").unwrap();
    assert_eq!(prepared.hidden, Hidden::File(".pending".to_owned()));
}

#[test]
fn a_file_that_was_taken_away_tells_of_another_run() {
    let folder = TestFolder::new();
    let file = file(&folder);
    std::fs::remove_file(folder.path(".part")).unwrap();
    assert_eq!(file.prepare(".pending", "part-0").unwrap_err().kind(), ErrorKind::Fenced);
}
