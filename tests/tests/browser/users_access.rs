//! The pages of users without script, with a keyboard alone, on any screen and to assistive technology.

#![expect(clippy::panic, reason = "what these tests share fails as tests do")]

use keystead_tests::{Browser, Browserless, Form, TestServer, TestUser, button, deployment_with_roles, row};
use thirtyfour::Key;

fn page_of(user: &TestUser, what: &str) -> String {
    format!("/settings/users/{}{what}", user.id)
}

#[tokio::test]
async fn users_are_managed_without_script() {
    let server = TestServer::start_with(deployment_with_roles()).await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browserless::signed_in(&server, &ada).await;
    let form = browser.form("/settings/users/invite", "/settings/users/invite").await;
    let form =
        form.with("email", "grace@example.com").with("role", "analyst").with("resources.analyst", "r1, r2");
    let answer = browser.post(&form).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.headers().get("content-encoding").is_none(), "a secret is not compressed");
    let html = answer.text().await.unwrap();
    let link = format!("{}/invitation/", server.url);
    assert_eq!(html.matches(&link).count(), 1, "once");
    assert_eq!(browser.post(&form).await.status(), 409, "sent again, it invites nobody a second time");

    let list = browser.get("/settings/users").await.text().await.unwrap();
    assert!(!list.contains(&link));
    let (_, id) = list.split_once("href=\"/settings/users/0").unwrap();
    let path = format!("/settings/users/0{}", id.split('"').next().unwrap());
    let page = browser.get(&path).await.text().await.unwrap();
    assert!(page.contains("r1") && page.contains("analyst"));
    let again = browser.form(&format!("{path}/invite-again"), &path).await;
    assert!(browser.post(&again).await.text().await.unwrap().contains(&link));

    let grace = TestUser { id: String::new(), email: "grace@example.com".to_owned() };
    let keys = [server.key(&grace, "one", "30d").await, server.key(&grace, "two", "30d").await];
    let ids = format!("id={}&id={}", keys[0].id, keys[1].id);
    let choose = "/settings/api-keys/revoke";
    assert_eq!(browser.get(choose).await.status(), 422, "nothing was chosen");
    let dialog = browser.get(&format!("{choose}?view=all&{ids}")).await.text().await.unwrap();
    let action = "/settings/api-keys/revoke?view=all";
    let csrf = Form::find(&dialog, action).fields["csrf"].clone();
    let send = |confirm: &'static str| {
        let fields =
            [("csrf", csrf.as_str()), ("id", &keys[0].id), ("id", &keys[1].id), ("confirm", confirm)];
        browser.client.post(format!("{}{action}", server.url)).form(&fields).send()
    };
    assert_eq!(send("1").await.unwrap().status(), 422);
    assert_eq!(send("2").await.unwrap().status(), 303);
    for key in &keys {
        assert_eq!(server.verify(&key.token).await.status(), 401);
    }
    let delete = browser.form(&format!("{path}/delete"), &path).await;
    assert_eq!(browser.post(&delete.clone().with("confirm", "grace")).await.status(), 422);
    assert_eq!(browser.post(&delete.clone().with("confirm", "grace@example.com")).await.status(), 303);
    assert_eq!(browser.get(&path).await.status(), 404);
    assert_eq!(
        browser.post(&delete.with("confirm", "grace@example.com")).await.status(),
        404,
        "and once only"
    );
}

/// Presses Tab until an element has the focus.
async fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..60 {
        browser.press(Key::Tab).await;
        let there = format!("return document.activeElement.matches({})", serde_json::json!(selector));
        if browser.eval(&there).await == true {
            return;
        }
    }
    panic!("Tab never comes to {selector}");
}

#[tokio::test]
async fn somebody_is_invited_and_keys_are_revoked_with_the_keyboard_alone() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let keys = [server.key(&ada, "one", "30d").await, server.key(&ada, "two", "30d").await];
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto("/settings/users").await;
    tab_to(&browser, "#create").await;
    browser.press(Key::Enter).await;
    browser.find("#dialog").await;
    browser.press("grace@example.com").await;
    tab_to(&browser, "#r-administrator").await;
    browser.press(" ").await;
    tab_to(&browser, "#dialog footer button").await;
    browser.press(Key::Enter).await;
    browser.says("#dialog-title", "grace is invited").await;
    browser.press(Key::Escape).await;
    browser.says("#leave", "You have not copied the link.").await;
    tab_to(&browser, "[data-leave]").await;
    browser.press(Key::Enter).await;
    browser.gone("#dialog").await;
    browser.says(&row("grace", ""), "Administrator").await;

    browser.goto("/settings/api-keys").await;
    tab_to(&browser, "#select-all").await;
    browser.press(" ").await;
    tab_to(&browser, "#revoke-selected").await;
    browser.press(Key::Enter).await;
    browser.says("#dialog-title", "Revoke 2 keys?").await;
    browser.press("2").await;
    browser.press(Key::Enter).await;
    browser.gone("#dialog").await;
    for key in &keys {
        assert_eq!(server.verify(&key.token).await.status(), 401);
    }
    browser.close().await;
}

#[tokio::test]
async fn pages_of_users_have_no_accessibility_violation_and_never_scroll_sideways() {
    let server = TestServer::start_with(deployment_with_roles()).await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member(&format!("{}@example.com", "grace-".repeat(10))).await;
    let gone = server.member("gone@example.com").await;
    server.deactivate(&gone).await;
    for name in ["nightly", &"W".repeat(100), "terraform"] {
        let key = server.key(&grace, name, "7d").await;
        server.verify(&key.token).await;
    }
    server.app.sweep_last_used().await.unwrap();
    let browser = Browser::signed_in(&server, &ada).await.with_axe().await;
    let mut wrong = Vec::new();
    for (state, path) in [
        ("users", "/settings/users"),
        ("nobody", "/settings/users?q=nobody&status=pending"),
        ("a user", &page_of(&grace, "")),
        ("a user without keys", &page_of(&gone, "")),
        ("invite", "/settings/users/invite"),
        ("edit", &page_of(&grace, "/edit")),
        ("deactivate", &page_of(&grace, "/deactivate")),
        ("reactivate", &page_of(&gone, "/reactivate")),
        ("delete", &page_of(&grace, "/delete")),
        ("revoke keys", &page_of(&grace, "/revoke-keys")),
        ("reset password", &page_of(&grace, "/reset-password")),
    ] {
        browser.goto(path).await;
        browser.find("h1, #dialog-title").await;
        browser.look(state, &mut wrong).await;
    }
    browser.click(&button("Make the link")).await;
    browser.find("#link").await;
    browser.look("a link", &mut wrong).await;
    browser.goto(&page_of(&grace, "/delete")).await;
    browser.fill("#confirm", "somebody").await;
    browser.click(&button("Delete")).await;
    browser.find("#confirm-error").await;
    browser.look("delete with an error", &mut wrong).await;
    browser.goto("/settings/users/invite").await;
    browser.fill("#email", "nobody").await;
    browser.click("#r-analyst").await;
    browser.fill("#l-analyst", "x".repeat(201).as_str()).await;
    browser.click(&button("Invite")).await;
    browser.find("#errors").await;
    browser.look("invite with errors", &mut wrong).await;

    browser.goto("/settings/api-keys?view=all").await;
    browser.click("#select-all").await;
    browser.look("chosen keys", &mut wrong).await;
    browser.click("#revoke-selected").await;
    browser.find("#confirm").await;
    browser.look("revoke several", &mut wrong).await;
    browser.click("#dialog footer button").await;
    browser.find("#confirm-error").await;
    browser.look("revoke several with an error", &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}
