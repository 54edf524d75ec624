//! Every page in every state, on wide and narrow screens, light and dark; and without a mouse.

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command};
use keystead_tests::{Browser, Browserless, Form, Sample, TestServer, button, row};
use thirtyfour::Key;

#[tokio::test]
async fn the_checks_of_this_file_find_what_is_wrong() {
    let server = TestServer::start().await;
    let browser = Browser::open(&server).await.with_axe().await;
    browser.goto("/sign-in").await;
    let spoil = "document.querySelector('h1').insertAdjacentHTML('afterend', '<img><p>Wide</p>');
        const wide = document.querySelector('p:not([class])');
        wide.style.color = '#555'; wide.style.background = '#999'; wide.style.width = '1300px';
        document.querySelector('.lede').style.cssText = 'color: var(--ink); background: #999'";
    browser.eval(spoil).await;
    let mut wrong = Vec::new();
    browser.look("spoilt", &mut wrong).await;
    for expected in [
        "spoilt, 1280 px, light: image-alt",
        "color-contrast:",
        "color-contrast-enhanced:",
        "stick out sideways",
    ] {
        assert!(wrong.iter().any(|line| line.contains(expected)), "{expected}: {wrong:#?}");
    }
    browser.close().await;
}

#[tokio::test]
async fn pages_at_the_door_have_no_accessibility_violation_and_never_scroll_sideways() {
    let server = TestServer::start().await;
    let code = server.app.create_set_up_link().await.unwrap();
    let set_up = format!("/setup/{}", code.expose());
    let browser = Browser::open(&server).await.with_axe().await;
    let mut wrong = Vec::new();

    browser.goto(&set_up).await;
    browser.look("set-up", &mut wrong).await;
    browser.eval("for (const field of document.querySelectorAll('input')) field.required = false").await;
    browser.click(&button("Create organization")).await;
    browser.find("#errors").await;
    browser.look("set-up with errors", &mut wrong).await;

    let ada = server.administrator("ada@example.com").await;
    let Answer::SignInLink { code } =
        server.operate(Command::UserSignInLink { email: ada.email.clone(), organization: None }).await
    else {
        panic!("not a link")
    };
    browser.goto("/sign-in").await;
    browser.look("sign-in", &mut wrong).await;
    browser.fill_sign_in(&ada.email, "another password").await;
    browser.find("#errors").await;
    browser.look("sign-in with an error", &mut wrong).await;
    for _ in 0..6 {
        browser.fill("#password", "another password").await;
        browser.click(&button("Sign in")).await;
        browser.find("#errors").await;
    }
    browser.says("#errors", "Too many attempts.").await;
    browser.look("sign-in, slowed down", &mut wrong).await;
    browser.goto(&format!("/sign-in/link/{code}")).await;
    browser.look("sign-in link", &mut wrong).await;
    browser.goto("/sign-in/link/spent").await;
    browser.look("spent link", &mut wrong).await;
    browser.goto("/nowhere").await;
    browser.says(".status-code", "404").await;
    browser.look("404", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}

#[tokio::test]
async fn pages_behind_sign_in_have_no_accessibility_violation_and_never_scroll_sideways() {
    let sample = Sample::start().await;
    let server = &sample.server;
    let browser = Browser::open(server).await.with_axe().await;
    let mut wrong = Vec::new();

    browser.sign_in(&sample.joan).await;
    browser.look("no key yet", &mut wrong).await;
    browser.goto("/settings/api-keys?view=all").await;
    browser.says(".status-code", "403").await;
    browser.look("403", &mut wrong).await;

    browser.sign_in(&sample.ada).await;
    browser.look("keys", &mut wrong).await;
    browser.click(&row("Spring migration", "//summary")).await;
    browser.look("the menu of an expired key", &mut wrong).await;
    browser.goto("/settings").await;
    browser.look("settings", &mut wrong).await;
    browser.goto("/settings/api-keys?view=all").await;
    browser.look("all keys", &mut wrong).await;
    browser.goto("/settings/api-keys?q=nothing&status=expired").await;
    browser.look("nothing found", &mut wrong).await;
    for number in 0..50 {
        server.key(&sample.ada, &format!("key {number}"), "90d").await;
    }
    browser.goto("/settings/api-keys").await;
    browser.look("a full page", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}

#[tokio::test]
async fn dialogs_have_no_accessibility_violation_and_never_scroll_sideways() {
    let sample = Sample::start().await;
    let server = &sample.server;
    let browser = Browser::open(server).await.with_axe().await;
    let mut wrong = Vec::new();
    browser.sign_in(&sample.ada).await;
    let list = browser.driver.source().await.unwrap();
    let revoke = Form::find_link(&list, "/revoke");

    browser.click("#create").await;
    browser.find("#dialog").await;
    browser.look("create", &mut wrong).await;
    browser.click("#allow_impersonation").await;
    browser.click(&button("Create")).await;
    browser.find("#errors").await;
    browser.look("create with errors", &mut wrong).await;
    browser.fill("#name", "made now").await;
    browser.click(&button("Create")).await;
    browser.find("#token").await;
    browser.look("created", &mut wrong).await;
    browser.click(&button("Done")).await;
    browser.find("#leave").await;
    browser.look("leaving the token", &mut wrong).await;
    browser.click(&button("Leave without it")).await;
    browser.gone("#dialog").await;
    browser.look("the new row", &mut wrong).await;

    browser.goto(&revoke.replace("/revoke", "/edit")).await;
    browser.look("edit", &mut wrong).await;
    browser.fill("#name", "").await;
    browser.click(&button("Save changes")).await;
    browser.find("#errors").await;
    browser.look("edit with errors", &mut wrong).await;
    browser.goto(&revoke).await;
    browser.look("revoke", &mut wrong).await;
    browser.fill("#confirm_name", "another").await;
    browser.click(&button("Revoke")).await;
    browser.find("#confirm_name-error").await;
    browser.look("revoke with an error", &mut wrong).await;

    let expired = Browserless::signed_in(server, &sample.ada).await;
    let expired = expired.get("/settings/api-keys?status=expired").await.text().await.unwrap();
    browser.goto(&Form::find_link(&expired, "/revoke").replace("/revoke", "/edit")).await;
    browser.says("#dialog-title", "This key cannot be edited").await;
    browser.look("edit of an expired key", &mut wrong).await;

    // Sent twice, as a browser does that reloads the answer to a form.
    browser.goto("/settings/api-keys/new").await;
    browser.fill("#name", "sent twice").await;
    let twice = "const form = document.querySelector('#dialog form');
        return fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) }).then(answer => answer.status)";
    assert_eq!(browser.eval(twice).await, 200);
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "This key was created already").await;
    browser.look("created already", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}

#[tokio::test]
async fn a_key_is_made_and_revoked_with_the_keyboard_alone() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    server.key(&ada, "another", "30d").await;
    server.advance(SignedDuration::from_secs(1));
    let browser = Browser::open(&server).await;
    browser.goto("/sign-in").await;
    browser.press(ada.email.as_str()).await;
    browser.tab_to("#password").await;
    browser.press(TestServer::PASSWORD).await;
    browser.press(Key::Enter).await;
    browser.arrives_at("/settings/api-keys").await;
    browser.find("#title").await;

    browser.tab_to(".skip").await;
    browser.press(Key::Enter).await;
    browser.tab_to("#create").await;
    browser.press(Key::Enter).await;
    browser.find("#dialog").await;
    browser.press("deploy").await;
    browser.tab_to("[name=expiration]").await;
    browser.press(Key::Right).await;
    browser.says(".until", "21 Feb 2027").await;
    browser.tab_to("#dialog footer button").await;
    browser.press(Key::Enter).await;
    browser.says("#dialog-title", "API key created").await;
    let token = browser.find("#token").await.prop("value").await.unwrap().unwrap();
    browser.holds("document.activeElement.matches('[data-copy]')").await;
    browser.press(Key::Enter).await;
    browser.says("#copy-state", "Copied.").await;
    browser.tab_to("#dialog footer a").await;
    browser.press(Key::Enter).await;
    browser.gone("#dialog").await;
    browser.lists(&["deploy", "another"]).await;

    browser.tab_to("tbody tr:first-child summary").await;
    browser.press(Key::Enter).await;
    browser.tab_to("tbody tr:first-child a.danger").await;
    browser.press(Key::Enter).await;
    browser.says("#dialog-title", "Revoke access?").await;
    browser.press("deploy").await;
    browser.press(Key::Enter).await;
    browser.gone("#dialog").await;
    browser.lists(&["another"]).await;
    assert_eq!(server.verify(&token).await.status(), 401);
    browser.close().await;
}
