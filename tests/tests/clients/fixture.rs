//! A store with the users and keys that the clients' own tests need, some of them older than a running server could make them.

use std::path::Path;

use jiff::SignedDuration;
use keystead_app::{Clock, Deployment};
use keystead_tests::{TestKey, TestServer, TestUser};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::folder;

/// A folder with the closed store in `store`, and `keys.json`, which says what is in it.
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    pub(crate) async fn make() -> Self {
        let mut server =
            TestServer::start_with(Deployment { impersonation: true, ..Deployment::default() }).await;
        // A key that lasts for a week has expired by now; an impersonation key, which lasts for 30 days, has not.
        server.advance(Clock::system().now() - server.now() - SignedDuration::from_hours(24 * 8));
        let ada = server.administrator("ada@example.com").await;
        let administrator = server.key(&ada, "administrator", "never").await;
        let analyst = server.member("grace@example.com").await;
        let limited = server.member("joan@example.com").await;
        let nobody = server.member("jörg@example.com").await;

        let role = json!({ "input": { "name": "Analyst", "permissions": ["reports:read"] } });
        let created = "mutation($input: CreateRoleInput!) { createRole(input: $input) { id } }";
        let created = graphql(&server, &administrator, created, &role).await;
        let role = &created["createRole"]["id"];
        for (user, roles) in [
            (&analyst, json!([{ "roleId": role }])),
            (&limited, json!([{ "roleId": role, "scopes": ["report-17"] }])),
            (&nobody, json!([])),
        ] {
            let assigned = "mutation($user: ID!, $roles: [RoleAssignmentInput!]!) {
                setRoleAssignments(userId: $user, roleAssignments: $roles) { id }
            }";
            graphql(&server, &administrator, assigned, &json!({ "user": user.id, "roles": roles })).await;
        }

        let keys = json!({
            "administrator": described(&ada, &administrator),
            "analyst": described(&analyst, &server.key(&analyst, "analyst", "never").await),
            "limited": described(&limited, &server.key(&limited, "limited", "never").await),
            "nobody": described(&nobody, &server.key(&nobody, "nobody", "never").await),
            "expired": described(&analyst, &server.key(&analyst, "expired", "7d").await),
            "impersonator": described(&ada, &server.impersonation_key(&ada, "impersonator").await),
        });
        server.stop().await;
        let folder = tempfile::tempdir().expect("a temporary directory");
        folder::copy(server.data_dir(), &folder.path().join("store"), &[]);
        std::fs::write(folder.path().join("keys.json"), keys.to_string()).expect("written");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn described(user: &TestUser, key: &TestKey) -> Value {
    json!({ "id": key.id, "token": key.token, "user": { "id": user.id, "email": user.email } })
}

async fn graphql(server: &TestServer, key: &TestKey, query: &str, variables: &Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    let request = server.post("/graphql").bearer_auth(&key.token).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.expect("an answer").text().await.expect("text");
    let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"].take()
}
