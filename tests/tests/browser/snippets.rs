//! What the *API key created* screen offers to paste: each text works as it is, holds the token, and is gone with it.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use std::process::Stdio;

use keystead_app::Deployment;
use keystead_tests::{Browser, Embedder, TestServer, button};
use serde_json::{Value, json};
use thirtyfour::Key;

const OF_KEYS: [&str; 4] = ["curl", "mcp-command", "mcp-json", "variable"];

/// The clipboard's text.
async fn clipboard(browser: &Browser) -> String {
    let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, error => done(`refused: ${error}`))";
    browser.driver.execute_async(read, Vec::new()).await.unwrap().json().as_str().unwrap().to_owned()
}

async fn allow_clipboard(browser: &Browser) {
    let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    browser.cdp("Browser.grantPermissions", permissions).await;
}

async fn create(browser: &Browser, name: &str) -> String {
    browser.goto("/settings/api-keys/new").await;
    browser.fill("#name", name).await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    value(browser, "token").await
}

/// What a field holds, whether it is folded away or not.
async fn value(browser: &Browser, id: &str) -> String {
    let value = format!("return document.getElementById({}).value", json!(id));
    browser.eval(&value).await.as_str().unwrap().to_owned()
}

async fn unfold(browser: &Browser, id: &str) {
    let summary = format!("//details[.//textarea[@id='{id}']]/summary");
    if !browser.shows(&format!("#{id}")).await {
        browser.click(&summary).await;
    }
    browser.find(&format!("#{id}")).await;
}

/// What a shell prints for a script.
async fn shell(script: &str) -> String {
    let mut shell = tokio::process::Command::new("sh");
    let output = shell.arg("-c").arg(script).stderr(Stdio::piped()).output().await.unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Everywhere a script of the page could find text after the fact.
async fn traces(browser: &Browser) -> String {
    let everywhere = "return [
        document.documentElement.outerHTML,
        ...[...document.querySelectorAll('input, textarea')].map(field => field.value),
        location.href, document.referrer, document.title, document.cookie,
        JSON.stringify(history.state), JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}),
        ...performance.getEntries().map(entry => entry.name),
    ].join('\\n')";
    browser.eval(everywhere).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_snippet_is_copied_as_it_is_and_does_what_it_says() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    allow_clipboard(&browser).await;
    let token = create(&browser, "laptop").await;

    let mut copied = Vec::new();
    for id in OF_KEYS {
        unfold(&browser, id).await;
        browser.click(&format!("[data-copy={id}]")).await;
        browser.says(&format!("[data-copy={id}]"), "Copied").await;
        let said = "return [...document.querySelectorAll('[data-copy]')].filter(b => b.textContent.includes('Copied')).length";
        assert_eq!(browser.eval(said).await, 1, "the others say Copy again");
        let text = clipboard(&browser).await;
        assert_eq!(text, value(&browser, id).await);
        assert_eq!(text.matches(&token).count(), 1, "{id}");
        copied.push(text);
    }

    let answer = shell(&format!("{} -s", copied[0])).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("x-keystead-user-email: ada@example.com"), "{answer}");

    let words = shell(&format!("claude() {{ printf '%s\\n' \"$@\"; }}\n{}", copied[1])).await;
    let url = format!("{}/mcp", server.url);
    let header = format!("Authorization: Bearer {token}");
    let expected = ["mcp", "add", "--transport", "http", "keystead", &url, "--header", &header];
    assert_eq!(words.lines().collect::<Vec<_>>(), expected);

    let configuration: Value = serde_json::from_str(&copied[2]).unwrap();
    let expected =
        json!({ "type": "http", "url": url, "headers": { "Authorization": format!("Bearer {token}") } });
    assert_eq!(configuration, json!({ "mcpServers": { "keystead": expected } }));

    let exported = shell(&format!("{}\nenv | grep ^KEYSTEAD_API_KEY=", copied[3])).await;
    assert_eq!(exported.trim_end(), format!("KEYSTEAD_API_KEY={token}"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn to_have_copied_a_snippet_is_to_have_copied_the_token() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    allow_clipboard(&browser).await;
    let token = create(&browser, "first").await;
    browser.says("#copy-state", "Not copied yet.").await;
    unfold(&browser, "variable").await;
    browser.click("[data-copy=variable]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    browser.gone("#dialog").await;
    browser.arrives_at("/settings/api-keys").await;
    assert!(!traces(&browser).await.contains(&token), "after Done the token is nowhere");
    browser.driver.back().await.unwrap();
    browser.find("#title").await;
    assert!(!traces(&browser).await.contains(&token), "nor does going back bring it up");

    // By hand: a part of a snippet that has the whole token in it counts, and one that has not does not.
    let token = create(&browser, "second").await;
    unfold(&browser, "curl").await;
    let select = |from: &str, to: &str| {
        format!("const f = document.querySelector('#curl'); f.focus(); f.setSelectionRange({from}, {to})")
    };
    browser.eval(&select("0", "f.value.length - 9")).await;
    browser.press(Key::Control + "c").await;
    browser.click(&button("Done")).await;
    browser.says("#leave", "You have not copied the token.").await;
    browser.click(&button("Go back")).await;
    browser.eval(&select(&format!("f.value.indexOf('{token}')"), "f.value.length")).await;
    browser.press(Key::Control + "c").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    browser.gone("#dialog").await;
    assert!(!traces(&browser).await.contains(&token));
    browser.close().await;
}

#[tokio::test]
async fn where_nothing_copies_the_snippet_is_selected_and_not_called_copied() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    create(&browser, "deploy").await;
    let refuse = "Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined });
        document.execCommand = () => false";
    browser.eval(refuse).await;
    unfold(&browser, "mcp-json").await;
    browser.click("[data-copy=mcp-json]").await;
    browser.says("[data-copy=mcp-json]", "Ctrl+C").await;
    browser.says("#copy-state", "Your browser did not copy it.").await;
    assert!(!browser.text("#dialog").await.contains("Copied"));
    let selected =
        "const f = document.activeElement; return [f.id, f.value.slice(f.selectionStart, f.selectionEnd)]";
    let expected = json!(["mcp-json", value(&browser, "mcp-json").await]);
    assert_eq!(browser.eval(selected).await, expected);
    browser.click(&button("Done")).await;
    browser.says("#leave", "You have not copied the token.").await;
    browser.close().await;
}

#[tokio::test]
async fn snippets_are_read_and_copied_by_hand_without_script() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::open_without_script(&server).await;
    browser.sign_in(&ada).await;
    browser.goto("/settings/api-keys/new").await;
    browser.fill("#name", "deploy").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    let token = browser.find("#token").await.prop("value").await.unwrap().unwrap();
    for id in OF_KEYS {
        unfold(&browser, id).await;
        let field = browser.find(&format!("#{id}")).await;
        let text = field.prop("value").await.unwrap().unwrap();
        assert_eq!(text.matches(&token).count(), 1, "{id}");
        field.send_keys(Key::Control + "a").await.unwrap();
        field.send_keys(Key::Control + "c").await.unwrap();
    }
    browser.click(&button("Done")).await;
    browser.arrives_at("/settings/api-keys").await;
    assert!(!browser.driver.source().await.unwrap().contains(&token));
    browser.fill("#q", "").await;
    browser.press(Key::Control + "v").await;
    let pasted = browser.find("#q").await.prop("value").await.unwrap();
    assert_eq!(pasted, Some(format!("export KEYSTEAD_API_KEY={token}")), "the last that was copied");
    browser.close().await;
}

#[tokio::test]
async fn an_impersonation_key_is_shown_how_a_server_signs_people_in() {
    let server = TestServer::start_with(Deployment { impersonation: true, ..Deployment::default() }).await;
    let ada = server.administrator("o'hara@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/api-keys/new").await;
    browser.fill("#name", "product").await;
    browser.click("#allow_impersonation").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    assert!(!browser.driver.source().await.unwrap().contains("/mcp"), "it goes into no client of a person's");
    let answer = shell(&format!("{} -s", value(&browser, "curl").await)).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let session = answer["data"]["impersonateUser"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(server.verify(session).await.status(), 200);
    browser.close().await;
}

#[tokio::test]
async fn a_products_page_names_the_public_address_and_not_this_product() {
    let product = Embedder::start().await;
    let browser = &product.browser;
    product.embed_for(&product.grace).await;
    browser.click("#create").await;
    browser.fill("#name", "deploy").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    let token = value(browser, "token").await;
    for id in OF_KEYS {
        let text = value(browser, id).await;
        assert_eq!(text.matches(&token).count(), 1, "{text}");
        assert!(!text.to_lowercase().contains("keystead"), "{text}");
    }
    assert!(value(browser, "mcp-json").await.contains(&format!("{}/mcp", product.server.url)));
    let answer = shell(&format!("{} -s", value(browser, "curl").await)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    unfold(browser, "variable").await;
    browser.click("[data-copy=variable]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    browser.gone("#dialog").await;
    assert!(!traces(browser).await.contains(&token));
    product.browser.close().await;
}

#[tokio::test]
async fn every_snippet_is_accessible_in_both_themes_on_narrow_screens_and_by_keyboard() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::open(&server).await.with_axe().await;
    browser.sign_in(&ada).await;
    create(&browser, "deploy").await;
    let mut wrong = Vec::new();
    for id in OF_KEYS {
        unfold(&browser, id).await;
        let open = "return document.querySelectorAll('.uses details[open]').length";
        assert_eq!(browser.eval(open).await, 1, "one at a time");
        browser.look(&format!("created, {id}"), &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    browser.eval("document.querySelector('#dialog-title').focus()").await;
    browser.tab_to(".uses details:nth-of-type(2) summary").await;
    browser.press(Key::Enter).await;
    browser.find("#mcp-command").await;
    browser.tab_to("[data-copy=mcp-command]").await;
    browser.press(Key::Enter).await;
    browser.says("#copy-state", "Copied.").await;
    browser.close().await;
}
