//! Opening a folder: one owner, private files, no file that is no store.

use std::path::Path;

use keystead_store::{OpenError, SQLITE_OLDEST};
use keystead_test_hosts::DatabaseTool;

use crate::harness::Harness;
use crate::newer::refusal;
use crate::people::own;

#[tokio::test]
async fn a_store_that_is_open_is_not_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let harness = Harness::on_sqlite(path).await;
    assert!(matches!(refusal(path).await, OpenError::InUse(_)));
    let by_another_way = path.join("..").join(path.file_name().unwrap());
    assert!(matches!(refusal(&*by_another_way).await, OpenError::InUse(_)));
    harness.store.close().await;
    drop(harness);
    Harness::on_sqlite(path).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_and_its_files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a").join("b");
    let harness = Harness::on_sqlite(&folder).await;
    harness.somebody().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["keystead.db", "keystead.db-shm", "keystead.db-wal", "keystead.lock"]);
    for file in files {
        assert_eq!(mode(&folder.join(&file)), 0o600, "{}", file.display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_that_others_could_read_is_made_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    Harness::on_sqlite(folder.path()).await.store.close().await;
    let file = folder.path().join("keystead.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _harness = Harness::on_sqlite(folder.path()).await;
    for name in ["keystead.db", "keystead.db-shm"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data");
    let error = refusal(&below).await;
    assert!(matches!(&error, OpenError::Directory { directory, .. } if *directory == below));
    assert!(error.to_string().contains(below.to_str().unwrap()));
}

#[tokio::test]
async fn a_path_may_hold_characters_that_mean_something_in_a_url() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a b?mode=memory#%41&ü@:").join("..").join("c%2e%2e");
    std::fs::create_dir_all(folder.path().join("a b?mode=memory#%41&ü@:")).unwrap();
    let harness = Harness::on_sqlite(&odd).await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    assert!(folder.path().join("c%2e%2e").join("keystead.db-wal").exists());
    harness.store.close().await;
    drop(harness);
    let harness = Harness::on_sqlite(&odd).await;
    assert!(harness.store.key(&own(&user), key.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keystead.db");
    let text = "not a database, but somebody's only copy of something".repeat(100);
    std::fs::write(&file, &text).unwrap();
    assert!(matches!(refusal(folder.path()).await, OpenError::Database(_)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn the_sqlite_that_is_linked_in_keeps_wal_databases_whole() {
    let folder = tempfile::tempdir().unwrap();
    let tool = DatabaseTool::on_sqlite(&folder.path().join("any.db"));
    let version = tool.number("SELECT CAST(replace(sqlite_version(), '.', '') AS INTEGER)").await;
    let (major, minor, patch) = SQLITE_OLDEST;
    assert!(version >= format!("{major}{minor}{patch}").parse().unwrap(), "{version}");
}
