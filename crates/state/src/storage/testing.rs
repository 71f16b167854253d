//! What every store must do, as one test for all of them.

use super::Storage;

/// Goes through the contract of [`Storage`] in an empty store.
pub(super) fn check_contract(storage: &dyn Storage) {
    objects_come_back(storage);
    puts_if_absent_are_made_once(storage);
    listings_are_sorted(storage);
    odd_paths_are_refused(storage);
}

fn objects_come_back(storage: &dyn Storage) {
    assert_eq!(storage.get("a/b").unwrap(), None);
    assert_eq!(storage.get_range("a/b", 0..4).unwrap(), None);
    storage.delete("a/b").unwrap();
    storage.put("a/b", b"old").unwrap();
    storage.put("a/b", b"0123456789").unwrap();
    assert_eq!(storage.get("a/b").unwrap().unwrap(), b"0123456789");
    for (range, part) in [(2..5, "234"), (8..20, "89"), (0..u64::MAX, "0123456789"), (3..3, "")] {
        let found = storage.get_range("a/b", range.clone()).unwrap().unwrap();
        assert_eq!(found, part.as_bytes(), "{range:?}");
    }
    for range in [10..12, 20..30] {
        assert_eq!(storage.get_range("a/b", range).unwrap().unwrap(), b"");
    }
    storage.put("empty", b"").unwrap();
    assert_eq!(storage.get("empty").unwrap().unwrap(), b"");
    assert_eq!(storage.get_range("empty", 0..4).unwrap().unwrap(), b"");
    storage.delete("empty").unwrap();
    storage.delete("a/b").unwrap();
    assert_eq!(storage.get("a/b").unwrap(), None);
}

fn puts_if_absent_are_made_once(storage: &dyn Storage) {
    assert!(storage.put_if_absent("once/1", b"first").unwrap());
    assert!(!storage.put_if_absent("once/1", b"second").unwrap());
    assert_eq!(storage.get("once/1").unwrap().unwrap(), b"first");
    storage.delete("once/1").unwrap();
    assert!(storage.put_if_absent("once/1", b"third").unwrap());
    storage.delete("once/1").unwrap();
}

fn listings_are_sorted(storage: &dyn Storage) {
    let paths = ["epoch/1", "epoch/2", "segment-1", "segment/a", "segment/a-0", "segment/b/c"];
    for path in paths.iter().rev() {
        storage.put(path, path.as_bytes()).unwrap();
    }
    let listed = |prefix: &str| -> Vec<String> {
        let infos = storage.list(prefix).unwrap();
        assert!(infos.iter().all(|info| info.n_bytes == info.path.len() as u64));
        infos.into_iter().map(|info| info.path).collect()
    };
    assert_eq!(listed(""), paths);
    assert_eq!(listed("epoch/"), paths[..2]);
    assert_eq!(listed("epoch/2"), paths[1..2]);
    assert_eq!(listed("segment"), paths[2..]);
    assert_eq!(listed("segment/a"), paths[3..5]);
    assert_eq!(listed("segment/b/"), paths[5..]);
    assert_eq!(listed("nothing/"), [""; 0]);
    for path in paths {
        storage.delete(path).unwrap();
    }
    assert_eq!(listed(""), [""; 0]);
}

fn odd_paths_are_refused(storage: &dyn Storage) {
    for path in ["../a", "/a", "a/../b", "a b", "ä"] {
        assert!(storage.put(path, b"").is_err(), "{path}");
        assert!(storage.get(path).is_err(), "{path}");
        assert!(storage.delete(path).is_err(), "{path}");
    }
}
