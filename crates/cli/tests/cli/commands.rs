//! The operator's commands, with and without a server.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Place, err, get, out};

const ADA: &str = "ada@example.com";

#[test]
fn a_token_stands_alone_on_standard_output_and_works_at_once() {
    let place = Place::with_ada();
    let server = place.serve(&[]);
    let output = place.run(&["key", "create", "--user", ADA, "--name", "ci", "--expires", "7d"]);
    let token = out(&output);
    assert!(token.starts_with("ks_") && token.ends_with('\n') && token.lines().count() == 1, "{token}");
    assert!(err(&output).contains("not shown again") && !err(&output).contains(token.trim()));
    let (status, answer) = get(&server.url, "/verify", token.trim());
    assert_eq!(status, 200);
    assert!(answer.to_lowercase().contains("x-keystead-user-email: ada@example.com"), "{answer}");
}

#[test]
fn the_next_check_after_a_revocation_is_refused() {
    let place = Place::with_ada();
    let token = place.token();
    let server = place.serve(&[]);
    assert_eq!(server.get("/verify", &token), 200);
    place.ok(&["key", "revoke", &place.key_id()]);
    assert_eq!(server.get("/verify", &token), 401);
    assert!(place.fails(1, &["key", "revoke", "01890000-0000-7000-8000-000000000000"]).contains("hint: "));
}

#[test]
fn the_next_check_after_a_deactivation_is_refused_until_the_user_is_back() {
    let place = Place::with_ada();
    place.ok(&["user", "add", "eve@example.com", "--role", "administrator"]);
    let token = place.token();
    let server = place.serve(&[]);
    for (command, expected) in [("deactivate", 401), ("reactivate", 200), ("deactivate", 401)] {
        place.ok(&["user", command, ADA]);
        assert_eq!(server.get("/verify", &token), expected, "{command}");
    }
}

#[test]
fn commands_work_without_a_server_and_the_next_one_knows() {
    let place = Place::with_ada();
    let (kept, revoked) = (place.token(), place.token());
    let listed: serde_json::Value =
        serde_json::from_str(&place.ok(&["key", "list", "--user", ADA, "--json"])).unwrap();
    let masked = format!("{}…{}", &revoked[..7], &revoked[revoked.len() - 4..]);
    let key = listed.as_array().unwrap().iter().find(|key| key["maskedToken"] == masked.as_str()).unwrap();
    place.ok(&["key", "revoke", key["id"].as_str().unwrap()]);
    let server = place.serve(&[]);
    assert_eq!([server.get("/verify", &kept), server.get("/verify", &revoked)], [200, 401]);
}

#[test]
fn a_user_without_a_password_gets_a_link_to_where_the_server_is_reached() {
    let place = Place::with_ada();
    let add = |email: &str, more: &[&str]| {
        place.ok(&[&["user", "add", email, "--role", "member", "--name", "Some One"], more].concat())
    };
    assert!(add("one@example.com", &[]).starts_with("http://127.0.0.1:8080/sign-in/link/"));
    let at = ["--public-url", "https://Keys.example.com/"];
    let server = place.serve(&at);
    assert!(add("two@example.com", &at).starts_with("https://keys.example.com/sign-in/link/"));
    let link = place.ok(&[&["user", "sign-in-link", "two@example.com"][..], &at].concat());
    assert!(
        link.starts_with("https://keys.example.com/sign-in/link/") && link.lines().count() == 1,
        "{link}"
    );
    assert!(place.fails(1, &["user", "add", "two@example.com", "--role", "member"]).contains("already"));
    drop(server);
}

#[test]
fn a_password_comes_by_standard_input_and_by_the_rules() {
    let place = Place::new();
    let add = |email: &str, password: &str| {
        let mut child = place
            .command(&["user", "add", email, "--role", "member", "--password-stdin"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let short = add("grace@example.com", "short\n");
    assert_eq!(short.status.code(), Some(1));
    assert!(err(&short).contains("too short"), "{}", err(&short));
    let good = add("grace@example.com", "correct horse battery\n");
    assert!(good.status.success() && out(&good).is_empty(), "no link is needed");
    assert!(!err(&good).contains("horse"));
}

#[test]
fn keys_are_listed_for_people_and_for_programs_without_their_tokens() {
    let place = Place::with_ada();
    let token = place.token();
    let table = place.ok(&["key", "list", "--user", ADA]);
    let json = place.ok(&["key", "list", "--user", ADA, "--json"]);
    assert!(table.starts_with("ID ") && table.contains("Active") && !table.contains('\x1b'), "{table}");
    assert!(!table.contains(&token) && !json.contains(&token));
    let key = &serde_json::from_str::<serde_json::Value>(&json).unwrap()[0];
    assert_eq!((key["name"].as_str(), key["status"].as_str()), (Some("ci"), Some("active")));
    assert!(table.contains(key["id"].as_str().unwrap()));
}

#[test]
fn nobody_reading_is_no_panic_and_a_lost_token_is_told_of() {
    let place = Place::with_ada();
    let unread = |args: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        place.command(args).stdout(writer).output().unwrap()
    };
    assert!(unread(&["key", "list", "--user", ADA, "--json"]).status.success());
    assert!(unread(&["config", "reference"]).status.success());
    let created = unread(&["key", "create", "--user", ADA, "--name", "ci"]);
    assert_eq!(created.status.code(), Some(1));
    assert!(err(&created).contains("key revoke"), "{}", err(&created));
}

#[test]
fn the_version_is_printed_both_ways() {
    let place = Place::bare();
    let version = concat!("keystead ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!([place.ok(&["version"]), place.ok(&["--version"])], [version, version]);
}
