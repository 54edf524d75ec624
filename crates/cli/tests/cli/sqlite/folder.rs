//! The folder of a store: whose it is, and what stands in the way of it.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::support::Place;

#[test]
fn a_store_that_another_server_owns() {
    let place = Place::with_ada_on_sqlite();
    let server = place.serve(&[]);
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(error.contains("in use by another Keystead process") && error.contains("hint: "), "{error}");
    assert_eq!(server.get("/healthz", ""), 200);
    place.token();
}

#[test]
fn a_folder_that_cannot_be_written() {
    let place = Place::bare();
    std::fs::write(place.path().join("file"), "").unwrap();
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0", "--data-dir", "file/below"]);
    assert!(error.contains("cannot write to the data directory file/below"), "{error}");
    assert!(error.contains("hint: choose a folder that you can write to with --data-dir"), "{error}");
}

#[test]
fn a_path_that_no_socket_can_have() {
    let place = Place::bare();
    let long = "x".repeat(120);
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0", "--data-dir", &long]);
    assert!(error.contains("too long") && error.contains("hint: choose a shorter --data-dir"), "{error}");
    assert!(!place.path().join(long).exists());
}

#[test]
fn a_command_makes_no_store_by_mistake() {
    let place = Place::bare();
    let error = place.fails(1, &["key", "list", "--user", "ada@example.com", "--data-dir", "typo"]);
    assert!(error.contains("no store in typo") && error.contains("hint: "), "{error}");
    assert!(!place.path().join("typo").exists());
    assert!(place.fails(1, &["audit", "verify", "--data-dir", "nowhere"]).contains("no store"));
}

#[test]
fn a_command_that_never_says_what_it_wants_keeps_no_server_from_stopping() {
    let place = Place::with_ada_on_sqlite();
    let server = place.serve(&[]);
    let _silent = UnixStream::connect(place.store().join("keystead.sock")).unwrap();
    let start = Instant::now();
    let (status, ..) = server.stop();
    assert!(status.success() && start.elapsed() < Duration::from_secs(5), "{status}");
}

#[test]
fn a_copy_of_a_log_is_checked_by_the_key_in_the_folder() {
    let place = Place::with_ada_on_sqlite();
    let copy = place.ok(&["audit", "export", "--organization", "My organization"]);
    std::fs::write(place.path().join("copy.jsonl"), copy).unwrap();
    assert!(place.ok(&["audit", "verify", "--export", "copy.jsonl"]).starts_with("OK  "));
}
