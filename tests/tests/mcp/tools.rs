//! What each tool does, and what it refuses.

use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_tests::TestServer;
use serde_json::{Value, json};

use crate::client::Client;

const MEMBERS: [&str; 7] = [
    "whoami",
    "list_api_keys",
    "get_api_key",
    "create_api_key",
    "update_api_key",
    "revoke_api_key",
    "list_expiring_keys",
];

#[tokio::test]
async fn everybody_is_offered_what_they_may_use_and_refused_the_rest() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let (adas, bobs) = (server.key(&ada, "ada", "30d").await, server.key(&bob, "bob", "30d").await);
    let bob = Client::new(&server, &bobs.token);
    assert_eq!(bob.tools().await, MEMBERS);
    let all = [&MEMBERS[..], &["list_users", "search_audit_log"]].concat();
    assert_eq!(Client::new(&server, &adas.token).tools().await, all);
    for (tool, arguments) in [
        ("list_users", json!({})),
        ("search_audit_log", json!({ "user": "ada@example.com" })),
        ("list_api_keys", json!({ "view": "all" })),
        ("list_expiring_keys", json!({ "view": "all" })),
    ] {
        assert_eq!(bob.refused(tool, arguments).await["code"], "FORBIDDEN", "{tool}");
    }
}

#[tokio::test]
async fn every_tool_says_what_it_takes_answers_and_does() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let tools = Client::new(&server, &key.token).result("tools/list", json!({})).await;
    let destructive = ["revoke_api_key"];
    let changing = ["create_api_key", "update_api_key", "revoke_api_key"];
    for tool in tools["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        assert!(tool["title"].is_string() && tool["description"].as_str().unwrap().len() > 80, "{name}");
        let hints = &tool["annotations"];
        assert_eq!(hints["readOnlyHint"], !changing.contains(&name), "{name}");
        assert_eq!(hints["destructiveHint"], destructive.contains(&name), "{name}");
        assert_eq!(hints["idempotentHint"], name != "create_api_key", "{name}");
        assert_eq!(hints["openWorldHint"], false, "{name}");
        let input = &tool["inputSchema"];
        assert_eq!(input["type"], "object", "{name}");
        assert_eq!(input["additionalProperties"], false, "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        for (argument, schema) in input["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}.{argument}: {schema}");
        }
    }
}

#[tokio::test]
async fn a_key_lives_from_its_creation_to_its_revocation() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "1y").await;
    let client = Client::new(&server, &key.token);
    let created =
        client.done("create_api_key", json!({ "name": "nightly export", "expiration": "7d" })).await;
    let token = created["token"].as_str().unwrap();
    assert_eq!(server.verify(token).await.status(), 200);
    assert!(created["warning"].as_str().unwrap().contains("Store this token now"));
    let id = created["key"]["id"].as_str().unwrap();
    assert_eq!(created["key"]["expires_at"], "2026-11-30T10:00:00Z");
    assert_eq!(created["key"]["status"], "expiring_soon");
    assert_eq!(created["key"]["created_by"]["email"], "ada@example.com");
    assert_eq!(created["key"]["created_by"]["is_you"], true);

    let got = client.done("get_api_key", json!({ "id": id })).await;
    assert_eq!(got["name"], "nightly export");
    assert!(!got.to_string().contains(token), "the token is shown once");
    let soon = client.done("list_expiring_keys", json!({ "within_days": 7 })).await;
    assert_eq!(soon["keys"].as_array().unwrap().len(), 1);
    assert_eq!(soon["keys"][0]["id"], id);
    let renamed = client.done("update_api_key", json!({ "id": id, "name": "export" })).await;
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("export"), &json!("")));

    let refused = client.refused("revoke_api_key", json!({ "id": id })).await;
    assert_eq!((&refused["code"], &refused["field"]), (&json!("BAD_USER_INPUT"), &json!("name")));
    assert!(refused["message"].as_str().unwrap().contains("Ask the person"), "{refused}");
    let refused = client.refused("revoke_api_key", json!({ "id": id, "name": "nightly export" })).await;
    assert_eq!((&refused["code"], &refused["field"]), (&json!("BAD_USER_INPUT"), &json!("name")));
    assert_eq!(server.verify(token).await.status(), 200);
    let revoked = client.done("revoke_api_key", json!({ "id": id, "name": "export" })).await;
    assert_eq!(revoked["revoked"], true);
    assert_eq!(server.verify(token).await.status(), 401);
    for tool in ["get_api_key", "update_api_key"] {
        assert_eq!(client.refused(tool, json!({ "id": id })).await["code"], "NOT_FOUND", "{tool}");
    }
}

#[tokio::test]
async fn a_list_is_turned_page_by_page_and_filtered_as_the_page_is() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let key = server.key(&ada, "mcp", "1y").await;
    for n in 0..5 {
        server.key(&ada, &format!("key {n}"), if n == 0 { "7d" } else { "90d" }).await;
    }
    server.key(&bob, "bob's", "30d").await;
    let client = Client::new(&server, &key.token);
    let (mut names, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client.done("list_api_keys", json!({ "first": 2, "after": after })).await;
        assert_eq!(page["total"], 6);
        names.extend(
            page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()),
        );
        after = page["next_cursor"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(names, ["key 4", "key 3", "key 2", "key 1", "key 0", "mcp"]);
    let count = async |arguments| client.done("list_api_keys", arguments).await["total"].as_u64().unwrap();
    assert_eq!(count(json!({ "view": "all" })).await, 7);
    assert_eq!(count(json!({ "search": "KEY 1" })).await, 1);
    assert_eq!(count(json!({ "status": "expiring_soon" })).await, 1);
    server.advance(SignedDuration::from_hours(24 * 8));
    assert_eq!(count(json!({ "status": "expired" })).await, 1);
    let everybodys = client.done("list_expiring_keys", json!({ "view": "all", "within_days": 365 })).await;
    let everybodys: Vec<_> =
        everybodys["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(
        everybodys,
        ["bob's", "key 1", "key 2", "key 3", "key 4", "mcp"],
        "those that expire first come first"
    );
}

#[tokio::test]
async fn what_a_tool_does_not_know_or_allow_is_named_and_refused() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let client = Client::new(&server, &key.token);
    for (tool, arguments, field) in [
        ("whoami", json!({ "user": "bob" }), None),
        ("create_api_key", json!({}), None),
        ("create_api_key", json!({ "name": 7 }), None),
        ("create_api_key", json!({ "name": "x", "expiration": "forever" }), None),
        ("create_api_key", json!({ "name": "x", "creator": "bob" }), None),
        ("create_api_key", json!({ "name": " " }), Some("name")),
        ("create_api_key", json!({ "name": "x", "description": "x".repeat(501) }), Some("description")),
        ("list_api_keys", json!({ "first": 0 }), Some("first")),
        ("list_api_keys", json!({ "first": 101 }), Some("first")),
        ("list_api_keys", json!({ "after": "elsewhere" }), Some("after")),
        ("list_api_keys", json!({ "search": "x".repeat(201) }), Some("search")),
        ("list_expiring_keys", json!({ "within_days": 0 }), Some("within_days")),
        ("list_expiring_keys", json!({ "within_days": 366 }), Some("within_days")),
        ("list_users", json!({ "first": 101 }), Some("first")),
        ("search_audit_log", json!({ "user": "nobody@example.com" }), Some("user")),
        ("search_audit_log", json!({ "actions": ["key.stolen"] }), Some("actions")),
        ("search_audit_log", json!({ "target_id": "x" }), Some("target_id")),
        ("search_audit_log", json!({ "via": "magic" }), Some("via")),
        ("search_audit_log", json!({ "from": "yesterday" }), Some("from")),
    ] {
        let refused = client.refused(tool, arguments.clone()).await;
        assert_eq!(refused["code"], "BAD_USER_INPUT", "{tool} {arguments}: {refused}");
        assert_eq!(refused["field"].as_str(), field, "{tool} {arguments}: {refused}");
    }
    for id in ["x", "01990000-0000-7000-8000-000000000000"] {
        for tool in ["get_api_key", "update_api_key", "revoke_api_key"] {
            let arguments =
                if tool == "revoke_api_key" { json!({ "id": id, "name": "x" }) } else { json!({ "id": id }) };
            assert_eq!(client.refused(tool, arguments).await["code"], "NOT_FOUND", "{tool} {id}");
        }
    }
    let forbidden =
        client.refused("create_api_key", json!({ "name": "x", "allow_impersonation": true })).await;
    assert_eq!(forbidden["code"], "FORBIDDEN");
}

#[tokio::test]
async fn administrators_find_people_and_what_was_done() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let client = Client::new(&server, &key.token);
    let made = client.done("create_api_key", json!({ "name": "made" })).await;
    let users = client.done("list_users", json!({ "search": "BOB" })).await;
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&users["users"][0]["id"], &users["users"][0]["standing"]),
        (&json!(bob.id), &json!("active"))
    );
    assert_eq!(users["users"][0]["roles"], json!(["member"]));
    let page = client.done("list_users", json!({ "first": 1 })).await;
    let next = client.done("list_users", json!({ "first": 1, "after": page["next_cursor"] })).await;
    assert_eq!(next["users"][0]["email"], "ada@example.com");
    assert!(next["next_cursor"].is_null());

    let filter = json!({
        "user": "ada@example.com", "actions": ["key.created"], "via": "key", "from": "2026-11-23", "to": "2026-11-23",
    });
    let log = client.done("search_audit_log", filter).await;
    assert_eq!(log["events"].as_array().unwrap().len(), 1, "{log}");
    let event = &log["events"][0];
    assert_eq!((&event["action"], &event["via_name"]), (&json!("key.created"), &json!("mcp")));
    assert_eq!(event["target_id"], made["key"]["id"]);
    assert_eq!(event["user_email"], "ada@example.com");
    assert!(!log.to_string().contains(made["token"].as_str().unwrap()));
}

#[tokio::test]
async fn a_person_who_can_be_asked_confirms_a_revocation_themselves() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let old = server.key(&ada, "old", "30d").await;
    let client = Client::new(&server, &key.token).with_forms();
    let answered = async |arguments: Value, response: Value| {
        let params = json!({
            "name": "revoke_api_key", "arguments": arguments, "inputResponses": { "confirm_name": response },
        });
        client.result("tools/call", params).await
    };
    // The name that the model gives is no confirmation.
    let arguments = json!({ "id": old.id, "name": "old" });
    let asked = client.call("revoke_api_key", arguments.clone()).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let question = &asked["inputRequests"]["confirm_name"];
    assert_eq!(question["method"], "elicitation/create");
    assert!(question["params"]["message"].as_str().unwrap().contains("Revoke the API key old"), "{question}");
    assert_eq!(question["params"]["requestedSchema"]["required"], json!(["name"]));

    for action in ["decline", "cancel"] {
        let result = answered(arguments.clone(), json!({ "action": action })).await;
        assert_eq!(result["structuredContent"]["revoked"], false, "{result}");
    }
    for content in
        [json!({ "name": "new" }), json!({}), Value::Null, json!("old"), json!({ "name": ["old"] })]
    {
        let result = answered(arguments.clone(), json!({ "action": "accept", "content": content })).await;
        assert_eq!(result["structuredContent"]["code"], "BAD_USER_INPUT", "{content}: {result}");
    }
    assert_eq!(server.verify(&old.token).await.status(), 200);
    let refused = client.refused("revoke_api_key", json!({ "id": old.id, "name": "new" })).await;
    assert_eq!(refused["field"], "name", "a model that means another key is told before a person is asked");
    let result =
        answered(json!({ "id": old.id }), json!({ "action": "accept", "content": { "name": "old" } })).await;
    assert_eq!(result["structuredContent"]["revoked"], true, "{result}");
    assert_eq!(server.verify(&old.token).await.status(), 401);
}

#[tokio::test]
async fn calls_are_counted_by_tool_and_outcome_and_name_nobody() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let roles = vec!["administrator".to_owned(), "site_administrator".to_owned()];
    server.operate(Command::UserSetRoles { email: ada.email.clone(), organization: None, roles }).await;
    let key = server.key(&ada, "canary", "30d").await;
    let client = Client::new(&server, &key.token);
    client.done("whoami", json!({})).await;
    client.done("whoami", json!({})).await;
    client.refused("get_api_key", json!({ "id": "canary" })).await;
    client.ask("tools/call", json!({ "name": "canary" })).await;
    let metrics = server.get("/metrics").bearer_auth(&key.token).send().await.unwrap().text().await.unwrap();
    for line in [
        r#"keystead_mcp_tool_calls_total{tool="whoami",outcome="done"} 2"#,
        r#"keystead_mcp_tool_calls_total{tool="get_api_key",outcome="refused"} 1"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains("canary"));
}
