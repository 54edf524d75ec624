//! What clients of every age are told, and what is no request.

use keystead_tests::TestServer;
use serde_json::{Value, json};

use crate::client::{CURRENT, Client};

const OLDER: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

#[tokio::test]
async fn clients_of_every_revision_find_the_one_that_they_speak() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let client = Client::new(&server, &key.token);
    for (asked, answered) in
        OLDER.into_iter().map(|version| (version, version)).chain([("1999-01-01", "2025-11-25")])
    {
        let initialize = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": { "protocolVersion": asked, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } },
        });
        let answer = client.post().json(&initialize).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().get("mcp-session-id").is_none(), "there are no sessions");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["result"]["protocolVersion"], answered, "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "keystead");

        // What follows stands alone, at the version that was agreed.
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let sent = client.post().header("mcp-protocol-version", answered).json(&initialized);
        assert_eq!(sent.send().await.unwrap().status(), 202);
        let whoami =
            json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "whoami" } });
        let called =
            client.post().header("mcp-protocol-version", answered).json(&whoami).send().await.unwrap();
        let called: Value = called.json().await.unwrap();
        assert_eq!(called["result"]["structuredContent"]["email"], "ada@example.com", "{called}");
    }
    let discovered = client.result("server/discover", json!({})).await;
    let versions = discovered["supportedVersions"].as_array().unwrap();
    assert!(versions.iter().any(|version| version == CURRENT), "{discovered}");
    assert_eq!(client.done("whoami", json!({})).await["name"], "ada");
}

#[tokio::test]
async fn nobody_is_told_where_to_get_a_token_before_anything_is_read() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let endpoint = format!("{}/mcp", server.url);
    let metadata = format!(
        "resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", scope=\"mcp\"",
        server.url
    );
    let post = || server.client.post(&endpoint).body("no request at all");
    let in_query = server.client.post(format!("{endpoint}?access_token={}", key.token));
    let in_both = server.client.post(format!("{endpoint}?token={}", key.token)).bearer_auth(&key.token);
    let twice = post().bearer_auth(&key.token).bearer_auth(&key.token);
    for (request, error) in [
        (post(), None),
        (in_query, Some("invalid_token")),
        (in_both, Some("invalid_token")),
        (twice, Some("invalid_token")),
        (post().bearer_auth("junk"), Some("invalid_token")),
        (post().basic_auth("ada", Some("x")), Some("invalid_token")),
        (server.client.get(&endpoint), None),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.starts_with("Bearer ") && challenge.ends_with(&metadata), "{challenge}");
        assert_eq!(challenge.contains("error="), error.is_some(), "{challenge}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn only_the_public_address_is_answered_and_only_its_own_pages() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let client = Client::new(&server, &key.token);
    let whoami = json!({ "name": "whoami" });
    for (header, value) in [
        ("host", "evil.example"),
        ("host", "127.0.0.1.evil.example"),
        ("host", "127.0.0.1:1"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1"),
        ("origin", "http://localhost:3000"),
    ] {
        let answer = client.request("tools/call", &whoami).header(header, value).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{header}: {value}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    let ours = client.request("tools/call", &whoami).header("origin", &server.url).send().await.unwrap();
    assert_eq!(ours.status(), 200);
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_never_a_fault_of_ours() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let client = Client::new(&server, &key.token);
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let deep_inside = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"whoami","arguments":{}1{}}}}}"#,
        "{\"a\":".repeat(2_000),
        "}".repeat(2_000)
    );
    let batch = json!([{ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }]).to_string();
    for (body, code) in [
        (String::new(), -32700),
        ("{".to_owned(), -32700),
        ("\u{0}".to_owned(), -32700),
        (deep, -32700),
        (deep_inside, -32700),
        ("null".to_owned(), -32600),
        ("{}".to_owned(), -32600),
        ("[]".to_owned(), -32600),
        (batch, -32600),
        (json!({ "jsonrpc": "1.0", "id": 1, "method": "tools/list" }).to_string(), -32600),
        (json!({ "jsonrpc": "2.0", "id": {}, "method": "tools/list" }).to_string(), -32600),
    ] {
        let (status, answer) = client.raw(body.clone()).await;
        assert_eq!(status, 400, "{body:.60}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"]["code"], code, "{body:.60}: {answer}");
    }
    let large = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": "x".repeat(70_000) } });
    assert_eq!(client.raw(large.to_string()).await.0, 413);

    let whoami = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "whoami" } });
    for (accept, content_type, status) in [
        ("application/json", "application/json", 406),
        ("text/html", "application/json", 406),
        ("application/json, text/event-stream", "text/plain", 415),
        ("application/json, text/event-stream", "application/x-www-form-urlencoded", 415),
    ] {
        let request = server.client.post(format!("{}/mcp", server.url)).bearer_auth(&key.token);
        let request = request.header("accept", accept).header("content-type", content_type);
        assert_eq!(
            request.body(whoami.to_string()).send().await.unwrap().status(),
            status,
            "{accept} {content_type}"
        );
    }
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let url = format!("{}/mcp", server.url);
        let request = server.client.request(method.parse().unwrap(), url).bearer_auth(&key.token);
        let answer = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers()["allow"], "POST");
    }
}

#[tokio::test]
async fn unknown_methods_and_tools_are_errors_of_the_protocol() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let client = Client::new(&server, &key.token);
    let code = async |method: &str, params: Value| client.ask(method, params).await["error"]["code"].clone();
    assert_eq!(code("keys/steal", json!({})).await, -32601);
    assert_eq!(code("tools/call", json!({ "name": "drop_tables" })).await, -32602);
    assert_eq!(code("resources/read", json!({ "uri": "file:///etc/passwd" })).await, -32602);
    assert_eq!(code("prompts/get", json!({ "name": "none" })).await, -32602);
}
