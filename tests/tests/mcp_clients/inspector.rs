//! The MCP Inspector, on the command line.

use keystead_tests::mcp_inspector;
use serde_json::Value;

use crate::Fixture;

/// The protocols that it speaks: those that begin with `initialize`, and those since 2026-07-28.
const ERAS: [&str; 2] = ["legacy", "modern"];

async fn inspect(fixture: &Fixture, era: &str, method: &str, arguments: &[&str]) -> Value {
    let asked = [&["--protocol-era", era, "--method", method], arguments].concat();
    let shown = mcp_inspector(&fixture.address(), &fixture.key.token, &asked).await;
    shown.unwrap_or_else(|complaint| panic!("{era}, {method}: {complaint}"))["result"].take()
}

#[tokio::test]
async fn the_inspector_shows_tools_whose_schemas_every_model_takes() {
    let fixture = Fixture::start().await;
    for era in ERAS {
        // Strict: it fails if a schema has something that some model's maker does not take.
        let tools = inspect(&fixture, era, "tools/list", &["--strict"]).await;
        let names: Vec<_> =
            tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
        assert_eq!(names.len(), 9, "{era}: {names:?}");
        // What is legal, and refused by some all the same.
        for tool in tools["tools"].as_array().unwrap() {
            assert!(!tool["inputSchema"].to_string().contains("\"null\""), "{era}: {}", tool["inputSchema"]);
        }
    }
}

#[tokio::test]
async fn the_inspector_creates_a_key_and_shows_whose_it_is() {
    let fixture = Fixture::start().await;
    for era in ERAS {
        let me = inspect(&fixture, era, "tools/call", &["--tool-name", "whoami"]).await;
        assert_eq!(me["structuredContent"]["email"], fixture.ada.email.as_str(), "{era}");
        let named = format!("name=made by hand, {era}");
        let created =
            inspect(&fixture, era, "tools/call", &["--tool-name", "create_api_key", "--tool-arg", &named])
                .await;
        let token = created["structuredContent"]["token"].as_str().unwrap();
        assert_eq!(fixture.server.verify(token).await.status(), 200, "{era}");
    }
}

#[tokio::test]
async fn the_inspector_shows_resources_and_prompts() {
    let fixture = Fixture::start().await;
    for era in ERAS {
        let resources = inspect(&fixture, era, "resources/list", &[]).await;
        let uri = resources["resources"][0]["uri"].as_str().unwrap();
        let read = inspect(&fixture, era, "resources/read", &["--uri", uri]).await;
        assert_eq!(read["contents"][0]["uri"], uri, "{era}");
        let prompts = inspect(&fixture, era, "prompts/list", &[]).await;
        let without = prompts["prompts"].as_array().unwrap().iter().find(|prompt| {
            prompt["arguments"].as_array().is_none_or(|given| given.iter().all(|it| it["required"] != true))
        });
        let name = without.expect("a prompt that needs nothing")["name"].as_str().unwrap();
        let prompt = inspect(&fixture, era, "prompts/get", &["--prompt-name", name]).await;
        assert!(prompt["messages"][0]["content"]["text"].is_string(), "{era}: {prompt}");
    }
}

#[tokio::test]
async fn the_inspector_is_told_that_a_key_no_longer_works() {
    let fixture = Fixture::start().await;
    fixture.server.revoke(&fixture.key).await;
    let arguments = ["--stored-auth-only", "--method", "tools/list"];
    let refused = mcp_inspector(&fixture.address(), &fixture.key.token, &arguments).await;
    let complaint = refused.expect_err("it is refused");
    assert!(complaint.contains("401") || complaint.contains("auth_required"), "{complaint}");
}
