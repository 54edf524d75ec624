//! Opening: one owner, private files, no store that this binary does not know.

use std::path::Path;

use keystead_store::{OpenError, SQLITE_OLDEST, Store};

use crate::harness::Harness;
use crate::people::own;

async fn refusal(path: &Path) -> OpenError {
    let Err(error) = Store::open(path, keystead_store::Subscriber::Told(Box::new(|_, _| ()))).await else {
        panic!("it must not open")
    };
    error
}

#[tokio::test]
async fn a_store_that_is_open_is_not_opened_again() {
    let harness = Harness::new().await;
    let path = harness.path().to_owned();
    assert!(matches!(refusal(&path).await, OpenError::InUse(_)));
    let by_another_way = path.join("..").join(path.file_name().unwrap());
    assert!(matches!(refusal(&by_another_way).await, OpenError::InUse(_)));
    harness.reopened().await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_and_its_files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a").join("b");
    let harness = Harness::in_folder(&folder).await;
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
    Harness::in_folder(folder.path()).await.store.close().await;
    let file = folder.path().join("keystead.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _harness = Harness::in_folder(folder.path()).await;
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
    let harness = Harness::in_folder(&odd).await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    assert!(folder.path().join("c%2e%2e").join("keystead.db-wal").exists());
    let harness = harness.reopened().await;
    assert!(harness.store.key(&own(&user), key.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_newer_than_the_binary_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let harness = Harness::in_folder(folder.path()).await;
    harness.somebody().await;
    harness.store.close().await;
    harness
        .raw("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, '', 1, x'', 0)")
        .await
        .unwrap();
    drop(harness);
    let file = folder.path().join("keystead.db");
    let before = std::fs::read(&file).unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, OpenError::Newer { found: 9999, known } if known < 9999), "{error:?}");
    assert!(std::fs::read(&file).unwrap() == before, "not a byte was changed");
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
    let harness = Harness::new().await;
    let version = harness.number("SELECT CAST(replace(sqlite_version(), '.', '') AS INTEGER)").await;
    let (major, minor, patch) = SQLITE_OLDEST;
    assert!(version >= format!("{major}{minor}{patch}").parse().unwrap(), "{version}");
}
