//! Tools that are given the address and nothing else: they find out how to be let in, and a person lets them in, in a browser.

use jiff::SignedDuration;
use keystead_tests::{Browser, McpClient, McpLibrary, button};
use serde_json::{Value, json};

use crate::Fixture;

/// A little more than an access token counts for.
const LATER: SignedDuration = SignedDuration::from_mins(16);

/// Starts a tool, which opens the consent page in the browser; its call to connect has not come to an end.
async fn ask(fixture: &Fixture, browser: &Browser, library: McpLibrary) -> McpClient {
    let mut client = McpClient::start(library, &fixture.address(), None);
    client.begin("connect", json!({})).await;
    let asked = client.event("authorize").await;
    let url = asked["url"].as_str().expect("an address");
    browser.goto(url.strip_prefix(&fixture.server.url).expect("an address of the server")).await;
    client
}

/// Starts a tool, and lets it in.
async fn let_in(fixture: &Fixture, browser: &Browser, library: McpLibrary) -> McpClient {
    let mut client = ask(fixture, browser, library).await;
    browser.click(&button("Allow")).await;
    client.answer().await.ok();
    client
}

async fn whoami(client: &mut McpClient) -> Value {
    client.tool("whoami", json!({})).await["structuredContent"]["email"].take()
}

#[tokio::test]
async fn a_tool_that_is_given_the_address_alone_is_let_in_by_a_person_in_the_browser() {
    let fixture = Fixture::start().await;
    let browser = Browser::signed_in(&fixture.server, &fixture.ada).await;
    for library in McpLibrary::ALL {
        let mut client = ask(&fixture, &browser, library).await;
        browser.says("main", "It calls itself Test tool").await;
        client.event("registered").await;
        browser.click(&button("Allow")).await;
        client.answer().await.ok();
        let tokens = client.event("tokens").await;
        assert_eq!(tokens["scope"], "mcp", "{library:?}");
        assert_eq!(tokens["expires_in"], 15 * 60, "{library:?}");
        assert_eq!(whoami(&mut client).await, fixture.ada.email.as_str(), "{library:?}");
    }
    let mut complaints = browser.complaints().await;
    complaints.retain(|complaint| complaint.contains(&fixture.server.url));
    assert_eq!(complaints, [""; 0], "the consent page lets the browser go where the tool waits");
    browser.goto("/settings/connected-apps").await;
    let apps = browser.eval("return document.querySelectorAll('.apps .name').length").await;
    assert_eq!(apps, McpLibrary::ALL.len(), "one for each tool");
    browser.close().await;
}

#[tokio::test]
async fn a_tool_that_a_person_denies_is_told_so_and_gets_nothing() {
    let fixture = Fixture::start().await;
    let browser = Browser::signed_in(&fixture.server, &fixture.ada).await;
    for library in McpLibrary::ALL {
        let mut client = ask(&fixture, &browser, library).await;
        browser.click(&button("Deny")).await;
        let denied = client.answer().await.result.expect_err("it is denied");
        assert!(denied["message"].as_str().unwrap().contains("access_denied"), "{library:?}: {denied}");
        assert!(!client.events().contains(&"tokens"), "{library:?}");
    }
    browser.goto("/settings/connected-apps").await;
    browser.says("main", "No app is connected").await;
    browser.close().await;
}

#[tokio::test]
async fn a_connected_tool_goes_on_when_its_access_token_runs_out_and_nobody_is_asked_again() {
    let fixture = Fixture::start().await;
    let browser = Browser::signed_in(&fixture.server, &fixture.ada).await;
    for library in McpLibrary::ALL {
        let mut client = let_in(&fixture, &browser, library).await;
        for _ in 0..3 {
            client.event("tokens").await;
            fixture.server.advance(LATER);
            client.call("later", json!({})).await.ok();
            assert_eq!(whoami(&mut client).await, fixture.ada.email.as_str(), "{library:?}");
        }
        assert!(!client.events().contains(&"authorize"), "{library:?}: {:?}", client.events());
    }
    browser.close().await;
}

#[tokio::test]
async fn a_connected_tool_that_calls_tools_side_by_side_goes_on_when_its_access_token_runs_out() {
    let fixture = Fixture::start().await;
    let browser = Browser::signed_in(&fixture.server, &fixture.ada).await;
    for library in McpLibrary::ALL {
        let mut client = let_in(&fixture, &browser, library).await;
        for _ in 0..3 {
            fixture.server.advance(LATER);
            client.call("later", json!({})).await.ok();
            let calls = vec![json!({ "name": "whoami" }); 4];
            let answers = client.call("side_by_side", json!({ "calls": calls })).await;
            assert!(answers.result.is_ok(), "{library:?}: {answers:?}");
        }
        assert!(!client.events().contains(&"authorize"), "{library:?}: {:?}", client.events());
    }
    browser.close().await;
}

#[tokio::test]
async fn a_tool_that_is_disconnected_can_do_nothing_from_then_on_but_ask_again() {
    let fixture = Fixture::start().await;
    let browser = Browser::signed_in(&fixture.server, &fixture.ada).await;
    for library in McpLibrary::ALL {
        let mut client = let_in(&fixture, &browser, library).await;
        let listens = McpLibrary::CURRENT.contains(&library);
        if listens {
            client.call("listen", json!({})).await.ok();
        }
        browser.goto("/settings/connected-apps").await;
        browser.click("//a[normalize-space()='Disconnect']").await;
        browser.click("//dialog//button[normalize-space()='Disconnect']").await;
        browser.says("main", "No app is connected").await;
        if listens {
            client.event("ended").await;
        }
        client.begin("call", json!({ "name": "whoami" })).await;
        client.event("authorize").await;
    }
    browser.close().await;
}
