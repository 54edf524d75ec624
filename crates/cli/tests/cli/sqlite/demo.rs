//! `serve --demo` prints lines that work.

use std::process::Command;

use crate::support::{Place, Server, get};

fn demo(place: &Place) -> Server {
    place.serve(&["--demo", "--impersonation"])
}

#[test]
fn the_printed_curl_lines_work_as_they_are() {
    let place = Place::bare();
    let server = demo(&place);
    for expected in ["HTTP/1.1 200", "ada@demo.example"] {
        let line = format!("curl -s {}", server.line_after("curl "));
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.contains(expected), "{line}: {answer}");
    }
}

#[test]
fn the_printed_links_are_pages_of_this_server() {
    let place = Place::bare();
    let server = demo(&place);
    for name in ["Ada Lovelace", "Grace Hopper"] {
        server.line_after(name);
        let path = format!("/sign-in/link/{}", server.line_after("/sign-in/link/"));
        let (status, page) = get(&server.url, &path, "");
        assert_eq!(status, 200, "{page}");
        assert!(page.contains(name), "{page}");
    }
}

#[test]
fn a_demo_leaves_nothing_behind() {
    let place = Place::bare();
    let server = demo(&place);
    server.line_after("/graphql");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "its temporary folder");
    assert!(server.stop().0.success());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_demo_takes_no_store_but_leaves_a_configured_one_alone() {
    let place = Place::bare();
    for store in [["--data-dir", "x"], ["--database-url", "sqlite:x"]] {
        let error = place.fails(2, &[&["serve", "--demo"][..], &store].concat());
        assert!(error.contains("--demo takes no store") && error.contains("hint: "), "{error}");
    }
    let mut command = place.command(&["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let server = Server::start(command.env("KEYSTEAD_DATA_DIR", "kept"));
    server.line_after("/graphql");
    assert!(!place.path().join("kept").exists());
}

#[test]
fn a_demo_has_people_of_every_kind_with_a_role_and_a_group() {
    let place = Place::bare();
    let server = demo(&place);
    let folder = server.line_after("--data-dir ");
    let users = place.ok(&["user", "list", "--json", "--data-dir", &folder]);
    let users: serde_json::Value = serde_json::from_str(&users).unwrap();
    let users = users.as_array().unwrap();
    for status in ["active", "pending", "deactivated"] {
        assert!(users.iter().any(|user| user["status"] == status), "{status}: {users:?}");
    }
    assert!(users.iter().any(|user| user["groups"][0] == "Data team"), "{users:?}");
    place.ok(&["user", "set-roles", "grace@demo.example", "Analyst", "--data-dir", &folder]);
}
