//! Two organizations (promise 6): what one has is, to a tool of the other's, what nobody has.

use keystead_tests::TestServer;
use serde_json::{Value, json};

use super::{CHANGED, Stream, Tool};

/// A key of nobody's, a user of nobody's: 36 characters like any other id.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

/// Arguments that a tool needs besides the one that is tried.
fn needed(schema: &Value, tried: &str, value: &str) -> Value {
    let mut arguments = json!({});
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        arguments[name] = if name == "id" { value.into() } else { "deploy".into() };
    }
    let is_list = schema["properties"][tried]["type"] == "array";
    arguments[tried] = if is_list { json!([value]) } else { value.into() };
    arguments
}

#[tokio::test]
async fn in_every_argument_of_every_tool_resource_and_prompt_anothers_id_is_nobodys() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let theirs = server.key(&ada, "canary", "30d").await;
    let masked = {
        let key = server.key(&ada, "canary", "30d").await;
        let shown = Tool::new(&server, &key.token).done("get_api_key", json!({ "id": theirs.id })).await;
        shown["masked_token"].as_str().unwrap().to_owned()
    };
    let cursor = {
        let tool = Tool::new(&server, &theirs.token);
        let page = tool.done("list_api_keys", json!({ "view": "all", "first": 1 })).await;
        page["next_cursor"].as_str().expect("a second page").to_owned()
    };
    let organization =
        Tool::new(&server, &theirs.token).done("whoami", json!({})).await["organization"]["id"].clone();
    let key = server.key(&eve, "tool", "30d").await;
    let tool = Tool::new(&server, &key.token);
    let before = server.snapshot().await;
    let pairs = [
        (&*theirs.id, NOTHING),
        (&*ada.id, NOTHING),
        (organization.as_str().unwrap(), NOTHING),
        ("ada@example.com", "nob@example.com"),
        (&*masked, "ks_AAAA…AAAA"),
        (&*cursor, &*cursor),
    ];
    let same = |value: &Value, strangers: &str, nobodys: &str| {
        let text = value.to_string().replace(strangers, nobodys);
        assert!(!text.contains("canary") && !text.contains("ada"), "{text}");
        text
    };

    let tools = tool.result("tools/list", json!({})).await;
    let mut tried = 0;
    for known in tools["tools"].as_array().unwrap() {
        let (name, schema) = (known["name"].as_str().unwrap(), &known["inputSchema"]);
        // What it makes is the caller's own, whatever it is called.
        let arguments =
            schema["properties"].as_object().into_iter().flatten().filter(|_| name != "create_api_key");
        for (argument, _) in arguments {
            for (strangers, nobodys) in pairs {
                let ask = async |value: &str| tool.call(name, needed(schema, argument, value)).await;
                let (his, none) = (ask(strangers).await, ask(nobodys).await);
                assert_eq!(
                    same(&his, strangers, nobodys),
                    same(&none, strangers, nobodys),
                    "{name}.{argument}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");

    for (strangers, nobodys) in pairs {
        for uri in [
            "keystead://api-keys/ID",
            "keystead://docs/ID",
            "keystead://users/ID",
            "keystead://api-keys/ID/",
            "ID",
        ] {
            let ask =
                async |id: &str| tool.ask("resources/read", json!({ "uri": uri.replace("ID", id) })).await;
            let (his, none) = (ask(strangers).await, ask(nobodys).await);
            assert_eq!(his.0, none.0, "{uri}");
            assert_eq!(same(&his.1, strangers, nobodys), same(&none.1, strangers, nobodys), "{uri}");
            assert!(none.1["result"].is_null(), "{uri}: {}", none.1);
        }
        for method in ["resources/list", "tools/list", "prompts/list", "resources/templates/list"] {
            let (_, answer) = tool.ask(method, json!({ "cursor": strangers })).await;
            same(&answer, strangers, nobodys);
        }
        for (prompt, argument) in
            [("rotate_api_key", "key"), ("offboard_person", "email"), ("audit_unused_keys", "days")]
        {
            let ask = async |value: &str| {
                tool.ask("prompts/get", json!({ "name": prompt, "arguments": { argument: value } })).await
            };
            let (his, none) = (ask(strangers).await, ask(nobodys).await);
            let without = |answer: &Value| answer.to_string().replace(strangers, "").replace(nobodys, "");
            assert_eq!(without(&his.1), without(&none.1), "{prompt}");
        }
    }
    assert_eq!(server.snapshot().await, before);
    assert_eq!(server.verify(&theirs.token).await.status(), 200);
}

#[tokio::test]
async fn a_stream_tells_of_ones_own_keys_alone() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let key = server.key(&mia, "tool", "30d").await;
    let theirs = server.key(&ada, "theirs", "30d").await;
    let tool = Tool::new(&server, &key.token);
    let filter = json!({ "notifications": {
        "resourcesListChanged": true, "toolsListChanged": true, "promptsListChanged": true,
        "resourceSubscriptions": [format!("keystead://api-keys/{}", theirs.id), "keystead://api-keys/", "*"],
    } });
    let response = tool.request("subscriptions/listen", filter).send().await.unwrap();
    let mut stream = Stream { response, read: String::new() };
    let accepted = stream.next().await.unwrap();
    assert!(!accepted.to_string().contains(&theirs.id), "{accepted}");
    for user in [&ada, &eve] {
        let new = server.key(user, "new", "30d").await;
        server.revoke(&new).await;
    }
    server.revoke(&theirs).await;
    server.key(&mia, "own", "30d").await;
    assert_eq!(stream.next().await.unwrap()["method"], CHANGED);
    server.revoke(&key).await;
    assert_eq!(stream.rest().await, Vec::<String>::new(), "of the others it heard nothing");
}
