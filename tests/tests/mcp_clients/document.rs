//! Tools that do not register, but say where they describe themselves; with the real binary, which trusts what its system trusts.

use keystead_tests::binary::{Serving, keystead_at};
use keystead_tests::{Browser, ClientDocument, McpClient, McpLibrary, TestServer, button};
use serde_json::json;

/// Uses the link that a new server prints.
async fn set_up(serving: &Serving, browser: &Browser, url: &str) {
    let link = serving.line(|line| line.strip_prefix("Open ")?.split(' ').next().map(str::to_owned));
    browser.goto(link.strip_prefix(url).expect("a link to the server")).await;
    for (field, text) in [("#organization", "Acme"), ("#name", "Ada"), ("#email", "ada@example.com")] {
        browser.fill(field, text).await;
    }
    browser.fill("#password", TestServer::PASSWORD).await;
    browser.click("button.primary").await;
    browser.arrives_at("/settings/api-keys").await;
}

#[tokio::test]
async fn a_tool_that_describes_itself_at_an_address_is_let_in_under_the_name_that_is_there() {
    let data = tempfile::tempdir().unwrap();
    let document = ClientDocument::serve("Described tool").await;
    let mut command = keystead_at(data.path());
    command.args(["serve", "--listen=127.0.0.1:0"]);
    command.args(["--client-metadata-network=127.0.0.0/8", "--client-metadata-network=::1/128"]);
    // On a system that trusts no other certificates.
    let serving = Serving::spawn(command.env("SSL_CERT_FILE", document.certificates()));
    let url = serving.url();
    let browser = Browser::open_at(&url).await;
    set_up(&serving, &browser, &url).await;

    for library in McpLibrary::ALL {
        let mut client = McpClient::start(library, &format!("{url}/mcp"), Some(&document.url));
        client.begin("connect", json!({})).await;
        let asked = client.event("authorize").await["url"].as_str().unwrap().to_owned();
        assert!(asked.contains("client_id=https%3A%2F%2Flocalhost%3A"), "{library:?}: {asked}");
        browser.goto(asked.strip_prefix(&url).unwrap()).await;
        browser.says("main", "It calls itself Described tool").await;
        browser.click(&button("Allow")).await;
        client.answer().await.ok();
        let me = client.tool("whoami", json!({})).await;
        assert_eq!(me["structuredContent"]["email"], "ada@example.com", "{library:?}");
    }
    browser.close().await;
}
