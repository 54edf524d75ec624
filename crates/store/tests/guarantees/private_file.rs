//! Secrets that are kept beside the database.
#![cfg(unix)]

use std::fs::{Permissions, create_dir, read_dir, read_to_string, set_permissions, write};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use keystead_store::{OpenError, PrivateFile};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn its_owner_alone_can_read_it_whatever_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (PrivateFile::new(folder.path(), "secret.keys"), folder.path().join("secret.keys"));
    assert_eq!(file.read().unwrap(), None);
    // What a crash left behind is not written into as it is: others could read it.
    let unfinished = folder.path().join("secret.keys.new");
    write(&unfinished, "half of another one, and longer than the new one").unwrap();
    set_permissions(&unfinished, Permissions::from_mode(0o666)).unwrap();
    for text in ["one", "another, longer one", "three"] {
        file.write(text).unwrap();
        assert_eq!((file.read().unwrap(), mode(&path)), (Some(format!("{text}\n")), 0o600));
        assert_eq!(read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}

#[test]
fn one_that_others_can_read_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (PrivateFile::new(folder.path(), "secret.keys"), folder.path().join("secret.keys"));
    file.write("secret").unwrap();
    for wrong in [0o640, 0o604, 0o660, 0o644, 0o601, 0o777] {
        set_permissions(&path, Permissions::from_mode(wrong)).unwrap();
        let OpenError::SigningKey { file: named, cause } = file.read().unwrap_err() else { panic!() };
        assert_eq!((named, cause.kind()), (path.clone(), ErrorKind::PermissionDenied), "{wrong:o}");
        assert!(cause.to_string().contains("chmod 600") && !cause.to_string().contains("secret"));
        assert_eq!((mode(&path), &*read_to_string(&path).unwrap()), (wrong, "secret\n"));
    }
    set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(file.read().unwrap().as_deref(), Some("secret\n"));
}

#[test]
fn what_cannot_be_written_whole_is_not_written_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = PrivateFile::new(folder.path(), "secret.keys");
    file.write("before").unwrap();
    create_dir(folder.path().join("secret.keys.new")).unwrap();
    assert!(matches!(file.write("after"), Err(OpenError::SigningKey { .. })));
    assert_eq!(file.read().unwrap().as_deref(), Some("before\n"));
    let nowhere = PrivateFile::new(&folder.path().join("nowhere"), "secret.keys");
    assert!(nowhere.write("text").is_err() && nowhere.read().unwrap().is_none());
}

#[test]
fn what_is_no_text_or_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (PrivateFile::new(folder.path(), "secret.keys"), folder.path().join("secret.keys"));
    write(&path, [0xff, 0xfe, 0]).unwrap();
    set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert!(file.read().is_err());
    std::fs::remove_file(&path).unwrap();
    create_dir(&path).unwrap();
    set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    assert!(file.read().is_err() && file.write("text").is_err());
}
