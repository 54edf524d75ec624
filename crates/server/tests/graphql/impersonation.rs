//! `impersonateUser`, `endImpersonatedSessions` and what a key tells of its sessions, as the schema has them.

use http::StatusCode;
use keystead_app::{Deployment, SessionSettings};
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Reply, Server, post};

const CREATE: &str =
    "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { token apiKey { id } } }";
const IMPERSONATE: &str = "mutation($key: String!, $email: String!, $attributes: [UserAttributeInput!]) { \
                           impersonateUser(accessToken: $key, userEmail: $email, attributes: $attributes) }";
const END: &str = "mutation($input: EndImpersonatedSessionsInput!) { endImpersonatedSessions(input: $input) { \
                   apiKey { id impersonation { lastMintedAt liveSessions } } } }";
const TELLS: &str = "query($id: ID!) { apiKey(id: $id) { impersonation { lastMintedAt liveSessions } } }";
const WHO: &str = "{ currentUser { email userAttributes { key value source } } }";

async fn server() -> Server {
    let sessions =
        SessionSettings { issuer: "http://keystead.test".to_owned(), ..SessionSettings::default() };
    Server::start_with(Deployment { impersonation: true, sessions, ..Deployment::default() }).await
}

/// The id and the token of an impersonation key of Ada's.
async fn minter(server: &Server) -> (String, String) {
    let ada = server.token(ADA).await;
    let input = json!({ "input": { "name": "embedding", "allowImpersonation": true } });
    let made = server.data(&ada, CREATE, input).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["createApiKey"]["apiKey"]["id"]), text(&made["createApiKey"]["token"]))
}

/// A request without any credential but its argument.
async fn impersonate(server: &Server, key: &str, email: &str, attributes: Value) -> Reply {
    let variables = json!({ "key": key, "email": email, "attributes": attributes });
    server.send(post(), json!({ "query": IMPERSONATE, "variables": variables }).to_string()).await
}

async fn mint(server: &Server, key: &str, email: &str, attributes: Value) -> String {
    let reply = impersonate(server, key, email, attributes).await;
    let token = reply.json()["data"]["impersonateUser"].as_str().map(str::to_owned);
    token.unwrap_or_else(|| panic!("{}", reply.text))
}

/// What a key of Ada's tells of its sessions.
async fn told(server: &Server, id: &str) -> Value {
    let ada = server.token(ADA).await;
    server.data(&ada, TELLS, json!({ "id": id })).await["apiKey"]["impersonation"].take()
}

#[tokio::test]
async fn the_key_is_the_credential_and_the_answer_is_a_bare_token() {
    let server = server().await;
    let (_, key) = minter(&server).await;
    let reply = impersonate(&server, &key, BOB, Value::Null).await;
    assert_eq!((reply.status, reply.header("cache-control")), (StatusCode::OK, "no-store"));
    let token = mint(&server, &key, BOB, json!([])).await;
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(server.data(&token, WHO, json!({})).await["currentUser"]["email"], BOB);
}

#[tokio::test]
async fn a_refusal_is_in_errors_with_one_message_for_every_credential_and_a_clear_one_for_an_unknown_user() {
    let server = server().await;
    let (_, key) = minter(&server).await;
    let plain = server.token(ADA).await;
    let session = mint(&server, &key, ADA, Value::Null).await;
    let junk = impersonate(&server, "junk", BOB, Value::Null).await;
    assert_eq!((junk.status, junk.code().as_str()), (StatusCode::OK, "UNAUTHENTICATED"));
    for other in [plain.as_str(), &session, ""] {
        assert_eq!(impersonate(&server, other, BOB, Value::Null).await.text, junk.text);
    }
    let unknown = impersonate(&server, &key, "nobody@example.com", Value::Null).await;
    assert_eq!(unknown.code(), "NOT_FOUND");
    assert!(unknown.text.contains("in the key's organization"), "{}", unknown.text);
    let reserved = impersonate(&server, &key, BOB, json!([{ "key": "sub", "value": "x" }])).await;
    assert_eq!((reserved.code().as_str(), reserved.header("www-authenticate")), ("BAD_USER_INPUT", ""));
}

#[tokio::test]
async fn a_session_shows_its_own_attributes_over_the_users_and_only_to_itself() {
    let server = server().await;
    let (_, key) = minter(&server).await;
    let ada = server.token(ADA).await;
    let bob = server.token(BOB).await;
    let set =
        "mutation($input: SetUserAttributesInput!) { setUserAttributes(input: $input) { status { code } } }";
    let stored = json!([{ "key": "plan", "value": "free" }, { "key": "team", "value": "blue" }]);
    let input = json!({ "input": { "userId": server.id(&bob).await, "userAttributes": stored } });
    server.data(&ada, set, input).await;
    let session = mint(&server, &key, BOB, json!([{ "key": "plan", "value": "pro" }])).await;
    let attributes = async |token: &str| {
        let mut answer = server.data(token, WHO, json!({})).await;
        let mut shown: Vec<_> = answer["currentUser"]["userAttributes"]
            .as_array_mut()
            .unwrap()
            .iter()
            .map(|attribute| {
                format!("{}={}", attribute["key"].as_str().unwrap(), attribute["value"].as_str().unwrap())
            })
            .collect();
        shown.sort_unstable();
        shown
    };
    assert_eq!(attributes(&session).await, ["plan=pro", "team=blue"]);
    assert_eq!(attributes(&bob).await, ["plan=free", "team=blue"]);
}

#[tokio::test]
async fn a_key_tells_when_it_last_minted_and_how_many_sessions_live() {
    let server = server().await;
    let (id, key) = minter(&server).await;
    assert_eq!(told(&server, &id).await, json!({ "lastMintedAt": null, "liveSessions": 0 }));
    for _ in 0..3 {
        mint(&server, &key, BOB, Value::Null).await;
    }
    assert_eq!(
        told(&server, &id).await,
        json!({ "lastMintedAt": "2026-11-23T10:00:00Z", "liveSessions": 3 })
    );
    server.advance(1);
    assert_eq!(
        told(&server, &id).await,
        json!({ "lastMintedAt": "2026-11-23T10:00:00Z", "liveSessions": 0 })
    );
    let (plain, _) = server.key(ADA, "plain", "30d").await;
    assert_eq!(told(&server, &plain).await, Value::Null);
}

#[tokio::test]
async fn ending_a_keys_sessions_takes_an_impersonation_key_that_one_may_revoke() {
    let server = server().await;
    let (id, key) = minter(&server).await;
    let (plain, _) = server.key(ADA, "plain", "30d").await;
    let (ada, bob) = (server.token(ADA).await, server.token(BOB).await);
    let input = |id: &str| json!({ "input": { "keyId": id } });
    let session = mint(&server, &key, BOB, Value::Null).await;
    for (token, id, code) in [
        (&ada, plain.as_str(), "CONFLICT"),
        (&ada, "x", "NOT_FOUND"),
        (&bob, &id, "NOT_FOUND"),
        (&mint(&server, &key, ADA, Value::Null).await, &id, "FORBIDDEN"),
    ] {
        assert_eq!(server.refusal(token, END, input(id)).await.0, code, "{id}");
    }
    let reader = server.holder("reader@example.com", &["keys:read_all"]).await;
    assert_eq!(server.refusal(&reader, END, input(&id)).await.0, "FORBIDDEN", "who only sees it");
    assert_eq!(told(&server, &id).await["liveSessions"], 2);

    let ended = server.data(&ada, END, input(&id)).await;
    let left = json!({ "lastMintedAt": "2026-11-23T10:00:00Z", "liveSessions": 0 });
    assert_eq!(ended["endImpersonatedSessions"]["apiKey"], json!({ "id": id, "impersonation": left }));
    let body = json!({ "query": WHO }).to_string();
    let reply = server.send(post().bearer(&session), body).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
    assert!(reply.header("www-authenticate").contains("The session has ended."));
    assert!(server.id(&mint(&server, &key, BOB, Value::Null).await).await.len() > 30, "the key goes on");
}

#[tokio::test]
async fn a_session_that_ran_out_is_told_so() {
    let server = server().await;
    let (_, key) = minter(&server).await;
    let session = mint(&server, &key, BOB, Value::Null).await;
    server.advance(1);
    let reply = server.send(post().bearer(&session), json!({ "query": WHO }).to_string()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.header("www-authenticate").contains("The session expired at 2026-11-23T11:00:00Z."));
}
