//! Whose keys one reaches: promise 6, and what members may not.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server, post};

/// Every operation that takes a key's id.
const BY_ID: [&str; 3] = [
    "query($id: ID!) { apiKey(id: $id) { name createdBy { email } } }",
    "mutation($id: ID!) { updateApiKey(input: { id: $id, name: \"taken\", description: \"\" }) { apiKey { id } } }",
    "mutation($id: ID!) { revokeApiKey(input: { id: $id }) { revokedId } }",
];
const ALL: &str = "{ apiKeys(view: ALL) { totalCount nodes { id name createdBy { name email } } } }";

/// The names of all keys of an organization, as its administrator sees them.
async fn names(server: &Server, administrator: &str) -> Vec<String> {
    let all = server.data(administrator, ALL, json!({})).await;
    let nodes = all["apiKeys"]["nodes"].as_array().unwrap();
    nodes.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn to_a_member_others_keys_are_not_there() {
    let server = Server::start().await;
    let (token, admin) = (server.token(BOB).await, server.token(ADA).await);
    let (id, _) = server.key(ADA, "ada's", "30d").await;
    let before = names(&server, &admin).await;
    for operation in BY_ID {
        assert_eq!(
            server.refusal(&token, operation, json!({ "id": id })).await.0,
            "NOT_FOUND",
            "{operation}"
        );
    }
    assert_eq!(server.refusal(&token, ALL, json!({})).await.0, "FORBIDDEN");
    assert_eq!(names(&server, &admin).await, before);
    let mine = server.data(&token, "{ apiKeys { nodes { createdBy { email } } } }", json!({})).await;
    assert_eq!(mine["apiKeys"]["nodes"], json!([{ "createdBy": { "email": BOB } }]));
}

#[tokio::test]
async fn an_administrator_sees_and_revokes_everyones_keys_and_edits_none_but_their_own() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let (id, bobs) = server.key(BOB, "bob's", "30d").await;
    let one = server.data(&admin, BY_ID[0], json!({ "id": id })).await;
    assert_eq!(one["apiKey"], json!({ "name": "bob's", "createdBy": { "email": BOB } }));
    assert_eq!(server.refusal(&admin, BY_ID[1], json!({ "id": id })).await.0, "FORBIDDEN");
    server.data(&admin, BY_ID[2], json!({ "id": id })).await;
    let dead = server.send(post().bearer(&bobs), json!({ "query": "{ __typename }" }).to_string()).await;
    assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_another_organization_owns_looks_like_what_does_not_exist() {
    let server = Server::start().await;
    let eve = "eve@elsewhere.example";
    server.organization("Elsewhere", eve).await;
    let (admin, other) = (server.token(ADA).await, server.token(eve).await);
    let (theirs, _) = server.key(ADA, "ada's", "30d").await;
    let (own, _) = server.key(eve, "eve's", "30d").await;
    let mut unknown = own.clone();
    unknown.replace_range(34.., if own.ends_with("00") { "01" } else { "00" });
    let before = names(&server, &admin).await;
    for operation in BY_ID {
        let foreign = server.query(&other, operation, json!({ "id": theirs })).await;
        assert_eq!(foreign["errors"][0]["extensions"]["code"], "NOT_FOUND");
        for nothing in [unknown.as_str(), "", "1", "x", &theirs.to_uppercase(), "' OR 1=1 --"] {
            let missing = server.query(&other, operation, json!({ "id": nothing })).await;
            assert_eq!(missing, foreign, "{operation} {nothing:?}");
        }
    }
    assert_eq!(names(&server, &admin).await, before);
    assert_eq!(names(&server, &other).await, ["eve's", "the test's own"]);
    // Nor does a cursor lead across.
    let page =
        server.data(&admin, "{ apiKeys(view: ALL, first: 1) { pageInfo { endCursor } } }", json!({})).await;
    let after = &page["apiKeys"]["pageInfo"]["endCursor"];
    let list = "query($after: String) { apiKeys(view: ALL, after: $after) { nodes { id } } }";
    let refusal = server.refusal(&other, list, json!({ "after": after })).await;
    assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some("after".to_owned())));
}

#[tokio::test]
async fn without_a_credential_no_operation_does_anything_whoever_it_names() {
    let server = Server::start().await;
    let (id, admin) = server.key(ADA, "ada's", "30d").await;
    let before = names(&server, &admin).await;
    let operations: Vec<&str> = BY_ID
        .into_iter()
        .chain([
            ALL,
            "{ currentUser { email } }",
            "{ __schema { types { name } } }",
            "mutation { createApiKey(input: { name: \"k\" }) { token } }",
            "not a query at all {{{",
        ])
        .collect();
    for operation in operations {
        let body = json!({ "query": operation, "variables": { "id": id, "userId": id, "actor": ADA } });
        for dead in ["", "ks_", "ks_junk", "null", &admin[..admin.len() - 1]] {
            let request = if dead.is_empty() { post() } else { post().bearer(dead) };
            let reply = server.send(request, body.to_string()).await;
            assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
            assert!(reply.header("www-authenticate").starts_with("Bearer"));
            assert_eq!(reply.json().get("data"), None::<&Value>);
        }
    }
    assert_eq!(names(&server, &admin).await, before);
}
