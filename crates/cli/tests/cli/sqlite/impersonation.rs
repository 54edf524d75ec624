//! Impersonation of a demo, and the file of the keys that sign.

use std::time::Instant;

use serde_json::{Value, json};

use crate::impersonation::{ids, listed, mint};
use crate::support::{PATIENCE, Place, get};

#[test]
fn the_demos_impersonation_key_signs_a_user_in() {
    let place = Place::bare();
    let server = place.serve(&["--demo", "--impersonation"]);
    let key = server.line_after("KEYSTEAD_IMPERSONATION_KEY=");
    let (status, answer) = get(&server.url, "/verify", &mint(&server, &key, "grace@demo.example"));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.to_lowercase().contains("x-keystead-user-email: grace@demo.example"), "{answer}");
}

#[test]
fn a_demo_without_impersonation_has_no_such_key() {
    let place = Place::bare();
    let server = place.serve(&["--demo"]);
    server.line_after("--data-dir ");
    let (_, printed, _) = server.stop();
    assert!(!printed.contains("KEYSTEAD_IMPERSONATION_KEY"), "{printed}");
}

#[test]
fn a_server_replaces_a_key_that_has_signed_for_long_enough() {
    let place = Place::with_ada_on_sqlite();
    let next = ids(&listed(&place, &["signing-key", "list", "--json"]), "next");
    let file = place.store().join("session-signing.keys");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    kept["current"]["since"] = json!("2020-01-01T00:00:00Z");
    std::fs::write(&file, kept.to_string()).unwrap();
    let _server = place.serve(&[]);
    let deadline = Instant::now() + PATIENCE;
    while ids(&listed(&place, &["signing-key", "list", "--json"]), "current") != next {
        assert!(Instant::now() < deadline, "it still signs with the old one");
    }
}

#[test]
fn signing_keys_that_cannot_be_read_keep_the_server_from_starting() {
    let place = Place::with_ada_on_sqlite();
    std::fs::write(place.store().join("session-signing.keys"), "{}").unwrap();
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(error.contains("session-signing.keys") && error.contains("hint: "), "{error}");
}
