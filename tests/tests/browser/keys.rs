//! The life of a key, from the empty page to revocation, as a person with a browser lives it.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_tests::{Browser, TestServer, button, row};
use serde_json::json;
use thirtyfour::Key;

const READ_CLIPBOARD: &str = "const done = arguments[0]; navigator.clipboard.readText().then(done, error => done(`refused: ${error}`))";

async fn clipboard(browser: &Browser) -> String {
    let read = browser.driver.execute_async(READ_CLIPBOARD, Vec::new()).await.unwrap();
    read.json().as_str().unwrap().to_owned()
}

async fn allow_clipboard(browser: &Browser) {
    let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    browser.cdp("Browser.grantPermissions", permissions).await;
}

/// Makes a key through the dialog and returns the token, which is not copied yet.
async fn create(browser: &Browser, name: &str) -> String {
    browser.click("#create").await;
    browser.fill("#name", name).await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    browser.find("#token").await.prop("value").await.unwrap().unwrap()
}

/// Everywhere a script of the page, or a person with its inspector, could find text after the fact.
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
async fn a_key_is_made_copied_used_edited_and_revoked() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    allow_clipboard(&browser).await;
    browser.says("#empty-title", "Your first key").await;

    browser.click(&button("Create your first key")).await;
    browser.says("#dialog-title", "Create API key").await;
    browser.fill("#name", "Claude Code key").await;
    browser.fill("#description", "My laptop.").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    browser.says("#copy-state", "Not copied yet.").await;
    let token = browser.find("#token").await.prop("value").await.unwrap().unwrap();
    assert_eq!(server.verify(&token).await.status(), 200);

    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    assert_eq!(clipboard(&browser).await, token, "the token exactly, without a blank or a line break");
    browser.click(&button("Done")).await;
    browser.gone("#dialog").await;
    browser.lists(&["Claude Code key"]).await;
    browser.arrives_at("/settings/api-keys").await;
    assert!(!traces(&browser).await.contains(&token), "after Done the token is nowhere");
    browser.driver.back().await.unwrap();
    browser.find(".keys").await;
    assert!(!traces(&browser).await.contains(&token), "nor does going back bring it up");

    browser.goto("/settings/api-keys").await;
    browser.lists(&["Claude Code key"]).await;
    browser.says(&row("Claude Code key", "//*[@class='desc']"), "My laptop.").await;
    browser.click(&row("Claude Code key", "//summary")).await;
    browser.click(&button("Edit API Key")).await;
    browser.fill("#name", "Ada’s laptop").await;
    browser.fill("#description", "").await;
    browser.click(&button("Save changes")).await;
    browser.gone("#dialog").await;
    browser.lists(&["Ada’s laptop"]).await;
    assert!(!browser.shows(".desc").await);
    browser.says("#notice", "The changes were saved.").await;

    browser.click(&row("Ada’s laptop", "//summary")).await;
    browser.click(&button("Revoke API Key")).await;
    browser.says("#dialog-title", "Revoke access?").await;
    browser.fill("#confirm_name", "Claude Code key").await;
    browser.click(&button("Revoke")).await;
    browser.says("#confirm_name-error", "That is not the key's name.").await;
    assert_eq!(server.verify(&token).await.status(), 200, "a wrong name revokes nothing");
    browser.fill("#confirm_name", "Ada’s laptop").await;
    browser.click(&button("Revoke")).await;
    browser.gone("#dialog").await;
    assert_eq!(server.verify(&token).await.status(), 401);
    browser.says("#notice", "The key was revoked.").await;
    browser.says("#empty-title", "Your first key").await;

    let complaints = browser.complaints().await;
    let expected = |complaint: &&String| complaint.contains("status of 422");
    assert_eq!(complaints.iter().filter(expected).count(), 1, "the wrong name: {complaints:#?}");
    assert_eq!(complaints.len(), 1, "no error and no breach of the page's policy: {complaints:#?}");
    browser.close().await;
}

#[tokio::test]
async fn a_dialog_is_an_address_takes_the_focus_and_gives_it_back() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    server.key(&ada, "deploy", "30d").await;
    let browser = Browser::signed_in(&server, &ada).await;

    browser.click("#create").await;
    browser.says("#dialog-title", "Create API key").await;
    assert_eq!(browser.path().await, "/settings/api-keys/new");
    assert_eq!(browser.focus().await, "name");
    for _ in 0..20 {
        browser.press(Key::Tab).await;
        let inside = "document.querySelector('#dialog').contains(document.activeElement) || document.activeElement === document.body";
        browser.holds(inside).await;
    }
    browser.press(Key::Escape).await;
    browser.gone("#dialog").await;
    browser.arrives_at("/settings/api-keys").await;
    assert_eq!(browser.focus().await, "create");

    browser.click("#create").await;
    browser.find("#dialog").await;
    browser.driver.back().await.unwrap();
    browser.gone("#dialog").await;
    browser.arrives_at("/settings/api-keys").await;
    browser.driver.forward().await.unwrap();
    browser.says("#dialog-title", "Create API key").await;
    browser.click(&button("Cancel")).await;
    browser.gone("#dialog").await;
    browser.arrives_at("/settings/api-keys").await;

    browser.click(&row("deploy", "//summary")).await;
    let menu = browser.focus().await;
    browser.click(&button("Revoke API Key")).await;
    browser.says("#dialog-title", "Revoke access?").await;
    assert!(browser.path().await.ends_with("/revoke"));
    browser.press(Key::Escape).await;
    browser.gone("#dialog").await;
    assert_eq!(browser.focus().await, menu, "focus returns to the menu that the dialog came from");

    browser.goto("/settings/api-keys/new").await;
    browser.says("#dialog-title", "Create API key").await;
    browser.holds("document.querySelector('#dialog').matches(':modal')").await;
    browser.press(Key::Escape).await;
    browser.gone("#dialog").await;
    browser.arrives_at("/settings/api-keys").await;
    browser.close().await;
}

#[tokio::test]
async fn the_exact_expiry_date_follows_the_choice_before_and_after_creation() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    allow_clipboard(&browser).await;
    browser.cdp("Emulation.setTimezoneOverride", json!({ "timezoneId": "Asia/Tokyo" })).await;
    browser.goto("/settings/api-keys/new").await;
    browser.says(".until", "23 Dec 2026, 19:00:00").await;
    for (choice, words) in [
        ("7d", "30 Nov 2026, 19:00:00"),
        ("90d", "21 Feb 2027, 19:00:00"),
        ("180d", "22 May 2027, 19:00:00"),
        ("1y", "23 Nov 2027, 19:00:00"),
        ("never", "Never expires."),
        ("30d", "23 Dec 2026, 19:00:00"),
    ] {
        browser.click(&format!("//label[input[@value='{choice}']]")).await;
        browser.says(".until", words).await;
    }
    browser.fill("#name", "deploy").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog .facts", "23 Dec 2026, 19:00:00").await;
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    let expires = row("deploy", "//td[@data-l='Expires']/time");
    browser.says(&expires, "23 Dec 2026").await;
    let title = browser.find(&expires).await.attr("title").await.unwrap().unwrap();
    assert!(title.contains("19:00:00") && title.contains("10:00:00 UTC"), "{title}");
    browser.close().await;
}

#[tokio::test]
async fn copied_is_claimed_only_when_the_token_was_copied() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    allow_clipboard(&browser).await;

    // A page on plain HTTP has no clipboard; the old command still copies.
    browser.goto("/settings/api-keys").await;
    browser
        .eval("Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined })")
        .await;
    browser.click(&button("Create your first key")).await;
    browser.fill("#name", "first").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    let token = browser.find("#token").await.prop("value").await.unwrap().unwrap();
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.eval("delete navigator.clipboard").await;
    assert_eq!(clipboard(&browser).await, token);
    browser.click(&button("Done")).await;
    browser.gone("#dialog").await;

    // Where nothing copies, the token is selected for the person to copy.
    let refuse = "Object.defineProperty(navigator, 'clipboard', { configurable: true, value: {
        writeText: () => Promise.reject(new Error('refused')) } });
        document.execCommand = () => false";
    browser.eval(refuse).await;
    let token = create(&browser, "second").await;
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Your browser did not copy it.").await;
    assert!(!browser.text("#copy-state").await.contains("Copied"));
    let selected = browser
        .eval("const t = document.activeElement; return t.value.slice(t.selectionStart, t.selectionEnd)");
    assert_eq!(selected.await, token.as_str());
    browser.press(Key::Control + "c").await;
    browser.says("#copy-state", "Copied.").await;
    browser.eval("delete navigator.clipboard; delete document.execCommand").await;
    assert_eq!(clipboard(&browser).await, token);
    browser.close().await;
}

#[tokio::test]
async fn leaving_a_token_that_was_not_copied_asks_first() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    server.key(&ada, "another", "30d").await;
    let browser = Browser::signed_in(&server, &ada).await;
    let token = create(&browser, "deploy").await;

    browser.click(&button("Done")).await;
    browser.says("#leave", "You have not copied the token.").await;
    browser.click(&button("Go back")).await;
    browser.gone("#leave").await;
    browser.press(Key::Escape).await;
    browser.says("#leave", "You have not copied the token.").await;
    browser.press(Key::Escape).await;
    browser.press(Key::Escape).await;
    browser.holds("document.querySelector('#dialog').matches(':modal')").await;
    browser.click(&button("Go back")).await;
    browser.driver.back().await.unwrap();
    browser.says("#leave", "You have not copied the token.").await;
    let shown = browser.find("#token").await.prop("value").await.unwrap();
    assert_eq!(shown.as_ref(), Some(&token), "it is still there to be copied");

    browser.click(&button("Leave without it")).await;
    browser.gone("#dialog").await;
    browser.lists(&["deploy", "another"]).await;
    assert!(!traces(&browser).await.contains(&token));
    browser.close().await;
}

#[tokio::test]
async fn reloading_the_created_screen_neither_fails_nor_makes_a_second_key() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    server.key(&ada, "another", "30d").await;
    let browser = Browser::signed_in(&server, &ada).await;
    allow_clipboard(&browser).await;
    let token = create(&browser, "deploy").await;
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.driver.refresh().await.unwrap();
    browser.find("#dialog").await;
    assert!(!traces(&browser).await.contains(&token));
    browser.goto("/settings/api-keys").await;
    browser.lists(&["deploy", "another"]).await;

    // Two clicks on Create are one key.
    browser.click("#create").await;
    browser.fill("#name", "once").await;
    browser
        .eval("const b = document.querySelector('#dialog footer button'); b.click(); b.click(); b.click()")
        .await;
    browser.says("#dialog-title", "API key created").await;
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    browser.lists(&["once", "deploy", "another"]).await;
    browser.close().await;
}
