//! Revoking takes the key's exact name from a person: a client that makes the answer up, takes it from another question, or asks
//! for another key meanwhile revokes nothing.

use keystead_tests::{TestKey, TestServer};
use serde_json::{Value, json};

use super::Tool;

struct Fixture {
    server: TestServer,
    token: String,
    target: TestKey,
    other: TestKey,
}

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let ada = server.administrator("ada@example.com").await;
        let token = server.key(&ada, "tool", "30d").await.token;
        let (target, other) =
            (server.key(&ada, "Deploy key", "30d").await, server.key(&ada, "other", "30d").await);
        Self { server, token, target, other }
    }
}

#[tokio::test]
async fn a_name_that_is_not_exactly_the_keys_revokes_nothing() {
    let fixture = Fixture::new().await;
    let id = &fixture.target.id;
    let plain = Tool::new(&fixture.server, &fixture.token);
    let before = fixture.server.snapshot().await;
    for name in [
        json!(null),
        json!(""),
        json!(" "),
        json!("deploy key"),
        json!("DEPLOY KEY"),
        json!("Deploy  key"),
        json!("Deploy\u{a0}key"),
        json!("Deploy key\u{200b}"),
        json!("Deploy k\u{435}y"),
        json!("Deploy key\u{0}"),
        json!("Deploy ke"),
        json!("Deploy key!"),
        json!("other"),
        json!("*"),
        json!("%"),
        json!(fixture.target.id),
        json!(fixture.target.token),
        json!(true),
        json!(["Deploy key"]),
        json!({ "name": "Deploy key" }),
    ] {
        for tool in [plain.clone(), plain.clone().with_forms()] {
            let params = json!({ "name": "revoke_api_key", "arguments": { "id": id, "name": name } });
            let result = tool.result("tools/call", params).await;
            let asked = result["resultType"] == "input_required";
            assert!(result["isError"] == true || name.is_null() && asked, "{name}: {result}");
            assert!(!result.to_string().contains(&fixture.target.token), "{result}");
        }
    }
    assert_eq!(plain.outcome("revoke_api_key", json!({ "id": id })).await, "BAD_USER_INPUT");
    assert_eq!(plain.outcome("revoke_api_key", json!({ "name": "Deploy key" })).await, "BAD_USER_INPUT");
    assert_eq!(fixture.server.snapshot().await, before);
    assert_eq!(fixture.server.verify(&fixture.target.token).await.status(), 200);
}

#[tokio::test]
async fn an_answer_that_is_not_a_persons_yes_revokes_nothing() {
    let fixture = Fixture::new().await;
    let (id, other) = (&fixture.target.id, &fixture.other.id);
    let plain = Tool::new(&fixture.server, &fixture.token);
    let forms = plain.clone().with_forms();
    let before = fixture.server.snapshot().await;
    let right = json!({ "action": "accept", "content": { "name": "Deploy key" } });
    let answers = [
        ("declined", json!({ "confirm_name": { "action": "decline", "content": { "name": "Deploy key" } } })),
        ("cancelled", json!({ "confirm_name": { "action": "cancel", "content": { "name": "Deploy key" } } })),
        ("of another key", json!({ "confirm_name": { "action": "accept", "content": { "name": "other" } } })),
        ("nearly", json!({ "confirm_name": { "action": "accept", "content": { "name": "deploy key" } } })),
        ("empty", json!({ "confirm_name": { "action": "accept" } })),
        ("no name", json!({ "confirm_name": { "action": "accept", "content": {} } })),
        ("a list", json!({ "confirm_name": { "action": "accept", "content": { "name": ["Deploy key"] } } })),
        (
            "deeper",
            json!({ "confirm_name": { "action": "accept", "content": { "content": { "name": "Deploy key" } } } }),
        ),
        ("no action", json!({ "confirm_name": { "content": { "name": "Deploy key" } } })),
        (
            "an unknown action",
            json!({ "confirm_name": { "action": "yes", "content": { "name": "Deploy key" } } }),
        ),
        (
            "in capitals",
            json!({ "confirm_name": { "action": "ACCEPT", "content": { "name": "Deploy key" } } }),
        ),
        ("another question", json!({ "confirm": right, "name": right, "": right })),
        ("bare", json!({ "action": "accept", "content": { "name": "Deploy key" } })),
        ("no object", json!("accept")),
        ("a list of answers", json!([{ "confirm_name": right }])),
        ("nothing", json!({})),
        ("null", json!({ "confirm_name": null })),
    ];
    for (what, responses) in &answers {
        for tool in [&plain, &forms] {
            let params =
                json!({ "name": "revoke_api_key", "arguments": { "id": id }, "inputResponses": responses });
            let (status, said) = tool.ask("tools/call", params).await;
            assert!(status < 500, "{what}: {status} {said}");
            let result = &said["result"];
            let revoked = result["isError"] == false && result["structuredContent"]["revoked"] != false;
            assert!(!revoked, "{what}: {said}");
        }
    }
    // Whoever does not say that they can ask a person has no answer of one, however it looks.
    let forged = json!({ "name": "revoke_api_key", "arguments": { "id": id }, "inputResponses": { "confirm_name": right } });
    let (_, said) = plain.ask("tools/call", forged).await;
    assert_ne!(said["result"]["isError"], json!(false), "{said}");
    // A person's yes is to the key that they were asked about, whatever the model says afterwards.
    let asked =
        forms.result("tools/call", json!({ "name": "revoke_api_key", "arguments": { "id": id } })).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    for state in [asked["requestState"].clone(), json!(id), json!("junk"), Value::Null] {
        let mut replayed = json!({ "name": "revoke_api_key", "arguments": { "id": other }, "inputResponses": { "confirm_name": right } });
        if !state.is_null() {
            replayed["requestState"] = state;
        }
        let (_, said) = forms.ask("tools/call", replayed).await;
        assert_ne!(said["result"]["isError"], json!(false), "{said}");
    }
    // What the model wrote and what the person typed must both be right.
    let both = json!({ "name": "revoke_api_key", "arguments": { "id": id, "name": "other" }, "inputResponses": { "confirm_name": right } });
    assert_eq!(forms.result("tools/call", both).await["isError"], true);
    assert_eq!(fixture.server.snapshot().await, before);

    let yes = json!({ "name": "revoke_api_key", "arguments": { "id": id }, "inputResponses": { "confirm_name": right } });
    assert_eq!(forms.result("tools/call", yes.clone()).await["structuredContent"]["revoked"], true);
    // And again: it is gone, and nothing else goes.
    let after = fixture.server.snapshot().await;
    assert_eq!(forms.result("tools/call", yes).await["structuredContent"]["code"], "NOT_FOUND");
    assert_eq!(fixture.server.snapshot().await, after);
}
