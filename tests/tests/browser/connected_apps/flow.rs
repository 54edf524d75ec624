//! From being asked to being disconnected, and whose it is.

use keystead_tests::{Browser, TestServer, button, parameter};
use thirtyfour::Key;

use super::{App, QUESTION, redeem};

#[tokio::test]
async fn an_app_is_allowed_after_signing_in_seen_in_the_settings_and_disconnected() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::open(&server).await;

    // Long, as such addresses are: all of it must come through the sign-in form, also through one that was wrong at first.
    let state = "s/+ ".repeat(500);
    let request = app.request_with(&[("state", &state)]);
    browser.goto(&request).await;
    browser.arrives_at("/sign-in").await;
    browser.fill_sign_in(&ada.email, "not the password").await;
    browser.find("#errors").await;
    browser.fill_sign_in(&ada.email, TestServer::PASSWORD).await;
    browser.says("h1", QUESTION).await;
    assert_eq!(browser.path().await, request, "exactly what the app asked");
    browser.says(".asking", "Claude Code").await;
    browser.says(".caller-host", app.site.url.strip_prefix("http://").unwrap()).await;
    browser.says(".caller", "A program on this computer").await;
    browser.says(".unverified", "Name not verified").await;
    browser.says(".as", "ada@example.com").await;

    browser.click(&button("Allow")).await;
    let answer = app.answered(&browser).await;
    assert_eq!(parameter(&answer, "state").as_deref(), Some(state.as_str()));
    assert_eq!(parameter(&answer, "iss").as_deref(), Some(server.url.as_str()));
    assert_eq!(browser.eval("return document.referrer").await, "", "no address of ours goes along");
    assert_eq!(browser.complaints().await.len(), 1, "the wrong password, and no breach of the policy");
    let tokens = redeem(&server, &app, &answer).await;
    let origin = keystead_app::RequestOrigin::default();
    assert!(server.app.actor_of_access_token(&tokens.access, &origin).is_ok());

    browser.goto("/settings").await;
    browser.click("//main//a[contains(., 'Connected apps')]").await;
    browser.says("tbody tr .name", "Claude Code").await;
    browser.says("tbody tr th small", app.site.url.strip_prefix("http://").unwrap()).await;
    browser.says("tbody td[data-l=Ends]", "21 Feb 2027").await;
    browser.click(&button("Disconnect")).await;
    browser.says("#dialog-title", "Disconnect this app?").await;
    assert!(browser.path().await.ends_with("/disconnect"), "the dialog is an address");
    browser.says("#dialog", "API keys that it created go on working").await;
    browser.press(Key::Escape).await;
    browser.gone("#dialog").await;
    browser.arrives_at("/settings/connected-apps").await;
    assert!(browser.focus().await.starts_with("d-"), "focus returns to what opened the dialog");
    assert!(server.app.actor_of_access_token(&tokens.access, &origin).is_ok());

    browser.click(&button("Disconnect")).await;
    browser.find("#dialog").await;
    browser.click("#dialog .danger").await;
    browser.says("#notice", "The app was disconnected.").await;
    browser.says("#none-title", "No app is connected").await;
    assert!(server.app.actor_of_access_token(&tokens.access, &origin).is_err(), "at once");
    assert_eq!(app.client.refresh(&server, &tokens.refresh).await.status(), 400);
    browser.close().await;
}

#[tokio::test]
async fn nobody_sees_or_ends_what_another_connected() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    server.connect_app(&grace, &app.client).await;
    let connected = async || server.app.connected_apps(&server.actor(&grace).await).await.unwrap();
    let dialog = format!("/settings/connected-apps/{}/disconnect", connected().await[0].id);
    let session = server.session(&ada).await;
    assert_eq!(server.visit(&session, &dialog).await.status(), 404);
    assert_eq!(server.submit(&session, &dialog, &[]).await.status(), 404);
    let page = server.visit(&session, "/settings/connected-apps").await.text().await.unwrap();
    assert!(!page.contains("Claude Code"));
    let hers = server.session(&grace).await;
    let answer = server.post(&dialog).header("cookie", &hers.cookie).form(&[("csrf", &session.csrf)]);
    assert_eq!(answer.send().await.unwrap().status(), 403, "nor by a form that is not from her page");
    assert_eq!(connected().await.len(), 1);
}
