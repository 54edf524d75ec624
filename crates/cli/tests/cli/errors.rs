//! What goes wrong at the start says what to do.

use std::net::TcpListener;

use crate::support::Place;

#[test]
fn a_port_that_is_taken() {
    let place = Place::bare();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = place.fails(1, &["serve", "--listen", &address]);
    assert!(error.contains(&format!("error: cannot listen on {address}")), "{error}");
    assert!(error.contains("hint: another program uses that port. Choose another with --listen "), "{error}");
    assert!(!place.store().exists(), "nothing is made by a start that fails");
}

#[tokio::test]
async fn a_store_that_a_newer_keystead_made() {
    let place = Place::with_ada();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'from the future', TRUE, x'00', 0)";
    place.tool().run(newer).await.unwrap();
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(error.contains("made by a newer Keystead (schema 9999"), "{error}");
    assert!(error.contains("hint: run the newer Keystead"), "{error}");
}

#[test]
fn options_that_are_not_right() {
    let place = Place::bare();
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
