//! `/verify/batch`: what `/verify` says of each of many tokens, to whoever is of their organization.

use jiff::SignedDuration;
use keystead_tests::{TestKey, TestServer};
use reqwest::Response;
use serde_json::{Value, json};

use super::Product;
use crate::callers::unknown_token;

async fn send(server: &TestServer, caller: &TestKey, checks: &Value) -> Response {
    let body = json!({ "checks": checks });
    server.post("/verify/batch").bearer_auth(&caller.token).json(&body).send().await.unwrap()
}

async fn batch(server: &TestServer, caller: &TestKey, checks: &Value) -> Vec<Value> {
    let answer = send(server, caller, checks).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.unwrap();
    answer["results"].as_array().unwrap().clone()
}

/// What `/verify` says of one, in the words of a batch.
async fn single(server: &TestServer, check: &Value) -> Value {
    let text = |name: &str| check[name].as_str().map(|value| (name.to_owned(), value.to_owned()));
    let query: Vec<_> = ["permission", "resource"].into_iter().filter_map(text).collect();
    let request = server.get("/verify").query(&query).bearer_auth(check["token"].as_str().unwrap());
    let answer = request.send().await.unwrap();
    if answer.status() != 200 {
        let mut problem: Value = answer.json().await.unwrap();
        problem["valid"] = false.into();
        return problem;
    }
    let mut said = json!({ "valid": true, "status": 200 });
    for (name, value) in answer.headers() {
        let Some(name) = name.as_str().strip_prefix("x-keystead-") else { continue };
        let value = value.to_str().unwrap();
        said[name.replace('-', "_")] = match name {
            "permissions" => value.split(',').filter(|name| !name.is_empty()).collect(),
            _ => value.into(),
        };
    }
    said
}

#[tokio::test]
async fn each_of_many_is_answered_by_its_index_as_it_would_be_alone() {
    let product = Product::start().await;
    let server = &product.server;
    let expired = server.key(&product.ada, "expired", "7d").await;
    server.advance(SignedDuration::from_hours(24 * 7));
    let caller = server.key(&product.mia, "a service", "30d").await;
    let over = product.session().await;
    server.advance(SignedDuration::from_hours(2));
    let (live, revoked) =
        (server.key(&product.ada, "live", "30d").await, server.key(&product.ada, "revoked", "30d").await);
    server.revoke(&revoked).await;
    let leo = server.member("leo@example.com").await;
    let left = server.key(&leo, "left", "30d").await;
    server.deactivate(&leo).await;
    let session = product.session().await;
    let checks = json!([
        { "token": live.token },
        { "token": "junk" },
        { "token": unknown_token() },
        { "token": revoked.token },
        { "token": expired.token },
        { "token": left.token },
        { "token": session },
        { "token": over },
        { "token": "a.b.c" },
        { "token": live.token, "permission": "keys:read_all" },
        { "token": caller.token, "permission": "keys:read_all" },
        { "token": session, "permission": "reports:read", "resource": "r1" },
        { "token": live.token, "permission": "reports:read", "resource": "r1" },
        { "token": live.token, "permission": "Not A Permission" },
        { "token": live.token, "resource": "r1" },
        { "token": live.token },
    ]);
    let answers = batch(server, &caller, &checks).await;
    let mut alone = Vec::new();
    for (index, check) in checks.as_array().unwrap().iter().enumerate() {
        let mut answer = single(server, check).await;
        answer["index"] = index.into();
        alone.push(answer);
    }
    assert_eq!(answers, alone);
    let statuses: Vec<_> = answers.iter().map(|answer| answer["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 200, 401, 401, 200, 403, 403, 200, 422, 422, 200]);
    for (index, end) in [(4, "expired at"), (7, "expired at"), (3, "does not work")] {
        assert!(answers[index]["detail"].as_str().unwrap().contains(end), "{}", answers[index]);
    }
}

/// Promise 6: live, expired or minted, another organization's look as those that never were.
#[tokio::test]
async fn a_token_of_another_organization_looks_like_an_unknown_one() {
    let product = Product::start().await;
    let server = &product.server;
    let expired = server.key(&product.eve, "expired", "7d").await;
    server.advance(SignedDuration::from_hours(24 * 7));
    let eves_key = server.impersonation_key(&product.eve, "hers").await;
    let over = server.mint(&eves_key, &product.eve.email).await;
    server.advance(SignedDuration::from_hours(2));
    let eves_session = server.mint(&eves_key, &product.eve.email).await;
    let caller = server.key(&product.ada, "caller", "30d").await;
    let ask = async |caller: &TestKey, token: &str, permission: Option<&str>| {
        let checks = json!([{ "token": token, "permission": permission }]);
        batch(server, caller, &checks).await.remove(0)
    };
    for permission in [None, Some("keys:read_all")] {
        let unknown = ask(&caller, &unknown_token(), permission).await;
        for token in [&eves_key.token, &expired.token] {
            assert_eq!(ask(&caller, token, permission).await, unknown);
            assert_ne!(ask(&eves_key, token, permission).await, unknown, "her own is told");
        }
        let none = ask(&caller, "a.b.c", permission).await;
        for token in [&eves_session, &over] {
            assert_eq!(ask(&caller, token, permission).await, none);
            assert_ne!(ask(&eves_key, token, permission).await, none, "her own is told");
        }
    }
}

#[tokio::test]
async fn a_bad_check_is_bad_for_itself_alone_and_its_token_is_not_repeated() {
    let product = Product::start().await;
    let (server, token) = (&product.server, &product.key.token);
    let bad = [
        json!(null),
        json!(token),
        json!([token]),
        json!({}),
        json!({ "token": null }),
        json!({ "token": 7 }),
        json!({ "token": [token] }),
        json!({ "token": token, "permission": 7 }),
        json!({ "token": token, "permission": "" }),
        json!({ "token": token, "permission": "keys:read_all", "resource": "a b" }),
        json!({ "token": token, "scope": "x" }),
    ];
    for bad in bad {
        let answers =
            batch(server, &product.key, &json!([{ "token": token }, bad, { "token": token }])).await;
        let statuses = answers.iter().map(|answer| (&answer["index"], &answer["status"], &answer["valid"]));
        let expected = [
            (&json!(0), &json!(200), &json!(true)),
            (&json!(1), &json!(422), &json!(false)),
            (&json!(2), &json!(200), &json!(true)),
        ];
        assert!(statuses.eq(expected), "{answers:?}");
        assert!(!json!(answers).to_string().contains(&token[8..40]));
    }
    let twice = format!(r#"{{"checks":[{{"token":"junk","token":"{token}"}}]}}"#);
    let request = server.post("/verify/batch").bearer_auth(token).header("content-type", "application/json");
    let answer: Value = request.body(twice).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["results"][0]["status"], 422, "a token that is said twice is none");
}

#[tokio::test]
async fn a_thousand_are_checked_at_once_and_no_more() {
    let product = Product::start().await;
    let server = &product.server;
    assert!(batch(server, &product.key, &json!([])).await.is_empty());
    let mut checks = vec![json!({ "token": product.key.token }); 1_000];
    checks[500] = json!({ "token": "junk" });
    let answers = batch(server, &product.key, &json!(checks)).await;
    let good = answers.iter().filter(|answer| answer["valid"] == true).count();
    assert_eq!((answers.len(), good, &answers[500]["valid"]), (1_000, 999, &json!(false)));
    checks.push(json!({ "token": "junk" }));
    let answer = send(server, &product.key, &json!(checks)).await;
    assert_eq!(answer.status(), 422);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let answer = send(server, &product.key, &json!([{ "token": "x".repeat(1024 * 1024) }])).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], 413);
}

#[tokio::test]
async fn only_a_live_key_may_ask_about_many() {
    let product = Product::start().await;
    let server = &product.server;
    let session = server.mint(&product.key, &product.ada.email).await;
    let cookie = server.session(&product.ada).await.cookie;
    let revoked = server.key(&product.ada, "revoked", "30d").await;
    server.revoke(&revoked).await;
    let ask = || server.post("/verify/batch").json(&json!({ "checks": [{ "token": product.key.token }] }));
    for (who, request) in [
        ("nobody", ask()),
        ("junk", ask().bearer_auth("junk")),
        ("a revoked key", ask().bearer_auth(&revoked.token)),
        ("a session", ask().bearer_auth(&session)),
        ("a cookie", ask().header("cookie", &cookie).header("sec-fetch-site", "same-origin")),
        ("two keys", ask().bearer_auth(&product.key.token).header("authorization", "Bearer x")),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{who}");
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{who}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{who}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{who}");
    }
}

#[tokio::test]
async fn a_batch_that_is_not_understood_is_refused_whole_and_not_repeated() {
    let product = Product::start().await;
    let (server, token) = (&product.server, &product.key.token);
    let at = |path: &str| server.post(&format!("/verify/batch{path}")).bearer_auth(token);
    let json = |body: String| at("").header("content-type", "application/json").body(body);
    for (what, request) in [
        ("nothing", json(String::new())),
        ("a list", json(format!(r#"["{token}"]"#))),
        ("a list in a list", json(format!(r#"[[{{"token":"{token}"}}]]"#))),
        ("another member", json(format!(r#"{{"checks":[],"tokens":["{token}"]}}"#))),
        ("twice", json(format!(r#"{{"checks":[],"checks":[{{"token":"{token}"}}]}}"#))),
        ("no list", json(format!(r#"{{"checks":"{token}"}}"#))),
        ("cut off", json(format!(r#"{{"checks":[{{"token":"{token}""#))),
        ("a form", at("").form(&[("token", token)])),
        ("text", at("").header("content-type", "text/plain").body(r#"{"checks":[]}"#)),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 422, "{what}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(r#""field":"checks""#) && !body.contains(&token[8..40]), "{what}: {body}");
    }
    let in_address = server.get(&format!("/verify/batch?token={token}")).bearer_auth(token);
    assert_eq!(in_address.send().await.unwrap().status(), 405);
}
