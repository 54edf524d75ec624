//! Coming in and going out, in a real browser.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_app::operator::{Answer, Command};
use keystead_tests::{Browser, TestServer, button};

#[tokio::test]
async fn the_set_up_link_signs_the_first_administrator_in_and_is_dead_afterwards() {
    let server = TestServer::start().await;
    let code = server.app.create_set_up_link().await.unwrap();
    let link = format!("/setup/{}", code.expose());
    let browser = Browser::open(&server).await;

    browser.goto(&link).await;
    browser.fill("#organization", "Analytical Engines").await;
    browser.fill("#name", "Ada Lovelace").await;
    browser.fill("#email", "ada@example.com").await;
    browser.fill("#password", "short").await;
    browser.click(&button("Create organization")).await;
    browser.says("#password-error", "characters").await;
    let kept = browser.find("#email").await.prop("value").await.unwrap();
    assert_eq!(kept.as_deref(), Some("ada@example.com"), "what was right need not be typed again");

    browser.fill("#password", TestServer::PASSWORD).await;
    browser.click(&button("Create organization")).await;
    browser.arrives_at("/settings/api-keys").await;
    browser.says(".who", "Ada Lovelace").await;
    browser.says(".who", "Analytical Engines · Administrator").await;

    browser.goto(&link).await;
    browser.says("h1", "This link no longer works").await;
    browser.close().await;
}

#[tokio::test]
async fn a_wrong_password_says_so_and_a_right_one_leads_where_the_person_was_going() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browser::open(&server).await;

    browser.goto("/settings/api-keys?view=all&status=expired").await;
    browser.arrives_at("/sign-in").await;
    browser.fill_sign_in(&ada.email, "another password").await;
    browser.says("#errors", "The e-mail address or the password is wrong.").await;
    let email = browser.find("#email").await.prop("value").await.unwrap();
    assert_eq!(email, Some(ada.email.clone()), "the address need not be typed again");

    browser.fill("#password", TestServer::PASSWORD).await;
    browser.click(&button("Sign in")).await;
    browser.arrives_at("/settings/api-keys").await;
    assert_eq!(browser.path().await, "/settings/api-keys?view=all&status=expired");

    browser.click("[aria-label='Sign out']").await;
    browser.arrives_at("/sign-in").await;
    browser.driver.back().await.unwrap();
    browser.arrives_at("/sign-in").await;
    browser.goto("/settings/api-keys").await;
    browser.arrives_at("/sign-in").await;
    browser.close().await;
}

#[tokio::test]
async fn a_sign_in_link_does_nothing_until_it_is_confirmed_and_works_once() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let Answer::SignInLink { code } =
        server.operate(Command::UserSignInLink { email: ada.email.clone(), organization: None }).await
    else {
        panic!("not a link")
    };
    let browser = Browser::open(&server).await;
    for _ in 0..2 {
        browser.goto(&format!("/sign-in/link/{code}")).await;
        browser.says(".lede", "signs you in once, as ada").await;
    }
    browser.click(&button("Sign in as ada (Member)")).await;
    browser.arrives_at("/settings/api-keys").await;
    browser.click("[aria-label='Sign out']").await;
    browser.arrives_at("/sign-in").await;
    browser.goto(&format!("/sign-in/link/{code}")).await;
    browser.says("h1", "This link no longer works").await;
    browser.close().await;
}

#[tokio::test]
async fn a_session_that_ended_in_another_tab_leads_to_sign_in_and_back_to_the_same_dialog() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    server.key(&ada, "deploy", "30d").await;
    let browser = Browser::signed_in(&server, &ada).await;

    // What is asked for by following a link.
    sign_out_in_another_tab(&browser).await;
    browser.click("#view-all").await;
    browser.find("#password").await;
    browser.arrives_at("/sign-in").await;
    browser.fill_sign_in(&ada.email, TestServer::PASSWORD).await;
    browser.arrives_at("/settings/api-keys").await;
    assert_eq!(browser.path().await, "/settings/api-keys?view=all");

    // What is asked for by sending a form.
    browser.click("#create").await;
    browser.fill("#name", "not yet made").await;
    sign_out_in_another_tab(&browser).await;
    browser.click(&button("Create")).await;
    browser.find("#password").await;
    browser.arrives_at("/sign-in").await;
    browser.fill_sign_in(&ada.email, TestServer::PASSWORD).await;
    browser.arrives_at("/settings/api-keys/new").await;
    assert_eq!(browser.path().await, "/settings/api-keys/new?view=all");
    browser.fill("#name", "made now").await;
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    // The form that came too late made no key.
    browser.lists(&["made now", "deploy"]).await;
    browser.close().await;
}

async fn sign_out_in_another_tab(browser: &Browser) {
    let here = browser.driver.window().await.unwrap();
    let other = browser.driver.new_tab().await.unwrap();
    browser.driver.switch_to_window(other).await.unwrap();
    browser.goto("/settings").await;
    browser.click(&button("Sign out")).await;
    browser.arrives_at("/sign-in").await;
    browser.driver.close_window().await.unwrap();
    browser.driver.switch_to_window(here).await.unwrap();
}
