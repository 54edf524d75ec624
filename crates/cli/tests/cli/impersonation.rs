//! The operator's part in impersonation: who may embed, which keys sign, and what ends sessions.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{PATIENCE, Place, Server, err, get, post};

/// The server of a demo, its folder, and its impersonation key.
fn demo(place: &Place) -> (Server, String, String) {
    let server = place.serve(&["--demo", "--impersonation"]);
    let folder = server.line_after("--data-dir ");
    let key = server.line_after("KEYSTEAD_IMPERSONATION_KEY=");
    (server, folder, key)
}

/// A new session of Grace's.
fn mint(server: &Server, key: &str) -> String {
    let query = format!(
        "mutation {{ impersonateUser(accessToken: {}, userEmail: \"grace@demo.example\") }}",
        json!(key)
    );
    let query = json!({ "query": query }).to_string();
    let answer = post(&server.url, "/graphql", "application/json", &query);
    answer["data"]["impersonateUser"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn listed(place: &Place, args: &[&str]) -> Vec<Value> {
    serde_json::from_str(&place.ok(args)).unwrap()
}

/// The ids of keys that sign, in a state.
fn ids(keys: &[Value], state: &str) -> Vec<String> {
    let of = keys.iter().filter(|key| key["state"] == state);
    of.map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_demos_impersonation_key_signs_a_user_in() {
    let place = Place::new();
    let (server, _, key) = demo(&place);
    let (status, answer) = get(&server.url, "/verify", &mint(&server, &key));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.to_lowercase().contains("x-keystead-user-email: grace@demo.example"), "{answer}");
}

#[test]
fn a_session_lasts_as_long_as_the_deployment_says() {
    let place = Place::new();
    let server = place.serve(&["--demo", "--impersonation", "--impersonation-lifetime", "15m"]);
    let key = server.line_after("KEYSTEAD_IMPERSONATION_KEY=");
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=grace@demo.example\
         &subject_token_type=urn:keystead:params:oauth:token-type:email&actor_token={key}\
         &actor_token_type=urn:ietf:params:oauth:token-type:access_token"
    );
    let answer = post(&server.url, "/oauth2/token", "application/x-www-form-urlencoded", &form);
    assert_eq!(answer["expires_in"], 900, "{answer}");
}

#[test]
fn a_demo_without_impersonation_has_no_such_key() {
    let place = Place::new();
    let server = place.serve(&["--demo"]);
    server.line_after("--data-dir ");
    let (_, printed, _) = server.stop();
    assert!(!printed.contains("KEYSTEAD_IMPERSONATION_KEY"), "{printed}");
}

#[test]
fn the_next_use_of_a_session_after_its_keys_sessions_were_ended_is_refused_and_the_key_goes_on() {
    let place = Place::new();
    let (server, folder, key) = demo(&place);
    let session = mint(&server, &key);
    let list = ["key", "list", "--user", "ada@demo.example", "--data-dir", &folder];
    assert!(place.ok(&list).contains("Impersonation key"));
    let keys = listed(&place, &[&list[..], &["--json"]].concat());
    let id_of = |impersonates: bool| {
        let key = keys.iter().find(|key| key["allowImpersonation"] == impersonates).unwrap();
        key["id"].as_str().unwrap()
    };
    let end = |id: &str| place.run(&["key", "end-sessions", id, "--data-dir", &folder]);
    assert_eq!(server.get("/verify", &session), 200);
    let ended = end(id_of(true));
    assert!(ended.status.success() && err(&ended).contains("can mint others"), "{}", err(&ended));
    assert_eq!(server.get("/verify", &session), 401);
    assert_eq!(server.get("/verify", &mint(&server, &key)), 200);
    let log = place.ok(&["audit", "export", "--organization", "Demo", "--data-dir", &folder]);
    assert_eq!(log.matches("\"key.sessions_ended\"").count(), 1, "{log}");
    let refused = end(id_of(false));
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("without Allow impersonation"), "{}", err(&refused));
}

#[test]
fn a_rotation_ends_no_session_unless_the_old_keys_are_discarded() {
    let place = Place::new();
    let (server, folder, key) = demo(&place);
    let session = mint(&server, &key);
    let rotate = |more: &[&str]| {
        let output = place.run(&[&["signing-key", "rotate", "--data-dir", &folder], more].concat());
        assert!(output.status.success(), "{}", err(&output));
        err(&output)
    };
    let said = rotate(&[]);
    assert!(said.contains("signs sessions from now on") && said.contains("stays published until"), "{said}");
    assert_eq!([server.get("/verify", &session), server.get("/verify", &mint(&server, &key))], [200, 200]);
    let (_, published) = get(&server.url, "/.well-known/jwks.json", "");
    for key in listed(&place, &["signing-key", "list", "--json", "--data-dir", &folder]) {
        assert!(published.contains(key["id"].as_str().unwrap()), "{key}: {published}");
    }

    let said = rotate(&["--discard-old"]);
    assert!(said.contains("all sessions have ended"), "{said}");
    assert_eq!([server.get("/verify", &session), server.get("/verify", &mint(&server, &key))], [401, 200]);
}

#[test]
fn the_key_that_was_published_ahead_signs_after_a_rotation_with_and_without_a_server() {
    let place = Place::with_ada();
    let keys = || listed(&place, &["signing-key", "list", "--json"]);
    for serves in [false, true] {
        let server = serves.then(|| place.serve(&["--impersonation"]));
        let before = keys();
        assert_eq!((ids(&before, "current").len(), ids(&before, "next").len()), (1, 1), "{before:?}");
        place.ok(&["signing-key", "rotate"]);
        let after = keys();
        assert_eq!(ids(&after, "current"), ids(&before, "next"));
        assert_eq!(ids(&after, "retired")[0], ids(&before, "current")[0]);
        assert!(
            after.iter().all(|key| key["endsAt"].is_string() == (key["state"] == "retired")),
            "{after:?}"
        );
        drop(server);
    }
    let table = place.ok(&["signing-key", "list"]);
    for expected in ["Signs now", "Signs next", "Signs no more", "PUBLISHED UNTIL"] {
        assert!(table.contains(expected), "{table}");
    }
}

#[test]
fn a_server_replaces_a_key_that_has_signed_for_long_enough() {
    let place = Place::with_ada();
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
    let place = Place::with_ada();
    std::fs::write(place.store().join("session-signing.keys"), "{}").unwrap();
    let error = place.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(error.contains("session-signing.keys") && error.contains("hint: "), "{error}");
}

#[test]
fn neither_an_impersonation_key_nor_a_session_is_ever_logged() {
    let place = Place::new();
    let server = place.serve(&["--demo", "--impersonation", "--log", "trace"]);
    let key = server.line_after("KEYSTEAD_IMPERSONATION_KEY=");
    let session = mint(&server, &key);
    for path in ["/verify", "/embed/keys", &format!("/embed/api-keys?token={session}")] {
        assert_eq!(server.get(path, &session), 200, "{path}");
    }
    let (_, _, log) = server.stop();
    assert!(log.contains("/embed/api-keys"), "{log}");
    let signature = session.rsplit('.').next().unwrap();
    for secret in [&key[4..47], signature] {
        assert!(!log.contains(secret), "{}", log.lines().find(|line| line.contains(secret)).unwrap());
    }
}

#[test]
fn a_site_that_may_embed_in_vain_or_in_clear_is_warned_of() {
    let place = Place::new();
    let warned = |args: &[&str]| err(&place.run(&[&["config", "check"], args].concat()));
    let site = ["--embed-origin", "https://app.example.com"];
    assert!(warned(&site).contains("no effect without impersonation"));
    assert_eq!(warned(&[&site[..], &["--impersonation"]].concat()), "");
    let local = ["--impersonation", "--embed-origin", "http://localhost:3000"];
    assert_eq!(warned(&local), "");
    let clear = warned(&["--impersonation", "--embed-origin", "http://app.example.com"]);
    assert!(clear.contains("http://app.example.com is not encrypted"), "{clear}");
}
