//! Many callers at once: each is answered with their own, under the number that they asked with.

use keystead_tests::TestServer;
use serde_json::{Value, json};

use super::Tool;

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_callers_who_ask_at_once_are_not_mixed_up() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let mut callers = Vec::new();
    for number in 0..16 {
        let email = format!("canary-{number:02}@example.com");
        let user = server.member(&email).await;
        let key = server.key(&user, &format!("canary-{number:02}"), "30d").await;
        callers.push((format!("canary-{number:02}"), key));
    }
    let mut asked = tokio::task::JoinSet::new();
    for round in 0..20 {
        for (canary, key) in &callers {
            let tool = Tool::new(&server, &key.token);
            let calls = [
                ("tools/call", json!({ "name": "whoami" })),
                ("tools/call", json!({ "name": "get_api_key", "arguments": { "id": key.id } })),
                (
                    "tools/call",
                    json!({ "name": "create_api_key", "arguments": { "name": format!("{canary}-{round}"), "expiration": "7d" } }),
                ),
                ("tools/call", json!({ "name": "list_api_keys", "arguments": { "search": canary } })),
                (
                    "tools/call",
                    json!({ "name": "revoke_api_key", "arguments": { "id": canary, "name": canary } }),
                ),
                ("resources/read", json!({ "uri": format!("keystead://api-keys/{}", key.id) })),
                ("resources/read", json!({ "uri": format!("keystead://nothing/{canary}") })),
                ("prompts/get", json!({ "name": "rotate_api_key", "arguments": { "key": canary } })),
            ];
            for (number, (method, params)) in calls.into_iter().enumerate() {
                let id = format!("{canary}/{round}/{number}");
                let mut message = tool.message(method, params);
                message["id"] = json!(id);
                let name = message["params"]["name"]
                    .as_str()
                    .or(message["params"]["uri"].as_str())
                    .unwrap()
                    .to_owned();
                let request =
                    tool.post().header("mcp-protocol-version", super::CURRENT).header("mcp-method", method);
                let request = request.header("mcp-name", name).body(message.to_string());
                let canary = canary.clone();
                asked.spawn(async move {
                    (canary, id, number, super::read(request.send().await.unwrap()).await.1)
                });
            }
        }
    }
    let mut answers = 0;
    while let Some(answer) = asked.join_next().await {
        let (canary, id, number, said): (_, _, _, Value) = answer.unwrap();
        assert_eq!(said["id"], id, "{said}");
        let text = said.to_string();
        assert_eq!(text.matches("canary-").count(), text.matches(&*canary).count(), "{canary}: {text}");
        // All but the refusals are about something of theirs.
        let refused = said["error"].is_object() || said["result"]["isError"] == true;
        assert_eq!(refused, [4, 6].contains(&number), "{number}: {text}");
        answers += 1;
    }
    assert_eq!(answers, 20 * 16 * 8);
}
