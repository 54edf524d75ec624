//! Managing keys, with an API key as proof.

use keystead_tests::{McpClient, McpLibrary};
use serde_json::{Value, json};

use crate::Fixture;

/// What a tool did; it must not have refused.
fn done(mut result: Value) -> Value {
    assert_ne!(result["isError"], true, "{result}");
    result["structuredContent"].take()
}

/// Why a tool refused.
fn refused(mut result: Value) -> Value {
    assert_eq!(result["isError"], true, "{result}");
    result["structuredContent"].take()
}

#[tokio::test]
async fn each_official_client_agrees_on_the_newest_protocol_that_it_speaks() {
    let fixture = Fixture::start().await;
    for (library, protocol) in [
        (McpLibrary::TypeScript, "2026-07-28"),
        (McpLibrary::Python, "2026-07-28"),
        (McpLibrary::TypeScriptBefore2026, "2025-11-25"),
    ] {
        let mut client = McpClient::start(library, &fixture.address(), Some(&fixture.key.token));
        let connected = client.call("connect", json!({})).await.ok();
        assert_eq!(connected["protocol"], protocol, "{library:?}");
        assert_eq!(connected["server"]["name"], "keystead", "{library:?}");
        assert!(connected["instructions"].is_string(), "{library:?}: {connected}");
    }
}

#[tokio::test]
async fn each_official_client_manages_keys_as_its_user_may() {
    let fixture = Fixture::start().await;
    for library in McpLibrary::ALL {
        let mut client = McpClient::connect(library, &fixture.address(), &fixture.key.token).await;
        let offered = client.call("tools", json!({})).await.ok();
        assert_eq!(offered["tools"].as_array().unwrap().len(), 9, "{library:?}: {offered}");

        let me = done(client.tool("whoami", json!({})).await);
        assert_eq!(me["email"], fixture.ada.email.as_str(), "{library:?}");

        let name = format!("made with {library:?}");
        let created = done(client.tool("create_api_key", json!({ "name": name, "expiration": "7d" })).await);
        let token = created["token"].as_str().unwrap().to_owned();
        assert_eq!(fixture.server.verify(&token).await.status(), 200, "{library:?}");
        let id = &created["key"]["id"];

        let listed = done(client.tool("list_api_keys", json!({ "search": name })).await);
        assert_eq!(listed["keys"][0]["id"], *id, "{library:?}: {listed}");
        let expiring = done(client.tool("list_expiring_keys", json!({ "within_days": 8 })).await);
        assert_eq!(expiring["keys"][0]["id"], *id, "{library:?}: {expiring}");
        let described = json!({ "id": id, "description": "for the nightly export" });
        done(client.tool("update_api_key", described).await);
        let key = done(client.tool("get_api_key", json!({ "id": id })).await);
        assert_eq!(key["description"], "for the nightly export", "{library:?}");

        let users = done(client.tool("list_users", json!({})).await);
        assert_eq!(users["users"][0]["id"], fixture.ada.id.as_str(), "{library:?}: {users}");
        let events = done(client.tool("search_audit_log", json!({ "target_id": id })).await);
        assert_eq!(events["events"][0]["action"], "key.updated", "{library:?}: {events}");
        assert_eq!(events["events"][0]["via_id"], fixture.key.id.as_str(), "{library:?}: {events}");

        let arguments = json!({ "id": id, "name": name });
        let reply = json!({ "action": "accept", "content": { "name": name } });
        let call = json!({ "name": "revoke_api_key", "arguments": arguments, "reply": reply });
        let revoked = done(client.call("call", call).await.ok());
        assert_eq!(revoked["revoked"], true, "{library:?}");
        assert_eq!(fixture.server.verify(&token).await.status(), 401, "{library:?}");
        assert_eq!(client.events(), [""; 0], "{library:?}: it understands every schema");
    }
}

#[tokio::test]
async fn each_official_client_reads_every_resource_and_every_prompt() {
    let fixture = Fixture::start().await;
    for library in McpLibrary::ALL {
        let mut client = McpClient::connect(library, &fixture.address(), &fixture.key.token).await;
        let resources = client.call("resources", json!({})).await.ok();
        let resources = resources["resources"].as_array().unwrap();
        assert!(resources.len() > 1, "{library:?}: the key and the documentation: {resources:?}");
        for resource in resources {
            let read = client.call("read", json!({ "uri": resource["uri"] })).await.ok();
            let text = read["contents"][0]["text"].as_str();
            assert!(text.is_some_and(|text| !text.is_empty()), "{library:?}: {resource}: {read}");
            assert!(!read.to_string().contains(&fixture.key.token), "{library:?}: {resource}");
        }
        client.call("templates", json!({})).await.ok();

        let prompts = client.call("prompts", json!({})).await.ok();
        let prompts = prompts["prompts"].as_array().unwrap();
        assert_eq!(prompts.len(), 3, "{library:?}: {prompts:?}");
        for prompt in prompts {
            let required = prompt["arguments"].as_array().into_iter().flatten();
            let required = required.filter(|argument| argument["required"] == true);
            let given: serde_json::Map<_, _> = required
                .map(|argument| {
                    (argument["name"].as_str().unwrap().to_owned(), fixture.ada.email.as_str().into())
                })
                .collect();
            let asked = json!({ "name": prompt["name"], "arguments": given });
            let got = client.call("prompt", asked).await.ok();
            assert!(got["messages"][0]["content"]["text"].is_string(), "{library:?}: {prompt}: {got}");
        }
    }
}

#[tokio::test]
async fn a_tool_that_can_ask_has_the_person_type_the_keys_exact_name_before_it_revokes() {
    let fixture = Fixture::start().await;
    for library in McpLibrary::CURRENT {
        let key = fixture.server.key(&fixture.ada, "Nightly export", "30d").await;
        let mut client = McpClient::connect(library, &fixture.address(), &fixture.key.token).await;
        let mut answered = async |reply: Value| {
            let arguments = json!({ "id": key.id });
            let call = json!({ "name": "revoke_api_key", "arguments": arguments, "reply": reply });
            client.call("call", call).await.ok()
        };
        let declined = answered(json!({ "action": "decline" })).await;
        let question = declined["elicited"][0]["message"].as_str().unwrap();
        assert!(question.contains("Nightly export"), "{library:?}: {question}");
        assert_eq!(done(declined)["revoked"], false, "{library:?}");
        let mistyped = answered(json!({ "action": "accept", "content": { "name": "nightly export" } })).await;
        assert_eq!(refused(mistyped)["field"], "name", "{library:?}");
        assert_eq!(fixture.server.verify(&key.token).await.status(), 200, "{library:?}");

        let typed = answered(json!({ "action": "accept", "content": { "name": "Nightly export" } })).await;
        assert_eq!(done(typed)["revoked"], true, "{library:?}");
        assert_eq!(fixture.server.verify(&key.token).await.status(), 401, "{library:?}");
    }
}

#[tokio::test]
async fn a_tool_that_cannot_ask_revokes_only_what_is_named_exactly() {
    let fixture = Fixture::start().await;
    let key = fixture.server.key(&fixture.ada, "Nightly export", "30d").await;
    let library = McpLibrary::TypeScriptBefore2026;
    let mut client = McpClient::connect(library, &fixture.address(), &fixture.key.token).await;
    for arguments in [json!({ "id": key.id }), json!({ "id": key.id, "name": "nightly export" })] {
        let refusal = client.tool("revoke_api_key", arguments).await;
        assert_eq!(refusal["elicited"], json!([]));
        assert_eq!(refused(refusal)["field"], "name");
        assert_eq!(fixture.server.verify(&key.token).await.status(), 200);
    }
    done(client.tool("revoke_api_key", json!({ "id": key.id, "name": "Nightly export" })).await);
    assert_eq!(fixture.server.verify(&key.token).await.status(), 401);
}

#[tokio::test]
async fn once_its_key_is_revoked_a_connected_tool_can_do_nothing() {
    let fixture = Fixture::start().await;
    for library in McpLibrary::ALL {
        let key = fixture.server.key(&fixture.ada, "short-lived", "30d").await;
        let mut client = McpClient::connect(library, &fixture.address(), &key.token).await;
        done(client.tool("whoami", json!({})).await);
        fixture.server.revoke(&key).await;
        for call in ["tools", "resources", "prompts", "call"] {
            let answer = client.call(call, json!({ "name": "whoami" })).await;
            assert!(answer.result.is_err(), "{library:?}, {call}: {answer:?}");
            assert!(answer.statuses.iter().all(|status| *status == 401), "{library:?}, {call}: {answer:?}");
        }
        let again =
            McpClient::start(library, &fixture.address(), Some(&key.token)).call("connect", json!({})).await;
        assert!(again.result.is_err() && again.statuses.contains(&401), "{library:?}: {again:?}");
    }
}
