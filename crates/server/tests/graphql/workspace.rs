//! `createUsers`, `setUserAttributes`, `deleteUsersFromWorkspace`, `listUsers`: many users at once, with a status.

use http::StatusCode;
use keystead_app::operator::Command;
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server, post};

const CREATE: &str =
    "mutation($input: CreateUsersInput!) { createUsers(input: $input) { status { code message } } }";
const ATTRIBUTES: &str = "mutation($input: SetUserAttributesInput!) { setUserAttributes(input: $input) { status { code message } } }";
const DELETE: &str = "mutation($input: DeleteUsersFromWorkspaceInput!) \
                      { deleteUsersFromWorkspace(input: $input) { status { code message } } }";
const LIST: &str = "query($workspace: ID) { listUsers(workspaceId: $workspace) { id email name active \
                    roleAssignments { roleId scopes } groups { name } userAttributes { key value source } } }";

/// The code and the message of the one status in an answer.
async fn status(server: &Server, token: &str, mutation: &str, input: Value) -> (String, String) {
    let data = server.data(token, mutation, json!({ "input": input })).await;
    let (_, payload) = data.as_object().unwrap().iter().next().unwrap();
    let text = |name: &str| payload["status"][name].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

async fn list(server: &Server, token: &str) -> Vec<Value> {
    server.data(token, LIST, json!({})).await["listUsers"].as_array().unwrap().clone()
}

async fn listed(server: &Server, token: &str, email: &str) -> Value {
    list(server, token).await.into_iter().find(|user| user["email"] == email).unwrap_or(Value::Null)
}

fn done() -> (String, String) {
    ("OK".to_owned(), "Operation completed successfully".to_owned())
}

#[tokio::test]
async fn users_are_created_alike_with_roles_attributes_and_groups() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let group = "mutation { createUserGroup(input: { name: \"Support\" }) { id } }";
    let group = server.data(&admin, group, json!({})).await["createUserGroup"]["id"].take();
    let input = json!({
        "emails": ["cy@example.com", "di+tenant@example.com"],
        "roleAssignments": [{ "roleId": "administrator" }, { "roleId": "member", "scopes": [] }],
        "userAttributes": [{ "key": "department", "value": "R&D" }],
        "userGroupIds": [group],
    });
    assert_eq!(status(&server, &admin, CREATE, input).await, done());
    for (email, name) in [("cy@example.com", "cy"), ("di+tenant@example.com", "di+tenant")] {
        let mut user = listed(&server, &admin, email).await;
        assert!(user["id"].take().is_string());
        assert_eq!(
            user,
            json!({
                "id": null, "email": email, "name": name, "active": true,
                "roleAssignments": [{ "roleId": "administrator", "scopes": [] }, { "roleId": "member", "scopes": [] }],
                "groups": [{ "name": "Support" }],
                "userAttributes": [{ "key": "department", "value": "R&D", "source": "DATABASE" }],
            })
        );
    }
}

#[tokio::test]
async fn creating_a_user_again_overwrites_what_is_sent_and_leaves_what_is_not() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let first = json!({
        "emails": ["Cy@Example.com"], "roleAssignments": [{ "roleId": "administrator" }],
        "userAttributes": [{ "key": "a", "value": "1" }],
    });
    assert_eq!(status(&server, &admin, CREATE, first).await, done());
    let token = server.token("cy@example.com").await;
    let before = listed(&server, &admin, "Cy@Example.com").await;

    assert_eq!(status(&server, &admin, CREATE, json!({ "emails": ["cy@example.com"] })).await, done());
    assert_eq!(listed(&server, &admin, "Cy@Example.com").await, before, "nothing was sent but the address");

    let again = json!({ "emails": ["CY@example.com"], "roleAssignments": [{ "roleId": "member" }] });
    assert_eq!(status(&server, &admin, CREATE, again).await, done());
    let after = listed(&server, &admin, "Cy@Example.com").await;
    assert_eq!(after["id"], before["id"], "the same user");
    assert_eq!(after["roleAssignments"], json!([{ "roleId": "member", "scopes": [] }]));
    assert_eq!(after["userAttributes"], before["userAttributes"]);
    assert_eq!(server.refusal(&token, LIST, json!({})).await.0, "FORBIDDEN", "their key felt it at once");
}

#[tokio::test]
async fn refused_input_is_a_status_and_creates_nobody() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let before = list(&server, &admin).await;
    let emails = |count: usize| (0..count).map(|n| format!("u{n}@example.com")).collect::<Vec<_>>();
    let fine = "cy@example.com";
    let nowhere = "01900000-0000-7000-8000-000000000000";
    let attribute = |key: &str| json!({ "key": key, "value": "" });
    for (input, code, says) in [
        (json!({ "emails": [] }), "ERROR", "Send 1 to 1000 e-mail addresses at a time."),
        (json!({ "emails": emails(1_001) }), "ERROR", "Send 1 to 1000 e-mail addresses at a time."),
        (json!({ "emails": emails(5_000) }), "ERROR", "Send 1 to 1000 e-mail addresses at a time."),
        (json!({ "emails": [fine, "nobody"] }), "ERROR", "Address 2: That is not an e-mail address."),
        (json!({ "emails": [fine], "sendWelcomeEmail": true }), "ERROR", "no mail server"),
        (json!({ "emails": [fine], "userAttributes": [attribute("")] }), "ERROR", "attribute"),
        (json!({ "emails": [fine], "userAttributes": [attribute("a"), attribute("a")] }), "ERROR", "twice"),
        (
            json!({ "emails": [fine], "roleAssignments": [{ "roleId": "member", "scopes": ["r1"] }] }),
            "ERROR",
            "cannot be limited",
        ),
        (
            json!({ "emails": [fine], "roleAssignments": [{ "roleId": "member", "scopes": ["a b"] }] }),
            "ERROR",
            "without blanks",
        ),
        (json!({ "emails": [fine], "roleAssignments": [{ "roleId": "root" }] }), "NOT_FOUND", "role"),
        (json!({ "emails": [fine], "roleAssignments": [{ "roleId": "ROOT *" }] }), "NOT_FOUND", "role"),
        (json!({ "emails": [fine], "roleAssignments": [{ "roleId": nowhere }] }), "NOT_FOUND", "role"),
        (json!({ "emails": [fine], "userGroupIds": [nowhere] }), "NOT_FOUND", "group"),
        (json!({ "emails": [fine], "userGroupIds": ["x"] }), "NOT_FOUND", "group"),
        (json!({ "emails": [fine], "workspaceID": nowhere }), "NOT_FOUND", "workspace"),
    ] {
        let (got, message) = status(&server, &admin, CREATE, input.clone()).await;
        assert!(got == code && message.contains(says), "{got} {message}: {says}");
    }
    assert_eq!(list(&server, &admin).await, before);
}

#[tokio::test]
async fn a_thousand_users_are_created_at_once_and_of_ten_thousand_the_request_is_refused_clearly() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let emails = |count: usize| {
        (0..count).map(|n| format!("{n:05}-{}@example.com", "x".repeat(40))).collect::<Vec<_>>()
    };
    assert_eq!(status(&server, &admin, CREATE, json!({ "emails": emails(998) })).await, done());
    assert_eq!(list(&server, &admin).await.len(), 1_000, "and all are listed");
    assert_eq!(status(&server, &admin, CREATE, json!({ "emails": emails(1_000) })).await, done());
    let answer = server.query(&admin, LIST, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("users(first, after)"), "{answer}");

    let body = json!({ "query": CREATE, "variables": { "input": { "emails": emails(10_000) } } }).to_string();
    let reply = server.send(post().bearer(&admin), body).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "BAD_USER_INPUT"));
}

/// What the writer does for a call is bounded, however the work is spread over the fields of its input.
#[tokio::test]
async fn a_call_costs_what_it_writes() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let emails: Vec<_> = (0..1_000).map(|n| format!("u{n}@example.com")).collect();
    let groups: Vec<_> = (0..50).map(|n| format!("01900000-0000-7000-8000-0000000000{n:02}")).collect();
    let input = json!({ "input": { "emails": emails, "userGroupIds": groups } });
    let answer = server.query(&admin, CREATE, input).await;
    assert_eq!(answer["errors"][0]["message"], "Query is too complex.", "{answer}");
}

#[tokio::test]
async fn what_is_not_about_the_input_is_an_error_and_no_status() {
    let server = Server::start().await;
    let member = server.token(BOB).await;
    let (ada, admin) = (server.id(&server.token(ADA).await).await, server.token(ADA).await);
    let writer = server.holder("iris@example.com", &["iam:read", "iam:write"]).await;
    let administrator = json!([{ "roleId": "administrator" }]);
    let before = list(&server, &admin).await;
    for (token, mutation, input) in [
        (&member, CREATE, json!({ "emails": ["cy@example.com"] })),
        (&member, CREATE, json!({ "emails": [] })),
        (&member, ATTRIBUTES, json!({ "userId": ada, "userAttributes": [] })),
        (&member, ATTRIBUTES, json!({ "userId": "x", "userAttributes": [] })),
        (&member, DELETE, json!({ "userIds": [ada] })),
        // Nobody grants what they do not hold, and nobody changes somebody who may do more than they.
        (&writer, CREATE, json!({ "emails": ["cy@example.com"], "roleAssignments": administrator })),
        (&writer, CREATE, json!({ "emails": [ADA], "roleAssignments": [] })),
        (&writer, CREATE, json!({ "emails": ["iris@example.com"], "roleAssignments": administrator })),
        (&writer, ATTRIBUTES, json!({ "userId": ada, "userAttributes": [] })),
        (&writer, DELETE, json!({ "userIds": [ada] })),
    ] {
        let refusal = server.refusal(token, mutation, json!({ "input": input.clone() })).await;
        assert_eq!(refusal.0, "FORBIDDEN", "{mutation} {input}");
    }
    assert_eq!(list(&server, &admin).await, before);
    assert_eq!(server.refusal(&member, LIST, json!({})).await.0, "FORBIDDEN");
}

#[tokio::test]
async fn attributes_are_replaced_as_a_whole() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let id = server.id(&bob).await;
    for attributes in [
        json!([{ "key": "team", "value": "blue" }, { "key": "floor", "value": "" }]),
        json!([{ "key": "team", "value": "red" }]),
        json!([]),
    ] {
        let input = json!({ "userId": id, "userAttributes": attributes });
        assert_eq!(status(&server, &admin, ATTRIBUTES, input).await, done());
        let own = server.data(&bob, "{ currentUser { userAttributes { key value } } }", json!({})).await;
        let mut expected = attributes.as_array().unwrap().clone();
        expected.sort_by_key(|one| one["key"].as_str().unwrap().to_owned());
        assert_eq!(own["currentUser"]["userAttributes"], json!(expected), "one sees one's own");
    }
    let many: Vec<_> = (0..51).map(|n| json!({ "key": n.to_string(), "value": "" })).collect();
    let (code, message) =
        status(&server, &admin, ATTRIBUTES, json!({ "userId": id, "userAttributes": many })).await;
    assert_eq!((code.as_str(), message.as_str()), ("ERROR", "A user has at most 50 attributes."));
    for nobody in ["x", "", "01900000-0000-7000-8000-000000000000"] {
        let input = json!({ "userId": nobody, "userAttributes": [] });
        assert_eq!(status(&server, &admin, ATTRIBUTES, input).await.0, "NOT_FOUND", "{nobody}");
    }
}

#[tokio::test]
async fn deleted_users_are_gone_with_their_keys_all_or_none() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let (ada_id, bob_id) = (server.id(&admin).await, server.id(&bob).await);
    let nobody = "01900000-0000-7000-8000-000000000000";
    let many: Vec<_> = (0..1_001).map(|_| nobody).collect();
    for (ids, code) in [
        (json!([bob_id, nobody]), "NOT_FOUND"),
        (json!([bob_id, "x"]), "NOT_FOUND"),
        (json!([]), "ERROR"),
        (json!(many), "ERROR"),
        (json!([bob_id, ada_id]), "ERROR"),
    ] {
        assert_eq!(status(&server, &admin, DELETE, json!({ "userIds": ids })).await.0, code, "{ids}");
    }
    assert_eq!(server.id(&bob).await, bob_id, "they are still there, and so is their key");
    let other = json!({ "userIds": [bob_id], "workspaceID": nobody });
    assert_eq!(status(&server, &admin, DELETE, other).await.0, "NOT_FOUND");

    assert_eq!(status(&server, &admin, DELETE, json!({ "userIds": [bob_id] })).await, done());
    let reply = server.send(post().bearer(&bob), json!({ "query": "{ __typename }" }).to_string()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(listed(&server, &admin, BOB).await, Value::Null);
    let keys =
        server.data(&admin, "{ apiKeys(view: ALL) { nodes { createdBy { email } } } }", json!({})).await;
    assert_eq!(keys["apiKeys"]["nodes"], json!([{ "createdBy": { "email": ADA } }]));
}

#[tokio::test]
async fn the_workspace_is_ones_own_organization_and_no_other() {
    let server = Server::start().await;
    let elsewhere = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let (admin, eve) = (server.token(ADA).await, server.token("eve@elsewhere.example").await);
    let own = server.data(&admin, "{ organization { id } }", json!({})).await["organization"]["id"].take();
    let users = server.data(&admin, LIST, json!({ "workspace": own })).await;
    assert_eq!(users["listUsers"].as_array().unwrap().len(), 2);
    assert_eq!(status(&server, &admin, CREATE, json!({ "emails": [BOB], "workspaceID": own })).await, done());

    let unknown = server.query(&admin, LIST, json!({ "workspace": "x" })).await;
    let foreign = server.query(&admin, LIST, json!({ "workspace": elsewhere })).await;
    assert_eq!(foreign["errors"][0]["extensions"]["code"], "NOT_FOUND");
    assert_eq!(foreign, unknown);
    let bob = server.id(&server.token(BOB).await).await;
    let attributes = json!({ "userId": bob, "userAttributes": [{ "key": "a", "value": "1" }] });
    for (mutation, input) in [
        (CREATE, json!({ "emails": ["x@example.com"], "workspaceID": own })),
        (ATTRIBUTES, attributes),
        (DELETE, json!({ "userIds": [bob] })),
        (DELETE, json!({ "userIds": [bob], "workspaceID": own })),
    ] {
        assert_eq!(status(&server, &eve, mutation, input).await.0, "NOT_FOUND", "{mutation}");
    }
    assert_eq!(list(&server, &eve).await.len(), 1);
    assert_eq!(listed(&server, &admin, BOB).await["userAttributes"], json!([]));
    server.operate(Command::OrganizationArchive { organization: elsewhere }).await;
    let reply = server.send(post().bearer(&eve), json!({ "query": "{ __typename }" }).to_string()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "an archived organization refuses everything");
}
