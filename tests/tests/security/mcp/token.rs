//! A token is said once, to whoever made the key (promise 2); and where a deployment keeps tokens out of models, never.

use std::sync::Arc;

use keystead_domain::KeyPolicy;
use keystead_server::{Doors, Settings, router, serve};
use keystead_tests::TestServer;
use serde_json::{Value, json};

use super::Tool;

#[tokio::test]
async fn a_new_token_is_in_its_own_answer_and_in_no_other() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let tool = Tool::new(&server, &server.key(&ada, "tool", "30d").await.token);
    let call =
        json!({ "name": "create_api_key", "arguments": { "name": "new", "description": "x".repeat(500) } });
    let asked = tool.request("tools/call", call).header("accept-encoding", "gzip, br, deflate, zstd");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.headers().get("content-encoding").is_none(), "its length would tell of its content");
    assert!(answer.headers().get("etag").is_none());
    let text = answer.text().await.unwrap();
    let said: Value = serde_json::from_str(&text).unwrap();
    let made = &said["result"]["structuredContent"];
    let (id, token) = (made["key"]["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!(
        text.matches(token).count(),
        2,
        "as data, and in the same data as text for clients that know no other"
    );
    assert!(!made["key"].to_string().contains(token) && made["warning"].as_str().unwrap().contains("once"));

    let whole = token.to_owned();
    let (secret, uri) = (&token[3..46], format!("keystead://api-keys/{id}"));
    for (method, params) in [
        ("tools/call", json!({ "name": "get_api_key", "arguments": { "id": id } })),
        ("tools/call", json!({ "name": "list_api_keys", "arguments": { "search": "new", "view": "all" } })),
        ("tools/call", json!({ "name": "list_expiring_keys", "arguments": { "within_days": 365 } })),
        ("tools/call", json!({ "name": "update_api_key", "arguments": { "id": id, "description": "" } })),
        ("tools/call", json!({ "name": "search_audit_log", "arguments": { "target_id": id } })),
        ("tools/call", json!({ "name": "whoami" })),
        ("resources/list", json!({})),
        ("resources/read", json!({ "uri": uri })),
        ("prompts/get", json!({ "name": "rotate_api_key", "arguments": { "key": "new" } })),
        ("tools/call", json!({ "name": "revoke_api_key", "arguments": { "id": id, "name": "wrong" } })),
        ("tools/call", json!({ "name": "revoke_api_key", "arguments": { "id": id, "name": "new" } })),
    ] {
        let (_, said) = Tool::new(&server, &whole).ask(method, params.clone()).await;
        assert!(!said.to_string().contains(secret), "{method} {params}: {said}");
    }
    assert_eq!(server.verify(&whole).await.status(), 401);
}

/// What somebody pastes where it does not belong is not said again.
#[tokio::test]
async fn a_token_that_is_sent_as_an_argument_comes_back_in_no_error() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "tool", "30d").await.token;
    let tool = Tool::new(&server, &token);
    for (method, params) in [
        ("tools/call", json!({ "name": &*token })),
        ("tools/call", json!({ "name": "get_api_key", "arguments": { "id": token } })),
        ("tools/call", json!({ "name": "list_api_keys", "arguments": { "view": token } })),
        ("tools/call", json!({ "name": "list_api_keys", "arguments": { "after": token } })),
        ("tools/call", json!({ "name": "list_api_keys", "arguments": { &*token: 1 } })),
        ("tools/call", json!({ "name": "create_api_key", "arguments": { "name": token.repeat(3) } })),
        (
            "tools/call",
            json!({ "name": "create_api_key", "arguments": { "name": "n", "expiration": token } }),
        ),
        ("tools/call", json!({ "name": "search_audit_log", "arguments": { "user": token } })),
        ("tools/call", json!({ "name": "search_audit_log", "arguments": { "from": token } })),
        ("resources/list", json!({ "cursor": token })),
        ("prompts/get", json!({ "name": token })),
        ("prompts/get", json!({ "name": "offboard_person", "arguments": { "email": token } })),
    ] {
        let (status, said) = tool.ask(method, params.clone()).await;
        assert!(status < 500, "{method} {params}: {status}");
        let said = said.to_string();
        assert!(!said.contains(&token), "{method} {params}: {said}");
    }
}

#[tokio::test]
async fn where_creation_is_off_it_is_neither_offered_nor_done() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let client = server.oauth_client("Assistant", "http://127.0.0.1:7777/callback").await;
    let tokens =
        [server.key(&ada, "tool", "30d").await.token, server.connect_app(&ada, &client).await.access];

    // The organization keeps it to people.
    let policy = KeyPolicy { keys_may_create_keys: false, ..KeyPolicy::default() };
    server.app.set_key_policy(&server.actor(&ada).await, &policy).await.unwrap();
    let before = server.snapshot().await;
    for token in &tokens {
        let tool = Tool::new(&server, token);
        let listed = tool.result("tools/list", json!({})).await.to_string();
        assert!(!listed.contains("\"create_api_key\""), "{listed}");
        assert_eq!(tool.outcome("create_api_key", json!({ "name": "n" })).await, "FORBIDDEN");
    }
    assert_eq!(server.snapshot().await, before);
    server.app.set_key_policy(&server.actor(&ada).await, &KeyPolicy::default()).await.unwrap();
    assert_eq!(
        Tool::new(&server, &tokens[0]).outcome("create_api_key", json!({ "name": "n" })).await,
        "DONE"
    );

    // The deployment has it off: other doors to the same app. Their address is the one that the tokens are for.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let settings = Settings::new(&server.url).unwrap().with_mcp_key_creation(false);
    let doors = Doors::new(Arc::clone(&server.app), settings);
    tokio::spawn(serve(listener, router(doors), std::future::pending()));
    let before = server.snapshot().await;
    for token in &tokens {
        for (method, name) in [("tools/list", None), ("tools/call", Some("create_api_key"))] {
            let tool = Tool::new(&server, token);
            let message = tool.message(method, json!({ "name": name, "arguments": { "name": "n" } }));
            let request = server
                .client
                .post(&url)
                .bearer_auth(token)
                .header("host", server.url.strip_prefix("http://").unwrap());
            let request = request
                .header("accept", "application/json, text/event-stream")
                .header("content-type", "application/json");
            let request = request.header("mcp-protocol-version", super::CURRENT).header("mcp-method", method);
            let request = name.into_iter().fold(request, |request, name| request.header("mcp-name", name));
            let (_, said) = super::read(request.body(message.to_string()).send().await.unwrap()).await;
            match name {
                None => {
                    assert!(said["result"]["tools"].is_array(), "{said}");
                    assert!(!said.to_string().contains("\"create_api_key\""), "{said}");
                }
                Some(_) => assert_eq!(said["error"]["code"], -32602, "{said}"),
            }
        }
    }
    assert_eq!(server.snapshot().await, before);
}
