//! The operator's part in impersonation: who may embed, which keys sign, and what ends sessions.

use serde_json::{Value, json};

use crate::support::{Place, Server, err, get, graphql, post};

const GRACE: &str = "grace@example.com";

/// A server with Ada, Grace, and an impersonation key of Ada's.
fn embedding(place: &Place, more: &[&str]) -> (Server, String) {
    place.ok(&["user", "add", GRACE, "--role", "member"]);
    let token = place.token();
    let server = place.serve(&[&["--impersonation"], more].concat());
    let create = "mutation { createApiKey(input: { name: \"embed\", allowImpersonation: true }) { token } }";
    let key = graphql(&server.url, &token, create)["createApiKey"]["token"].as_str().unwrap().to_owned();
    (server, key)
}

/// A new session of somebody's.
pub(crate) fn mint(server: &Server, key: &str, email: &str) -> String {
    let query =
        format!("mutation {{ impersonateUser(accessToken: {}, userEmail: {}) }}", json!(key), json!(email));
    let query = json!({ "query": query }).to_string();
    let answer = post(&server.url, "/graphql", "application/json", &query);
    answer["data"]["impersonateUser"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

pub(crate) fn listed(place: &Place, args: &[&str]) -> Vec<Value> {
    serde_json::from_str(&place.ok(args)).unwrap()
}

/// The ids of keys that sign, in a state.
pub(crate) fn ids(keys: &[Value], state: &str) -> Vec<String> {
    let of = keys.iter().filter(|key| key["state"] == state);
    of.map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_session_lasts_as_long_as_the_deployment_says() {
    let place = Place::with_ada();
    let (server, key) = embedding(&place, &["--impersonation-lifetime", "15m"]);
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=grace@example.com\
         &subject_token_type=urn:keystead:params:oauth:token-type:email&actor_token={key}\
         &actor_token_type=urn:ietf:params:oauth:token-type:access_token"
    );
    let answer = post(&server.url, "/oauth2/token", "application/x-www-form-urlencoded", &form);
    assert_eq!(answer["expires_in"], 900, "{answer}");
}

#[test]
fn the_next_use_of_a_session_after_its_keys_sessions_were_ended_is_refused_and_the_key_goes_on() {
    let place = Place::with_ada();
    let (server, key) = embedding(&place, &[]);
    let session = mint(&server, &key, GRACE);
    let list = ["key", "list", "--user", "ada@example.com"];
    assert!(place.ok(&list).contains("Impersonation key"));
    let keys = listed(&place, &[&list[..], &["--json"]].concat());
    let id_of = |impersonates: bool| {
        let key = keys.iter().find(|key| key["allowImpersonation"] == impersonates).unwrap();
        key["id"].as_str().unwrap()
    };
    let end = |id: &str| place.run(&["key", "end-sessions", id]);
    assert_eq!(server.get("/verify", &session), 200);
    let ended = end(id_of(true));
    assert!(ended.status.success() && err(&ended).contains("can mint others"), "{}", err(&ended));
    assert_eq!(server.get("/verify", &session), 401);
    assert_eq!(server.get("/verify", &mint(&server, &key, GRACE)), 200);
    let log = place.ok(&["audit", "export", "--organization", "My organization"]);
    assert_eq!(log.matches("\"key.sessions_ended\"").count(), 1, "{log}");
    let refused = end(id_of(false));
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("without Allow impersonation"), "{}", err(&refused));
}

#[test]
fn a_rotation_ends_no_session_unless_the_old_keys_are_discarded() {
    let place = Place::with_ada();
    let (server, key) = embedding(&place, &[]);
    let session = mint(&server, &key, GRACE);
    let rotate = |more: &[&str]| {
        let output = place.run(&[&["signing-key", "rotate"], more].concat());
        assert!(output.status.success(), "{}", err(&output));
        err(&output)
    };
    let said = rotate(&[]);
    assert!(said.contains("signs sessions from now on") && said.contains("stays published until"), "{said}");
    assert_eq!(
        [server.get("/verify", &session), server.get("/verify", &mint(&server, &key, GRACE))],
        [200, 200]
    );
    let (_, published) = get(&server.url, "/.well-known/jwks.json", "");
    for key in listed(&place, &["signing-key", "list", "--json"]) {
        assert!(published.contains(key["id"].as_str().unwrap()), "{key}: {published}");
    }

    let said = rotate(&["--discard-old"]);
    assert!(said.contains("all sessions have ended"), "{said}");
    assert_eq!(
        [server.get("/verify", &session), server.get("/verify", &mint(&server, &key, GRACE))],
        [401, 200]
    );
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
fn neither_an_impersonation_key_nor_a_session_is_ever_logged() {
    let place = Place::with_ada();
    let (server, key) = embedding(&place, &["--log", "trace"]);
    let session = mint(&server, &key, GRACE);
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
    let place = Place::bare();
    let warned = |args: &[&str]| err(&place.run(&[&["config", "check"], args].concat()));
    let site = ["--embed-origin", "https://app.example.com"];
    assert!(warned(&site).contains("no effect without impersonation"));
    assert_eq!(warned(&[&site[..], &["--impersonation"]].concat()), "");
    let local = ["--impersonation", "--embed-origin", "http://localhost:3000"];
    assert_eq!(warned(&local), "");
    let clear = warned(&["--impersonation", "--embed-origin", "http://app.example.com"]);
    assert!(clear.contains("http://app.example.com is not encrypted"), "{clear}");
}
