//! `keystead restore`: what it refuses, what it leaves when it is killed, and what it starts anew.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use keystead_domain::audit::Line;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, Row as _};

use super::backup::{execute, kill_once_there, serve_restored, tamper};
use crate::support::{Place, err};

/// The bytes of the last line.
const SEAL: usize = 104;

/// Puts another database in a backup, and seals it as if `keystead backup` had.
fn reseal(backup: &Path, database: &[u8]) {
    let old = fs::read(backup).unwrap();
    let seal = String::from_utf8(old[old.len() - SEAL..].to_vec()).unwrap();
    let length: usize = seal["keystead-backup 1 ".len()..][..20].parse().unwrap();
    let head = &old[length..old.len() - SEAL];
    let mut new = [database, head, format!("keystead-backup 1 {:020} ", database.len()).as_bytes()].concat();
    let digest = keystead_domain::hex::encode(&Sha256::digest(&new));
    new.extend(format!("{digest}\n").bytes());
    fs::write(backup, new).unwrap();
}

/// The bytes of a backup's database.
fn database(backup: &Path) -> Vec<u8> {
    let bytes = fs::read(backup).unwrap();
    let seal = String::from_utf8(bytes[bytes.len() - SEAL..].to_vec()).unwrap();
    let length: usize = seal["keystead-backup 1 ".len()..][..20].parse().unwrap();
    bytes[..length].to_vec()
}

/// A restore that must be refused, and leave no trace of a folder.
fn refused(place: &Place, file: &str) -> String {
    let error = place.fails(1, &["restore", file, "--data-dir", "new"]);
    assert!(error.contains("hint: "), "{error}");
    assert!(!place.path().join("new").exists(), "{error}");
    error
}

#[test]
fn a_bit_that_turned_anywhere_or_an_end_that_is_missing_is_refused_and_leaves_no_store() {
    let place = Place::with_ada_on_sqlite();
    place.ok(&["backup", "b"]);
    let whole = fs::read(place.path().join("b")).unwrap();
    let bad = place.path().join("bad");
    let spread = |count: usize| (0..count).map(|at| at * (whole.len() - 1) / (count - 1)).collect::<Vec<_>>();
    for at in spread(40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&bad, bytes).unwrap();
        refused(&place, "bad");
    }
    for length in spread(20).into_iter().filter(|length| *length < whole.len()) {
        fs::write(&bad, &whole[..length]).unwrap();
        refused(&place, "bad");
    }
    fs::write(&bad, [&whole[..], b"\n"].concat()).unwrap();
    assert!(refused(&place, "bad").contains("no backup that Keystead made"));
    assert!(place.ok(&["restore", "b", "--data-dir", "new"]).contains("Restored "));
}

#[tokio::test]
async fn what_is_sealed_but_no_store_of_ours_is_refused() {
    let place = Place::with_ada_on_sqlite();
    place.token();
    place.ok(&["backup", "b"]);
    let path = place.path().join("b");
    let original = database(&path);
    let other = place.path().join("other.db");

    // A store that another program made, alone and in our form.
    fs::write(&other, "").unwrap();
    execute(&other, "CREATE TABLE notes (text TEXT)").await;
    assert!(refused(&place, "other.db").contains("no backup that Keystead made"));
    reseal(&path, &fs::read(&other).unwrap());
    assert!(refused(&place, "b").contains("no backup that Keystead made"));

    fs::write(&other, &original).unwrap();
    execute(
        &other,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .await;
    reseal(&path, &fs::read(&other).unwrap());
    assert!(refused(&place, "b").contains("the backup was made by a newer Keystead (schema 9999"));

    fs::write(&other, &original).unwrap();
    tamper(&other).await;
    reseal(&path, &fs::read(&other).unwrap());
    assert!(refused(&place, "b").contains("event 2 was changed"));

    // Pages that SQLite itself finds wrong.
    let mut broken = original.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 4096].fill(0xff);
    reseal(&path, &broken);
    assert!(refused(&place, "b").contains("the backup is damaged"));

    // An index that no longer agrees with its table, which nothing but SQLite's own check looks for.
    fs::write(&other, &original).unwrap();
    let mut connection =
        sqlx::AnyConnection::connect(&format!("sqlite://{}", other.display())).await.unwrap();
    let row = sqlx::query("SELECT token_hash FROM api_keys").fetch_one(&mut connection).await.unwrap();
    let hash: Vec<u8> = row.get(0);
    connection.close().await.unwrap();
    let mut broken = original.clone();
    let at = broken.windows(hash.len()).position(|part| part == hash).unwrap();
    broken[at] ^= 1;
    reseal(&path, &broken);
    assert!(refused(&place, "b").contains("the backup is damaged: "));

    reseal(&path, &original);
    assert!(place.ok(&["restore", "b", "--data-dir", "new"]).contains("Restored "));
}

#[test]
fn a_folder_with_a_store_a_server_or_another_key_stays_as_it_is() {
    let place = Place::with_ada_on_sqlite();
    let token = place.token();
    place.ok(&["backup", "b"]);
    let files = |folder: &Path| -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let mut all: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    };
    let before = files(&place.store());
    assert!(place.fails(1, &["restore", "b"]).contains("there is a store in "));
    assert_eq!(files(&place.store()), before);
    let server = place.serve(&[]);
    assert!(place.fails(1, &["restore", "b"]).contains("there is a store in "));
    assert_eq!(server.get("/verify", &token), 200);
    server.stop();

    // A server that has the folder and no store in it yet, as far as files tell.
    let held = place.path().join("held");
    fs::create_dir(&held).unwrap();
    let lock = fs::File::create(held.join("keystead.lock")).unwrap();
    lock.lock().unwrap();
    assert!(
        place
            .fails(1, &["restore", "b", "--data-dir", "held"])
            .contains("in use by another Keystead process")
    );
    drop(lock);
    // Somebody else's key.
    let key = held.join("audit-signing.key");
    fs::write(&key, "00".repeat(32)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(
        place.fails(1, &["restore", "b", "--data-dir", "held"]).contains("another key than the backup's")
    );
    assert_eq!(fs::read_to_string(&key).unwrap(), "00".repeat(32));
    fs::remove_file(&key).unwrap();
    assert!(place.ok(&["restore", "b", "--data-dir", "held"]).contains("Restored "));
}

#[test]
fn a_restore_that_is_killed_leaves_no_half_made_store_and_can_be_made_again() {
    let place = Place::with_ada_on_sqlite();
    let token = place.token();
    place.ok(&["backup", "b"]);
    let mut killed = 0;
    let stages = [
        "keystead.lock",
        "keystead-restoring",
        "keystead-restoring/keystead.db",
        "keystead-restoring/audit-signing.key",
        "keystead-restoring/keystead.lock",
        "keystead-restoring/keystead.db-wal",
        "keystead-restoring/session-signing.keys",
        "audit-signing.key",
        "session-signing.keys",
        "keystead.db",
    ];
    for (at, stage) in stages.into_iter().enumerate() {
        let name = format!("new{at}");
        let folder = place.path().join(&name);
        let args = ["restore", "b", "--data-dir", &name];
        killed += usize::from(kill_once_there(place.command(&args), || folder.join(stage).exists()));
        if !folder.join("keystead.db").exists() {
            assert!(place.fails(1, &["user", "list", "--data-dir", &name]).contains("there is no store"));
            place.ok(&args);
        }
        let server = place.serve(&["--data-dir", &name]);
        assert_eq!(server.get("/verify", &token), 200, "{stage}");
        server.stop();
        assert!(place.ok(&["audit", "verify", "--data-dir", &name]).starts_with("OK  "), "{stage}");
        // Nothing of the store stays where it was made ready.
        let ready = folder.join("keystead-restoring");
        let left = fs::read_dir(ready).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        assert!(left.into_iter().all(|name| name == "keystead.lock"), "{stage}");
    }
    assert!(killed >= 5, "only {killed} of {} were killed in time", stages.len());
}

#[tokio::test]
async fn sessions_links_and_connected_apps_end_with_a_restore_and_other_keys_sign() {
    let place = Place::with_ada_on_sqlite();
    let link = place.ok(&["user", "sign-in-link", "ada@example.com"]);
    let db = place.store().join("keystead.db");
    for sql in [
        "INSERT INTO sessions (id, user_id, token_hash, created_at, last_seen_at) \
         SELECT randomblob(16), id, randomblob(32), created_at, created_at FROM users",
        "INSERT INTO connections (id, organization_id, user_id, client_id, client_name, client_host, redirect_uri, code_hash, \
         challenge, created_at, redeemed_at, last_used_at, ends_at) SELECT randomblob(16), organization_id, id, 'c', 'c', 'c', 'c', \
         randomblob(32), randomblob(32), created_at, created_at, created_at, 9000000000000 FROM users",
        "INSERT INTO refresh_tokens (token_hash, connection_id, generation, expires_at) \
         SELECT randomblob(32), id, 0, 9000000000000 FROM connections",
        "INSERT INTO api_keys (id, organization_id, creator_id, token_hash, masked_token, name, description, search_text, \
         allow_impersonation, created_at, session_epoch) SELECT randomblob(16), organization_id, id, randomblob(32), 'ksi_', 'i', '', '', \
         1, created_at, 7 FROM users",
    ] {
        execute(&db, sql).await;
    }
    place.ok(&["backup", "b"]);
    let restored = place.ok(&["restore", "b", "--data-dir", "new"]);
    let ended =
        "console sessions 1, one-time links 1, connected apps 1, and the sessions of impersonation keys 1.";
    assert!(restored.contains(ended), "{restored}");
    let url = format!("sqlite://{}", place.path().join("new/keystead.db").display());
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM sessions), (SELECT COUNT(*) FROM one_time_links), (SELECT COUNT(*) FROM refresh_tokens), \
         (SELECT COUNT(*) FROM connections WHERE ended_at IS NULL), (SELECT session_epoch FROM api_keys)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let counts: Vec<i64> = (0..5).map(|at| row.get(at)).collect();
    assert_eq!(counts, [0, 0, 0, 0, 8]);
    let ring = |folder: &Path| fs::read_to_string(folder.join("session-signing.keys")).unwrap();
    assert_ne!(ring(&place.store()), ring(&place.path().join("new")));
    for name in ["keystead.db", "session-signing.keys", "audit-signing.key"] {
        let mode = fs::metadata(place.path().join("new").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = fs::metadata(place.path().join("new")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    connection.close().await.unwrap();
    let server = place.serve(&["--data-dir", "new"]);
    let path = link.trim_end().split_once("8080").unwrap().1;
    let (_, page) = crate::support::get(&server.url, path, "");
    assert!(!page.contains("ada@example.com"), "{page}");
}

#[test]
fn the_log_goes_on_behind_the_backup_with_the_restore_in_it_and_a_later_checkpoint_shows_the_cut() {
    let place = Place::with_ada_on_sqlite();
    let at_backup = place.ok(&["audit", "checkpoint"]);
    place.ok(&["backup", "b"]);
    place.token();
    let after = place.ok(&["audit", "checkpoint"]);
    let restored = place.ok(&["restore", "b", "--data-dir", "new"]);
    assert!(restored.contains("ends with event 3"), "{restored}");
    let organizations = place.ok(&["organization", "list", "--json"]);
    let organizations: serde_json::Value = serde_json::from_str(&organizations).unwrap();
    let id = organizations[0]["id"].as_str().unwrap();
    let log = place.ok(&["audit", "export", "--organization", id, "--data-dir", "new"]);
    let Ok(Line::Event(event, _)) = keystead_domain::audit::parse_line(log.lines().nth(3).unwrap()) else {
        panic!("{log}")
    };
    assert_eq!((event.sequence, event.action.as_str()), (4, "store.restored"));
    let details: serde_json::Value = serde_json::from_str(&event.details).unwrap();
    assert!(details["backupMadeAt"].is_string() && details["replayedTo"].is_null(), "{details}");
    let verify = |kept: &str, code: i32| {
        fs::write(place.path().join("kept"), kept).unwrap();
        let output = place.run(&["audit", "verify", "--checkpoint", "kept", "--data-dir", "new"]);
        assert_eq!(output.status.code(), Some(code), "{}", err(&output));
    };
    verify(&at_backup, 0);
    verify(&after, 1);
}

#[test]
fn a_restore_tells_what_it_cannot_know() {
    let place = Place::with_ada_on_sqlite();
    let token = place.token();
    place.ok(&["backup", "b"]);
    place.ok(&["key", "revoke", &place.key_id()]);
    let output = place.run(&["restore", "b", "--data-dir", "new"]);
    assert!(output.status.success());
    let told = err(&output);
    assert!(
        told.contains("Keys that were revoked after it work again") && told.contains("--replay"),
        "{told}"
    );
    fs::remove_dir_all(place.path().join("new")).unwrap();
    // As it says.
    assert_eq!(serve_restored(&place, "b", "new").get("/verify", &token), 200);
}
