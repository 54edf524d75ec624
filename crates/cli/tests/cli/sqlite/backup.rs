//! `keystead backup`: what is in it, who can read it, and what it never does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::{Place, err, graphql, out};

/// The store of a place, as it was restored from a backup.
pub(crate) fn serve_restored(place: &Place, file: &str, folder: &str) -> crate::support::Server {
    place.ok(&["restore", file, "--data-dir", folder]);
    place.serve(&["--data-dir", folder])
}

#[test]
fn a_backup_beside_writers_holds_all_that_was_answered_before_it_began_and_keeps_nobody_waiting() {
    let place = Place::with_ada_on_sqlite();
    let ada = place.token();
    let server = place.serve(&[]);
    let (tokens, stop, count) = (Mutex::new(Vec::new()), AtomicBool::new(false), AtomicUsize::new(0));
    let wait_for = |more: usize| {
        let until = count.load(Ordering::SeqCst) + more;
        while count.load(Ordering::SeqCst) < until {
            thread::yield_now();
        }
    };
    let before = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let create = "mutation { createApiKey(input: {name: \"w\"}) { token } }";
                    let made = graphql(&server.url, &ada, create);
                    tokens.lock().unwrap().push(made["createApiKey"]["token"].as_str().unwrap().to_owned());
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        wait_for(20);
        let before = tokens.lock().unwrap().clone();
        let printed = place.ok(&["backup", "b"]);
        assert!(printed.contains("Backed up to ") && printed.contains("feed number"), "{printed}");
        // They are still at it, and the second backup has more.
        wait_for(20);
        place.ok(&["backup", "later"]);
        stop.store(true, Ordering::SeqCst);
        before
    });
    server.stop();
    let restored = serve_restored(&place, "b", "restored");
    for token in &before {
        assert_eq!(restored.get("/verify", token), 200);
    }
    restored.stop();
    let users = place.ok(&["key", "list", "--user", "ada@example.com", "--json", "--data-dir", "restored"]);
    let keys = serde_json::from_str::<Vec<serde_json::Value>>(&users).unwrap().len();
    assert!(keys > before.len() && keys <= tokens.lock().unwrap().len() + 1, "{keys}");
    assert!(place.ok(&["audit", "verify", "--data-dir", "restored"]).starts_with("OK  "));
    let later = serve_restored(&place, "later", "restored-later");
    let known = tokens.lock().unwrap().iter().filter(|token| later.get("/verify", token) == 200).count();
    assert!(known >= before.len() + 20, "{known}");
}

#[test]
fn a_backup_without_a_server_is_for_its_owner_alone_and_holds_no_token_and_no_session_key() {
    let place = Place::with_ada_on_sqlite();
    let token = place.token();
    let link = place.ok(&["user", "sign-in-link", "ada@example.com"]);
    place.ok(&["backup", "b"]);
    let backup = fs::read(place.path().join("b")).unwrap();
    assert_eq!(fs::metadata(place.path().join("b")).unwrap().permissions().mode() & 0o777, 0o600);
    let ring = fs::read_to_string(place.store().join("session-signing.keys")).unwrap();
    let secrets: Vec<&str> =
        ring.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').collect();
    let secrets = secrets.into_iter().filter(|word| word.len() > 30);
    let code = link.trim_end().rsplit('/').next().unwrap();
    let mut looked_for = 0;
    for secret in secrets.chain([token.as_str(), &token[3..46], code]) {
        looked_for += 1;
        assert!(!backup.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    assert!(looked_for > 3, "the ring has secrets");
    // Nothing else is left beside it.
    let names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn no_file_is_ever_written_over_and_what_cannot_be_written_says_what_to_do() {
    let place = Place::with_ada_on_sqlite();
    fs::write(place.path().join("mine"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", place.path().join("link")).unwrap();
    for name in ["mine", "link"] {
        let refused = place.fails(1, &["backup", name]);
        assert!(refused.contains("is there already") && refused.contains("hint: "), "{refused}");
    }
    assert_eq!(fs::read(place.path().join("mine")).unwrap(), b"mine");
    assert!(!place.path().join("nowhere").exists());
    let _server = place.serve(&[]);
    assert!(place.fails(1, &["backup", "missing/b"]).contains("hint: "));
    assert!(place.fails(2, &["backup", "/"]).contains("names no file"));
    let elsewhere = Place::bare();
    assert!(elsewhere.fails(1, &["backup", "b"]).contains("there is no store"));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn a_store_whose_audit_log_was_changed_makes_no_backup_that_a_restore_would_refuse() {
    let place = Place::with_ada_on_sqlite();
    tamper(&place.store().join("keystead.db")).await;
    let refused = place.fails(1, &["backup", "b"]);
    assert!(
        refused.contains("event 2 was changed") && refused.contains("keystead audit verify"),
        "{refused}"
    );
    assert!(!place.path().join("b").exists());
}

/// Changes an event as somebody would who can write to the file.
pub(crate) async fn tamper(database: &Path) {
    execute(database, "DROP TRIGGER audit_events_never_change").await;
    execute(database, "UPDATE audit_events SET details = '{}' WHERE sequence = 2").await;
}

pub(crate) async fn execute(database: &Path, sql: &'static str) {
    use sqlx::Connection as _;
    sqlx::any::install_default_drivers();
    let mut connection =
        sqlx::AnyConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Starts a command and kills it with no chance to clean up, once `path` is there. Whether it was killed before its end.
pub(crate) fn kill_once_there(mut command: Command, is_there: impl Fn() -> bool) -> bool {
    let mut child = command.spawn().unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let output = child.wait_with_output().unwrap();
            assert!(status.success(), "{}{}", out(&output), err(&output));
            return false;
        }
        if is_there() {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
    }
}

#[test]
fn a_backup_that_is_killed_leaves_nothing_under_its_name() {
    let place = Place::with_ada_on_sqlite();
    for at in 0..4 {
        let name = format!("b{at}");
        let unfinished = || {
            let mut all = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap());
            all.find(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{name}.")))
        };
        // Once the copy has begun, and once it has grown.
        let killed = kill_once_there(place.command(&["backup", &name]), || {
            unfinished().is_some_and(|file| file.metadata().is_ok_and(|file| file.len() >= at * 50_000))
        });
        if killed && !place.path().join(&name).exists() {
            place.ok(&["backup", &name]);
        }
        assert!(place.ok(&["restore", &name, "--data-dir", &format!("r{at}")]).contains("Restored "));
    }
}
