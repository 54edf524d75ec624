//! What can be taken into a conversation, and the tasks that are started by name.

use keystead_tests::TestServer;
use serde_json::{Value, json};

use crate::client::Client;

#[tokio::test]
async fn the_callers_keys_and_the_documentation_can_be_read_page_by_page() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let key = server.key(&ada, "mcp", "30d").await;
    let bobs = server.key(&bob, "bob's", "30d").await;
    for n in 0..60 {
        server.key(&ada, &format!("key {n}"), "30d").await;
    }
    let client = Client::new(&server, &key.token);
    let (mut uris, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = client.result("resources/list", json!({ "cursor": cursor })).await;
        let listed = page["resources"].as_array().unwrap();
        uris.extend(listed.iter().map(|resource| resource["uri"].as_str().unwrap().to_owned()));
        assert_eq!(page["cacheScope"], "private");
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let keys: Vec<_> = uris.iter().filter(|uri| uri.starts_with("keystead://api-keys/")).collect();
    assert_eq!(keys.len(), 61);
    assert_eq!(
        keys.last().unwrap().as_str(),
        format!("keystead://api-keys/{}", key.id),
        "the oldest is the last"
    );
    assert!(!uris.contains(&format!("keystead://api-keys/{}", bobs.id)), "the list is the caller's own keys");
    assert!(uris.contains(&"keystead://docs/verify".to_owned()));

    let read =
        async |uri: &str| client.result("resources/read", json!({ "uri": uri })).await["contents"][0].clone();
    let docs = read("keystead://docs/verify").await;
    assert_eq!(docs["mimeType"], "text/markdown");
    assert_eq!(docs["text"].as_str().unwrap(), include_str!("../../../docs/verify.md"));
    let own = read(keys.last().unwrap()).await;
    let own: Value = serde_json::from_str(own["text"].as_str().unwrap()).unwrap();
    assert_eq!((&own["name"], &own["id"]), (&json!("mcp"), &json!(key.id)));
    assert!(!own.to_string().contains(&key.token));

    let templates = client.result("resources/templates/list", json!({})).await;
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "keystead://api-keys/{id}");
}

#[tokio::test]
async fn what_may_not_be_seen_is_no_resource() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let (adas, bobs) = (server.key(&ada, "ada's", "30d").await, server.key(&bob, "bob's", "30d").await);
    let bob = Client::new(&server, &bobs.token);
    let gone = "keystead://api-keys/01990000-0000-7000-8000-000000000000".to_owned();
    for uri in [
        format!("keystead://api-keys/{}", adas.id),
        gone,
        "keystead://api-keys/".to_owned(),
        "keystead://docs/../../Cargo.toml".to_owned(),
        "keystead://docs/none".to_owned(),
        "file:///etc/passwd".to_owned(),
        "https://example.com/".to_owned(),
    ] {
        let answer = bob.ask("resources/read", json!({ "uri": uri })).await;
        assert_eq!(answer["error"]["code"], -32602, "{uri}: {answer}");
    }
    let answer = bob.ask("resources/list", json!({ "cursor": "elsewhere" })).await;
    assert_eq!(answer["error"]["code"], -32602);
}

#[tokio::test]
async fn prompts_name_what_they_are_given_and_refuse_what_cannot_be_meant() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let (adas, bobs) = (server.key(&ada, "ada's", "30d").await, server.key(&bob, "bob's", "30d").await);
    let (ada, bob) = (Client::new(&server, &adas.token), Client::new(&server, &bobs.token));
    let names = async |client: &Client<'_>| {
        let listed = client.result("prompts/list", json!({})).await;
        let prompts = listed["prompts"].as_array().unwrap();
        prompts.iter().map(|prompt| prompt["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&ada).await, ["rotate_api_key", "audit_unused_keys", "offboard_person"]);
    assert_eq!(names(&bob).await, ["rotate_api_key", "audit_unused_keys"]);
    for (name, arguments, said) in [
        ("rotate_api_key", json!({ "key": "nightly export" }), "Rotate the API key \"nightly export\""),
        ("offboard_person", json!({ "email": "bob@example.com" }), "bob@example.com leaves"),
        ("audit_unused_keys", json!({}), "in the last 90 days"),
        ("audit_unused_keys", json!({ "days": "30" }), "in the last 30 days"),
    ] {
        let prompt = ada.result("prompts/get", json!({ "name": name, "arguments": arguments })).await;
        let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
        assert!(text.contains(said), "{name}: {text}");
    }
    for (name, arguments) in [
        ("rotate_api_key", json!({})),
        ("rotate_api_key", json!({ "key": "two\nlines" })),
        ("offboard_person", json!({ "email": "not an address" })),
        ("audit_unused_keys", json!({ "days": "0" })),
        ("audit_unused_keys", json!({ "days": "many" })),
    ] {
        let answer = ada.ask("prompts/get", json!({ "name": name, "arguments": arguments })).await;
        assert_eq!(answer["error"]["code"], -32602, "{name} {arguments}: {answer}");
    }
}
