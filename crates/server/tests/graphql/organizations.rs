//! The organizations of the deployment, for site administrators.

use http::StatusCode;
use keystead_app::operator::Command;
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server, post};

const CREATE: &str = "mutation($name: String!, $email: String!) { createOrganization(name: $name, administratorEmail: $email) \
                      { invitationUrl mailed organization { id name createdAt archivedAt } } }";
const LIST: &str = "{ organizations { id name archivedAt } }";
const ARCHIVE: &str = "mutation($id: ID!) { archiveOrganization(id: $id) { name archivedAt } }";
const RESTORE: &str = "mutation($id: ID!) { restoreOrganization(id: $id) { name archivedAt } }";

/// Ada, who also manages the deployment's organizations.
async fn site_administrator(server: &Server) -> String {
    let roles = vec!["administrator".to_owned(), "site_administrator".to_owned()];
    server.operate(Command::UserSetRoles { email: ADA.to_owned(), organization: None, roles }).await;
    server.token(ADA).await
}

#[tokio::test]
async fn an_organization_is_made_with_an_administrator_archived_and_brought_back() {
    let server = Server::start().await;
    let site = site_administrator(&server).await;
    let made =
        server.data(&site, CREATE, json!({ "name": " Elsewhere ", "email": "eve@elsewhere.example" })).await;
    let made = &made["createOrganization"];
    assert!(
        made["invitationUrl"].as_str().unwrap().starts_with("http://keystead.test/invitation/"),
        "{made}"
    );
    assert_eq!(made["mailed"], false);
    let id = &made["organization"]["id"];
    assert_eq!(
        made["organization"],
        json!({ "id": id, "name": "Elsewhere", "createdAt": "2026-11-23T10:00:00Z", "archivedAt": null })
    );
    let all = server.data(&site, LIST, json!({})).await;
    assert_eq!(all["organizations"].as_array().unwrap().len(), 2);
    assert!(!all.to_string().contains("eve"), "no more of it than that it is there");

    let eve = server.token("eve@elsewhere.example").await;
    let works = || async {
        let reply = server.send(post().bearer(&eve), json!({ "query": "{ __typename }" }).to_string()).await;
        reply.status == StatusCode::OK
    };
    for _ in 0..2 {
        let archived = server.data(&site, ARCHIVE, json!({ "id": id })).await;
        assert_eq!(
            archived["archiveOrganization"],
            json!({ "name": "Elsewhere", "archivedAt": "2026-11-23T10:00:00Z" })
        );
        assert!(!works().await);
    }
    let restored = server.data(&site, RESTORE, json!({ "id": id })).await;
    assert_eq!(restored["restoreOrganization"], json!({ "name": "Elsewhere", "archivedAt": null }));
    assert!(works().await);
}

#[tokio::test]
async fn only_site_administrators_know_of_other_organizations() {
    let server = Server::start().await;
    let elsewhere = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let nowhere = "01900000-0000-7000-8000-000000000000";
    let create = json!({ "name": "n", "email": "x@example.com" });
    for token in
        [server.token(ADA).await, server.token(BOB).await, server.token("eve@elsewhere.example").await]
    {
        for id in [elsewhere.as_str(), nowhere, "x"] {
            for mutation in [ARCHIVE, RESTORE] {
                assert_eq!(server.refusal(&token, mutation, json!({ "id": id })).await.0, "FORBIDDEN");
            }
        }
        assert_eq!(server.refusal(&token, CREATE, create.clone()).await.0, "FORBIDDEN");
        assert_eq!(server.refusal(&token, LIST, json!({})).await.0, "FORBIDDEN");
    }
    let site = site_administrator(&server).await;
    for id in [nowhere, "x", ""] {
        for mutation in [ARCHIVE, RESTORE] {
            assert_eq!(server.refusal(&site, mutation, json!({ "id": id })).await.0, "NOT_FOUND", "{id}");
        }
    }
    let own = server.data(&site, "{ organization { id } }", json!({})).await["organization"]["id"].take();
    assert_eq!(server.refusal(&site, ARCHIVE, json!({ "id": own })).await.0, "CONFLICT", "one's own");
    for (variables, field) in [
        (json!({ "name": "", "email": "x@example.com" }), "name"),
        (json!({ "name": "n", "email": "x" }), "administratorEmail"),
    ] {
        let refusal = server.refusal(&site, CREATE, variables).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())));
    }
    // A site administrator reaches into none of them.
    let users = server.data(&site, "{ listUsers { email } }", json!({})).await;
    assert_eq!(users["listUsers"], json!([{ "email": BOB }, { "email": ADA }]));
    let foreign = server
        .query(&site, "query($id: ID) { listUsers(workspaceId: $id) { id } }", json!({ "id": elsewhere }))
        .await;
    assert_eq!(foreign["data"], Value::Null);
}
