//! What people and programs do with keys, promises 1, 2, 4 and 5.

use http::StatusCode;
use keystead_app::Deployment;
use keystead_app::operator::Command;
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server, post};

const CREATE: &str = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { token apiKey { id name \
                      description maskedToken status allowImpersonation createdAt expiresAt lastUsedAt \
                      createdBy { email } } } }";
const UPDATE: &str =
    "mutation($input: UpdateApiKeyInput!) { updateApiKey(input: $input) { apiKey { name description } } }";
const REVOKE: &str = "mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { revokedId } }";
const ONE: &str = "query($id: ID!) { apiKey(id: $id) { name description status maskedToken expiresAt } }";
const WHO: &str = "{ currentUser { email } }";

#[tokio::test]
async fn a_new_key_has_the_defaults_and_can_do_what_its_creator_can() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let made = server.data(&token, CREATE, json!({ "input": { "name": "  Claude Code key " } })).await;
    let made = &made["createApiKey"];
    let new = made["token"].as_str().unwrap();
    let masked = format!("{}…{}", &new[..7], &new[new.len() - 4..]);
    let mut key = made["apiKey"].clone();
    assert!(key["id"].take().is_string());
    assert_eq!(
        key,
        json!({
            "id": null, "name": "Claude Code key", "description": "", "maskedToken": masked, "status": "ACTIVE",
            "allowImpersonation": false, "createdAt": "2026-11-23T10:00:00Z", "expiresAt": "2026-12-23T10:00:00Z",
            "lastUsedAt": null, "createdBy": { "email": BOB },
        })
    );
    assert_eq!(server.data(new, WHO, json!({})).await, json!({ "currentUser": { "email": BOB } }));
}

#[tokio::test]
async fn every_choice_of_expiration_is_a_whole_number_of_days() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    for (choice, expires_at, status) in [
        ("DAYS_7", json!("2026-11-30T10:00:00Z"), "EXPIRING_SOON"),
        ("DAYS_30", json!("2026-12-23T10:00:00Z"), "ACTIVE"),
        ("DAYS_90", json!("2027-02-21T10:00:00Z"), "ACTIVE"),
        ("DAYS_180", json!("2027-05-22T10:00:00Z"), "ACTIVE"),
        ("YEAR_1", json!("2027-11-23T10:00:00Z"), "ACTIVE"),
        ("NEVER", Value::Null, "ACTIVE"),
    ] {
        let made =
            server.data(&token, CREATE, json!({ "input": { "name": "k", "expiration": choice } })).await;
        let key = &made["createApiKey"]["apiKey"];
        assert_eq!((&key["expiresAt"], key["status"].as_str()), (&expires_at, Some(status)), "{choice}");
    }
}

#[tokio::test]
async fn the_token_is_in_the_answer_that_creates_the_key_and_in_no_other() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let body = json!({ "query": CREATE, "variables": { "input": { "name": "k" } } }).to_string();
    let reply = server.send(post().bearer(&token).header("accept-encoding", "gzip"), body).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("content-encoding"), "", "an answer with a secret is not compressed");
    let made = &reply.json()["data"]["createApiKey"];
    let (new, id) = (made["token"].as_str().unwrap(), made["apiKey"]["id"].as_str().unwrap());
    let list = "{ apiKeys { nodes { id name description maskedToken } } }";
    for (query, variables) in [
        (ONE, json!({ "id": id })),
        (list, json!({})),
        (UPDATE, json!({ "input": { "id": id, "name": "n", "description": "d" } })),
        ("{ apiKey(id: \"x\") { token } }", json!({})),
        (REVOKE, json!({ "input": { "id": id } })),
    ] {
        let answer = server.query(&token, query, variables).await.to_string();
        assert!(!answer.contains(&new[10..30]), "{answer}");
    }
}

#[tokio::test]
async fn name_and_description_change_together_or_one_by_one() {
    let server = Server::start().await;
    let (id, token) = server.key(BOB, "first", "30d").await;
    for (input, name, description) in [
        (json!({ "id": id, "name": "second", "description": "why" }), "second", "why"),
        (json!({ "id": id, "name": "third" }), "third", "why"),
        (json!({ "id": id, "description": "" }), "third", ""),
        (json!({ "id": id, "name": null, "description": "because" }), "third", "because"),
    ] {
        let changed = server.data(&token, UPDATE, json!({ "input": input })).await;
        let expected = json!({ "name": name, "description": description });
        assert_eq!(changed["updateApiKey"]["apiKey"], expected);
    }
}

#[tokio::test]
async fn what_is_frozen_cannot_even_be_sent() {
    let server = Server::start().await;
    let (id, token) = server.key(BOB, "frozen", "30d").await;
    let before = server.data(&token, ONE, json!({ "id": id })).await;
    let frozen = [
        "token",
        "tokenHash",
        "maskedToken",
        "expiresAt",
        "expiration",
        "createdBy",
        "creator",
        "creatorId",
        "userId",
        "organizationId",
        "allowImpersonation",
        "createdAt",
        "lastUsedAt",
        "status",
        "permissions",
        "requestId",
    ];
    for field in frozen {
        let mut input = json!({ "id": id, "name": "changed", "description": "" });
        input[field] = json!("x");
        let refusal = server.refusal(&token, UPDATE, json!({ "input": input })).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())));
        if matches!(field, "expiration" | "allowImpersonation") {
            continue;
        }
        let mut input = json!({ "name": "made" });
        input[field] = json!("x");
        let refusal = server.refusal(&token, CREATE, json!({ "input": input })).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())));
    }
    assert_eq!(server.data(&token, ONE, json!({ "id": id })).await, before);
    let count = server.data(&token, "{ apiKeys { totalCount } }", json!({})).await;
    assert_eq!(count["apiKeys"]["totalCount"], 1);
}

#[tokio::test]
async fn refused_texts_name_their_field_and_change_nothing() {
    let server = Server::start().await;
    let (id, token) = server.key(BOB, "mine", "30d").await;
    let texts = [
        ("name", String::new()),
        ("name", "   ".into()),
        ("name", "é".repeat(101)),
        ("name", "a\nb".into()),
        ("name", "safe\u{202e}gnp".into()),
        ("description", "x".repeat(501)),
        ("description", "a\u{0}b".into()),
    ];
    for (field, text) in texts {
        let mut input = json!({ "name": "n", "description": "d" });
        input[field] = json!(text);
        let expected = ("BAD_USER_INPUT".to_owned(), Some(field.to_owned()));
        assert_eq!(server.refusal(&token, CREATE, json!({ "input": input })).await, expected, "{text:?}");
        input["id"] = json!(id);
        assert_eq!(server.refusal(&token, UPDATE, json!({ "input": input })).await, expected, "{text:?}");
    }
    let one = server.data(&token, ONE, json!({ "id": id })).await;
    assert_eq!(one["apiKey"]["name"], "mine");
}

#[tokio::test]
async fn of_two_who_change_one_thing_each_at_once_neither_undoes_the_others() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let (id, _) = server.key(BOB, "before", "30d").await;
    for round in 0..20 {
        let (name, description) = (format!("name {round}"), format!("description {round}"));
        let rename = server.data(&token, UPDATE, json!({ "input": { "id": id, "name": name } }));
        let describe =
            server.data(&token, UPDATE, json!({ "input": { "id": id, "description": description } }));
        tokio::join!(rename, describe);
        let one = server.data(&token, ONE, json!({ "id": id })).await;
        assert_eq!(
            (&one["apiKey"]["name"], &one["apiKey"]["description"]),
            (&json!(name), &json!(description))
        );
    }
}

#[tokio::test]
async fn an_expired_key_is_listed_cannot_authenticate_or_be_edited_and_can_be_revoked() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let (id, expiring) = server.key(BOB, "short", "7d").await;
    server.advance(7);
    let one = server.data(&token, ONE, json!({ "id": id })).await;
    assert_eq!(one["apiKey"]["status"], "EXPIRED");
    let edit = json!({ "input": { "id": id, "name": "later", "description": "" } });
    assert_eq!(server.refusal(&token, UPDATE, edit).await.0, "CONFLICT");
    let dead = server.send(post().bearer(&expiring), json!({ "query": WHO }).to_string()).await;
    assert_eq!((dead.status, dead.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
    assert_eq!(
        dead.header("www-authenticate"),
        "Bearer error=\"invalid_token\", error_description=\"The API key expired at 2026-11-30T10:00:00Z.\""
    );
    let revoked = server.data(&token, REVOKE, json!({ "input": { "id": id } })).await;
    assert_eq!(revoked["revokeApiKey"]["revokedId"], json!(id));
}

#[tokio::test]
async fn a_revoked_key_is_dead_and_gone_and_cannot_be_revoked_again() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let (id, revoked) = server.key(BOB, "leaked", "30d").await;
    server.data(&token, REVOKE, json!({ "input": { "id": id } })).await;
    let mut dead = server.send(post().bearer(&revoked), json!({ "query": WHO }).to_string()).await;
    assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
    let mut unknown = server.send(post().bearer("ks_unknown"), json!({ "query": WHO }).to_string()).await;
    for reply in [&mut dead, &mut unknown] {
        reply.headers.remove("x-request-id");
    }
    assert_eq!((dead.text, dead.headers), (unknown.text, unknown.headers), "a guesser learns nothing");
    for (query, variables) in [
        (REVOKE, json!({ "input": { "id": id } })),
        (UPDATE, json!({ "input": { "id": id, "name": "n", "description": "" } })),
        (ONE, json!({ "id": id })),
    ] {
        assert_eq!(server.refusal(&token, query, variables).await.0, "NOT_FOUND");
    }
    // A key may revoke itself.
    let (own, token) = server.key(BOB, "self", "30d").await;
    server.data(&token, REVOKE, json!({ "input": { "id": own } })).await;
    let dead = server.send(post().bearer(&token), json!({ "query": WHO }).to_string()).await;
    assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_keys_of_a_deactivated_user_stop_at_once_and_work_again_on_reactivation() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    server.operate(Command::UserDeactivate { email: BOB.to_owned(), organization: None }).await;
    let dead = server.send(post().bearer(&token), json!({ "query": WHO }).to_string()).await;
    assert_eq!((dead.status, dead.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
    let admin = server.token(ADA).await;
    let all = "{ apiKeys(view: ALL) { nodes { createdBy { email active } } } }";
    let listed = server.data(&admin, all, json!({})).await;
    let nodes = listed["apiKeys"]["nodes"].as_array().unwrap();
    assert!(nodes.contains(&json!({ "createdBy": { "email": BOB, "active": false } })), "{listed}");
    server.operate(Command::UserReactivate { email: BOB.to_owned(), organization: None }).await;
    server.data(&token, WHO, json!({})).await;
}

#[tokio::test]
async fn impersonation_keys_need_the_deployment_and_the_permission() {
    let input = json!({ "input": { "name": "k", "allowImpersonation": true } });
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    assert_eq!(server.refusal(&admin, CREATE, input.clone()).await.0, "FORBIDDEN");

    let server = Server::start_with(Deployment { impersonation: true, ..Deployment::default() }).await;
    let (admin, member) = (server.token(ADA).await, server.token(BOB).await);
    assert_eq!(server.refusal(&member, CREATE, input.clone()).await.0, "FORBIDDEN");
    let made = server.data(&admin, CREATE, input).await;
    assert_eq!(made["createApiKey"]["apiKey"]["allowImpersonation"], true);
    assert!(made["createApiKey"]["token"].as_str().unwrap().starts_with("ksi_"));
}

#[tokio::test]
async fn the_user_behind_a_key_is_told_who_they_are() {
    let server = Server::start().await;
    let query = "{ currentUser { email name profilePicture active creationTimestamp lastActiveSessionTimestamp \
                 roleAssignments { roleId scopes } permissions userAttributes { key value source } isScimManaged } }";
    let ada = server.data(&server.token(ADA).await, query, json!({})).await;
    assert_eq!(
        ada["currentUser"],
        json!({
            "email": ADA, "name": "ada", "profilePicture": "", "active": true,
            "creationTimestamp": "2026-11-23T10:00:00Z", "lastActiveSessionTimestamp": null,
            "roleAssignments": [{ "roleId": "administrator", "scopes": [] }],
            "permissions": ["audit:read", "iam:read", "iam:write", "impersonation:grant", "keys:read_all",
                "keys:revoke_all", "settings:write"],
            "userAttributes": [], "isScimManaged": false,
        })
    );
    let bob = server.data(&server.token(BOB).await, query, json!({})).await;
    assert_eq!(bob["currentUser"]["permissions"], json!([]));
}
