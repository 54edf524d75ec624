//! `keystead audit …`, and where `serve --audit-log` ships to.

use std::fs;

use crate::support::{Place, err, out};

/// A store with some events in it, and the file of an export of it.
fn exported(place: &Place) -> String {
    for _ in 0..3 {
        place.token();
    }
    let organizations = place.ok(&["organization", "list", "--json"]);
    let organizations: serde_json::Value = serde_json::from_str(&organizations).unwrap();
    let copy = place.ok(&["audit", "export", "--organization", organizations[0]["id"].as_str().unwrap()]);
    fs::write(place.path().join("copy.jsonl"), &copy).unwrap();
    copy
}

#[test]
fn a_log_is_verified_with_a_server_and_without_and_against_a_kept_checkpoint() {
    let place = Place::with_ada();
    place.token();
    let checkpoint = place.ok(&["audit", "checkpoint"]);
    assert_eq!(checkpoint.lines().count(), 1);
    fs::write(place.path().join("kept.jsonl"), &checkpoint).unwrap();
    let verify = ["audit", "verify", "--checkpoint", "kept.jsonl"];
    let alone = place.ok(&verify);
    assert!(alone.starts_with("OK  ") && alone.contains("nothing up to event"), "{alone}");
    let _server = place.serve(&[]);
    place.token();
    let beside = place.ok(&verify);
    assert!(beside.starts_with("OK  ") && beside.contains("nothing up to event"), "{beside}");
    assert_eq!(place.ok(&["audit", "public-key"]).trim().len(), 64);
}

#[test]
fn a_store_that_lost_what_a_kept_checkpoint_has_fails_with_the_event() {
    let mut place = Place::with_ada();
    let copy = place.copy_store();
    place.token();
    fs::write(place.path().join("kept.jsonl"), place.ok(&["audit", "checkpoint"])).unwrap();
    place.put_back(&copy);
    assert!(place.ok(&["audit", "verify"]).starts_with("OK  "));
    let output = place.run(&["audit", "verify", "--checkpoint", "kept.jsonl"]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(
        out(&output).contains("BAD ") && out(&output).contains("cut off: event 4 is missing"),
        "{}",
        out(&output)
    );
}

#[test]
fn a_copy_is_checked_alone_and_a_changed_or_cut_one_fails() {
    let place = Place::with_ada();
    let copy = exported(&place);
    let key = place.ok(&["audit", "public-key"]).trim().to_owned();
    // Elsewhere, without the store.
    let elsewhere = Place::bare();
    let path = place.path().join("copy.jsonl");
    let path = path.to_str().unwrap();
    let verify = ["audit", "verify", "--export", path, "--public-key", &key];
    assert!(elsewhere.ok(&verify).starts_with("OK  "));
    assert!(elsewhere.fails(1, &verify[..4]).contains("--public-key"));
    let checks = |text: &str, says: &str| {
        fs::write(path, text).unwrap();
        let failure = elsewhere.fails(1, &verify);
        assert!(failure.contains(says), "{failure}");
    };
    checks(&copy.replacen("\"name\":\"ci\"", "\"name\":\"cj\"", 1), "event 4 was changed");
    let lines: Vec<_> = copy.lines().collect();
    checks(&lines[..lines.len() - 1].join("\n"), "cut off");
    checks(&[&lines[..2], &lines[3..]].concat().join("\n"), "event 3 was left out");
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    checks(&swapped.join("\n"), "event 3 stands at another place");
    checks(&copy.replace("\"keyId\":\"", "\"keyId\":\"00"), "neither an event nor a checkpoint");
}

#[test]
fn a_server_ships_each_event_to_a_file_and_goes_on_after_a_restart_and_a_rotation() {
    let place = Place::with_ada();
    let path = place.path().join("audit.jsonl");
    let numbers = |path| -> Vec<i64> {
        let number = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_i64().unwrap()
        };
        fs::read_to_string(path).unwrap().lines().map(number).collect()
    };
    let server = place.serve(&["--audit-log", "audit.jsonl"]);
    place.token();
    server.stop();
    assert_eq!(numbers(&path), [1, 2, 3, 4]);
    let rotated = place.path().join("audit.jsonl.1");
    fs::rename(&path, &rotated).unwrap();
    place.token();
    let server = place.serve(&["--audit-log", "audit.jsonl"]);
    place.token();
    server.stop();
    assert_eq!((numbers(&rotated), numbers(&path)), (vec![1, 2, 3, 4], vec![5, 6]));
}

#[test]
fn what_cannot_be_asked_is_refused_with_a_hint() {
    let place = Place::with_ada();
    assert!(place.fails(1, &["audit", "export", "--organization", "nobody"]).contains("hint: "));
    assert!(place.fails(2, &["audit", "verify", "--public-key", "junk"]).contains("64 hexadecimal digits"));
    fs::write(place.path().join("junk"), "junk\n").unwrap();
    assert!(place.fails(1, &["audit", "verify", "--checkpoint", "junk"]).contains("no checkpoint"));
    let missing = place.fails(1, &["serve", "--listen", "127.0.0.1:0", "--audit-log", "missing/audit.jsonl"]);
    assert!(missing.contains("--audit-log"), "{missing}");
}
