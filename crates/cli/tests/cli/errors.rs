//! What goes wrong at the start says what to do.

use std::net::TcpListener;

use sqlx::{AnyConnection, Connection as _};

use crate::support::Place;

#[test]
fn a_port_that_is_taken() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = place.fails(1, &["serve", "--listen", &address]);
    assert!(error.contains(&format!("error: cannot listen on {address}")), "{error}");
    assert!(error.contains("hint: another program uses that port. Choose another with --listen "), "{error}");
    assert!(!place.store().exists(), "nothing is made by a start that fails");
}

#[test]
fn a_store_that_another_server_owns() {
    let place = Place::with_ada();
    let server = place.serve(&[]);
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(error.contains("in use by another Keystead process") && error.contains("hint: "), "{error}");
    assert_eq!(server.get("/healthz", ""), 200);
    place.token();
}

#[test]
fn a_folder_that_cannot_be_written() {
    let place = Place::new();
    std::fs::write(place.path().join("file"), "").unwrap();
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0", "--data-dir", "file/below"]);
    assert!(error.contains("cannot write to the data directory file/below"), "{error}");
    assert!(error.contains("hint: choose a folder that you can write to with --data-dir"), "{error}");
}

#[tokio::test]
async fn a_store_that_a_newer_keystead_made() {
    let place = Place::with_ada();
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", place.store().join("keystead.db").display());
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(error.contains("made by a newer Keystead (schema 9999"), "{error}");
    assert!(error.contains("hint: run the newer Keystead"), "{error}");
}

#[test]
fn a_path_that_no_socket_can_have() {
    let place = Place::new();
    let long = "x".repeat(120);
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0", "--data-dir", &long]);
    assert!(error.contains("too long") && error.contains("hint: choose a shorter --data-dir"), "{error}");
    assert!(!place.path().join(long).exists());
}

#[test]
fn options_that_are_not_right() {
    let place = Place::new();
    for (args, expected) in [
        (&["serve", "--listen", "8080"][..], "such as 127.0.0.1:8080"),
        (&["serve", "--public-url", "keys.example.com"], "such as https://keys.example.com"),
        (&["serve", "--embed-origin", "https://app.example.com/path"], "no path"),
        (&["serve", "--key-prefix", "My_"], "lower-case"),
        (&["serve", "--log-format", "xml"], "text, json"),
        (&["serve", "--log", "info,x=loud"], "levels of parts"),
        (&["serve", "--lisen", "x"], "--listen"),
        (&["key", "create", "--user", "a@b.example", "--name", "x", "--expires", "31d"], "30d"),
        (&["user", "set-roles", "a@b.example"], "<ROLE>..."),
        (&["healthcheck", "--url", "https://keys.example.com"], "starts with http://"),
    ] {
        let error = place.fails(2, args);
        assert!(error.starts_with("error: ") && error.contains("hint: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
