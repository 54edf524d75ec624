//! `/oauth2/introspect`: what a token is worth now, to whoever is of its organization.

use jiff::SignedDuration;
use keystead_tests::TestKey;
use serde_json::{Value, json};

use super::{PUBLIC_URL, Product, introspect};
use crate::callers::unknown_token;

#[tokio::test]
async fn a_live_session_is_described_by_what_it_is_and_who_is_behind_it() {
    let product = Product::start().await;
    let server = &product.server;
    let token = product.session().await;
    let claims: Value =
        serde_json::from_slice(&super::forger::decode(token.split('.').nth(1).unwrap())).unwrap();
    let caller = server.key(&product.mia, "a service", "30d").await;
    let expected = json!({
        "active": true,
        "token_type": "Bearer",
        "iss": PUBLIC_URL,
        "aud": PUBLIC_URL,
        "sub": product.mia.id,
        "username": product.mia.email,
        "organization_id": claims["organization_id"],
        "scope": "",
        "client_id": product.key.id,
        "jti": claims["jti"],
        "exp": claims["exp"],
        "attributes": {},
        "act": { "sub": product.ada.id, "key_id": product.key.id },
    });
    for caller in [&caller, &product.key] {
        let answer = introspect(server, caller, &token).await;
        let answer = without(answer, "iat");
        assert_eq!(answer, expected);
    }
    // Of an administrator's session, the product's permissions, and none of Keystead's.
    let admins = server.mint(&product.key, &product.ada.email).await;
    assert_eq!(introspect(server, &caller, &admins).await["scope"], "");
}

fn without(mut value: Value, member: &str) -> Value {
    value.as_object_mut().unwrap().remove(member);
    value
}

#[tokio::test]
async fn a_live_key_is_described_without_what_only_sessions_have() {
    let product = Product::start().await;
    let server = &product.server;
    let key = server.key(&product.ada, "plain", "7d").await;
    let answer = introspect(server, &product.key, &key.token).await;
    assert_eq!((&answer["active"], &answer["client_id"]), (&json!(true), &json!(key.id)));
    assert_eq!(answer["sub"], product.ada.id.as_str());
    assert!(answer["scope"].as_str().unwrap().split(' ').any(|scope| scope == "keys:read_all"), "{answer}");
    for member in ["act", "jti", "attributes", "aud"] {
        assert!(answer.get(member).is_none(), "{member}");
    }
    assert!(!answer.to_string().contains(&key.token[8..40]), "the token is not repeated");
}

/// Promise 6: a token of another organization is as inactive as junk, whole answer for whole answer.
#[tokio::test]
async fn what_is_dead_or_another_organizations_is_inactive_and_nothing_more_is_said() {
    let product = Product::start().await;
    let server = &product.server;
    let expired = server.key(&product.ada, "expired", "7d").await;
    server.advance(SignedDuration::from_hours(24 * 7));
    let caller = server.key(&product.ada, "caller", "30d").await;
    let over = product.session().await;
    server.advance(SignedDuration::from_hours(2));
    let revoked = server.key(&product.ada, "revoked", "30d").await;
    server.revoke(&revoked).await;
    let leo = server.member("leo@example.com").await;
    let left = (server.key(&leo, "left", "30d").await, server.mint(&product.key, &leo.email).await);
    server.deactivate(&leo).await;
    let eves_key = server.impersonation_key(&product.eve, "hers").await;
    let eves_session = server.mint(&eves_key, &product.eve.email).await;
    let whole = async |caller: &TestKey, token: &str| {
        let request = server.post("/oauth2/introspect").bearer_auth(&caller.token);
        let answer = request.form(&[("token", token)]).send().await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["cache-control"]),
            (200.try_into().unwrap(), &"no-store".parse().unwrap())
        );
        answer.text().await.unwrap()
    };
    let junk = whole(&caller, "junk").await;
    assert_eq!(junk, "{\"active\":false}");
    let unknown = unknown_token();
    for token in [
        unknown.as_str(),
        "a.b.c",
        &expired.token,
        &revoked.token,
        &left.0.token,
        &left.1,
        &over,
        &eves_key.token,
        &eves_session,
    ] {
        assert_eq!(whole(&caller, token).await, junk);
    }
    for token in [&caller.token, &product.key.token, &product.session().await] {
        assert_ne!(whole(&caller, token).await, junk, "it lives");
        assert_eq!(whole(&eves_key, token).await, junk, "and not to another organization");
    }
    assert_ne!(whole(&eves_key, &eves_session).await, junk);
}

/// The caller shows a key. A session is its user's, not a service's; a cookie is a browser's.
#[tokio::test]
async fn only_a_live_key_may_ask() {
    let product = Product::start().await;
    let server = &product.server;
    let session = server.mint(&product.key, &product.ada.email).await;
    let cookie = server.session(&product.ada).await.cookie;
    let revoked = server.key(&product.ada, "revoked", "30d").await;
    server.revoke(&revoked).await;
    let ask = || server.post("/oauth2/introspect").form(&[("token", &product.key.token)]);
    for (who, request) in [
        ("nobody", ask()),
        ("junk", ask().bearer_auth("junk")),
        ("a revoked key", ask().bearer_auth(&revoked.token)),
        ("a session", ask().bearer_auth(&session)),
        (
            "a session of its own token",
            server.post("/oauth2/introspect").form(&[("token", &session)]).bearer_auth(&session),
        ),
        ("a cookie", ask().header("cookie", &cookie).header("sec-fetch-site", "same-origin")),
        ("a secret", ask().basic_auth("x", Some(&product.key.token))),
        ("two keys", ask().bearer_auth(&product.key.token).header("authorization", "Bearer x")),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{who}");
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{who}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"], "invalid_token", "{who}: {body}");
    }
}

#[tokio::test]
async fn a_question_that_is_not_understood_is_refused() {
    let product = Product::start().await;
    let server = &product.server;
    let token = product.session().await;
    let at = |path: &str| server.post(&format!("/oauth2/introspect{path}")).bearer_auth(&product.key.token);
    let hinted = at("").form(&[("token", token.as_str()), ("token_type_hint", "refresh_token")]);
    let answer: Value = hinted.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["active"], true, "a hint may be ignored");
    let in_address = format!("?token={token}");
    for (what, request) in [
        ("nothing", at("").form::<[(&str, &str); 0]>(&[])),
        ("no token", at("").form(&[("token_type_hint", "x")])),
        ("in the address", at(&in_address).form(&[("token_type_hint", "x")])),
        ("two tokens", at("").form(&[("token", token.as_str()), ("token", "junk")])),
        ("JSON", at("").json(&json!({ "token": token }))),
        ("text", at("").header("content-type", "text/plain").body(format!("token={token}"))),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{what}");
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], "invalid_request", "{what}");
    }
    let by_get = server.get(&format!("/oauth2/introspect{in_address}")).bearer_auth(&product.key.token);
    assert_eq!(by_get.send().await.unwrap().status(), 405);
}

/// A look is no use: the key's last use is that of whoever asks, not of what is asked about.
#[tokio::test]
async fn a_look_at_a_token_writes_nothing() {
    let product = Product::start().await;
    let server = &product.server;
    let token = product.session().await;
    let before = server.snapshot().await;
    for token in [token.as_str(), "junk", &product.key.token] {
        introspect(server, &product.key, token).await;
    }
    assert_eq!(server.snapshot().await, before);
}
