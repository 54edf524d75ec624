//! Every page and state: for all eyes, with the keyboard alone, without script, whatever an app calls itself.

use keystead_tests::{Browser, Pkce, TestServer, button};
use thirtyfour::Key;

use super::{App, QUESTION, redeem, request_of};

#[tokio::test]
async fn hostile_names_are_text_and_hide_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browser::open(&server).await.with_axe().await;
    browser.sign_in(&ada).await;
    let mut wrong = Vec::new();
    for (state, name) in [
        ("HTML", "<img src=x onerror=alert(1)><h1>Keystead</h1>".to_owned()),
        ("long", "W".repeat(100)),
        ("words", "verified by Keystead ".repeat(4)),
    ] {
        let app = App::start(&server, &name).await;
        browser.goto(&app.request()).await;
        browser.says("h1", QUESTION).await;
        browser.says(".asking", name.trim()).await;
        browser.says(".unverified", "Name not verified").await;
        browser.look(&format!("consent, {state}"), &mut wrong).await;
        server.connect_app(&ada, &app.client).await;
    }
    browser.goto("/settings/connected-apps").await;
    browser.find("tbody tr:nth-of-type(3)").await;
    assert_eq!(browser.eval("return document.querySelectorAll('main img, main h1').length").await, 1);
    browser.look("connected apps", &mut wrong).await;
    browser.click("tbody tr .button").await;
    browser.find("#dialog").await;
    browser.look("disconnect", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}

#[tokio::test]
async fn every_state_is_accessible_in_both_themes_and_on_narrow_screens() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let browser = Browser::open(&server).await.with_axe().await;
    browser.sign_in(&ada).await;
    let mut wrong = Vec::new();
    browser.goto("/settings/connected-apps").await;
    browser.says("#none-title", "No app is connected").await;
    browser.look("no app", &mut wrong).await;
    let pkce = Pkce::new();
    for redirect_uri in ["https://claude.ai/api/mcp/auth_callback", "http://127.0.0.1:33418/", "vscode://x/y"]
    {
        let client = server.oauth_client("Some app", redirect_uri).await;
        browser.goto(&request_of(&client, &pkce, &[])).await;
        browser.says("h1", QUESTION).await;
        browser.look(&format!("consent for {redirect_uri}"), &mut wrong).await;
    }
    browser.goto("/oauth2/authorize").await;
    browser.says("h1", "This app cannot be connected").await;
    browser.look("refused", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}

#[tokio::test]
async fn an_app_is_connected_and_disconnected_with_the_keyboard_alone() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto(&app.request()).await;
    browser.says("h1", QUESTION).await;
    browser.tab_to("[value=deny]").await;
    browser.tab_to("[value=allow]").await;
    browser.press(Key::Enter).await;
    redeem(&server, &app, &app.answered(&browser).await).await;
    browser.goto("/settings/connected-apps").await;
    browser.find("#title").await;
    browser.tab_to("tbody tr .button").await;
    browser.press(Key::Enter).await;
    browser.says("#dialog-title", "Disconnect this app?").await;
    assert_eq!(browser.focus().await, "Cancel");
    browser.tab_to("#dialog .danger").await;
    browser.press(Key::Enter).await;
    browser.says("#none-title", "No app is connected").await;

    browser.tab_to("[data-copy=mcp-url]").await;
    browser.press(Key::Enter).await;
    browser.says("[data-copy=mcp-url]", "Copied").await;
    browser.close().await;
}

#[tokio::test]
async fn an_app_is_connected_and_disconnected_without_script() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::open_without_script(&server).await;
    browser.goto(&app.request()).await;
    browser.arrives_at("/sign-in").await;
    browser.fill_sign_in(&ada.email, TestServer::PASSWORD).await;
    browser.says("h1", QUESTION).await;
    browser.click(&button("Allow")).await;
    redeem(&server, &app, &app.answered(&browser).await).await;
    browser.goto("/settings/connected-apps").await;
    browser.says("tbody tr .name", "Claude Code").await;
    let url = browser.find("#mcp-url").await.prop("value").await.unwrap().unwrap();
    assert_eq!(url, format!("{}/mcp", server.url));
    assert!(!browser.shows("[data-copy]").await, "a button that cannot work is not there");
    browser.click(&button("Disconnect")).await;
    browser.says("#dialog-title", "Disconnect this app?").await;
    browser.click("#dialog .danger").await;
    browser.says("#notice", "The app was disconnected.").await;
    browser.close().await;
}
