//! The question: who may answer it, for whom, and where the answer goes.

use keystead_app::operator::{Command, Password};
use keystead_domain::KeyPolicy;
use keystead_tests::{Browser, Pkce, TestServer, button, parameter};
use thirtyfour::Key;

use super::{App, QUESTION, allowed, redeem, request_of};

#[tokio::test]
async fn saying_no_tells_the_app_and_connects_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto(&app.request()).await;
    browser.click(&button("Deny")).await;
    let answer = app.answered(&browser).await;
    assert_eq!(parameter(&answer, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&answer, "state").as_deref(), Some("a state & more"));
    assert_eq!(parameter(&answer, "code"), None);
    assert_eq!(allowed(&server, &ada).await, 0);
    browser.close().await;
}

#[tokio::test]
async fn whoever_comes_again_is_asked_again() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto(&app.request()).await;
    browser.click(&button("Allow")).await;
    redeem(&server, &app, &app.answered(&browser).await).await;
    assert_eq!(allowed(&server, &ada).await, 1);

    browser.driver.back().await.unwrap();
    browser.says("h1", QUESTION).await;
    browser.driver.refresh().await.unwrap();
    browser.says("h1", QUESTION).await;
    browser.goto(&app.request()).await;
    browser.says("h1", QUESTION).await;
    browser.press(Key::Enter).await;
    browser.press(Key::Space).await;
    browser.says("h1", QUESTION).await;
    assert_eq!(browser.eval("return document.activeElement === document.body").await, true);
    assert_eq!(allowed(&server, &ada).await, 1, "neither going back nor keys pressed too early connect it");
    browser.close().await;
}

/// The lines of the page on what the app can do.
async fn lines(browser: &Browser, app: &App) -> Vec<String> {
    browser.goto(&app.request()).await;
    browser.says("h1", QUESTION).await;
    let lines = "return [...document.querySelectorAll('.may li')].map(line => line.textContent)";
    serde_json::from_value(browser.eval(lines).await).unwrap()
}

#[tokio::test]
async fn the_page_says_what_this_person_can_hand_over() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::signed_in(&server, &grace).await;
    let members = ["See your API keys", "Create API keys that act as you", "Edit and revoke your API keys"];
    assert_eq!(lines(&browser, &app).await, members);

    // As somebody else, from the page itself.
    browser.click(&button("Not you?")).await;
    browser.fill_sign_in(&ada.email, TestServer::PASSWORD).await;
    browser.says("h1", QUESTION).await;
    browser.says(".as", "ada@example.com").await;
    let administrators = [
        "See everybody’s API keys in My organization",
        "Create API keys that act as you",
        "Edit your API keys, and revoke anybody’s",
        "See the people of My organization",
        "Read the audit log",
    ];
    assert_eq!(lines(&browser, &app).await, administrators);

    let policy = KeyPolicy { keys_may_create_keys: false, ..KeyPolicy::default() };
    server.app.set_key_policy(&server.actor(&ada).await, &policy).await.unwrap();
    let lines = lines(&browser, &app).await;
    assert!(!lines.contains(&"Create API keys that act as you".to_owned()), "{lines:?}");
    assert!(lines.contains(&"It cannot create API keys.".to_owned()), "{lines:?}");
    browser.close().await;
}

#[tokio::test]
async fn the_decision_is_made_on_our_own_page_and_by_the_one_who_sees_it() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let grace = server.member("grace@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let (hers, other) = (server.session(&ada).await, server.session(&grace).await);
    let request = app.request();
    for (name, form) in [
        ("no token", vec![("decision", "allow")]),
        ("another's token", vec![("decision", "allow"), ("csrf", other.csrf.as_str())]),
    ] {
        let answer = server.post(&request).header("cookie", &hers.cookie).form(&form).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{name}: {}", answer.status());
        assert!(answer.headers().get("location").is_none(), "{name}");
    }
    let answer = server.submit(&hers, &request, &[("decision", "maybe")]).await;
    let to = answer.headers()["location"].to_str().unwrap();
    assert_eq!(parameter(to, "error").as_deref(), Some("access_denied"), "only allow allows");
    assert_eq!(allowed(&server, &ada).await, 0);

    let page = server.visit(&hers, &request).await;
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-frame-options"), "DENY");
    let policy = header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains(&format!("form-action 'self' {};", app.site.url)), "{policy}");
    assert!(
        ["no-referrer", "same-origin"].contains(&header("referrer-policy").as_str()),
        "nobody else is told"
    );

    // Whoever is signed out meanwhile is asked who they are, and then what they want.
    let answer = server.post(&request).form(&[("decision", "allow")]).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let to = format!("{}{}", server.url, answer.headers()["location"].to_str().unwrap());
    assert_eq!(parameter(&to, "next").as_deref(), Some(request.as_str()));
}

#[tokio::test]
async fn the_browser_goes_nowhere_by_itself_when_the_request_is_wrong() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::signed_in(&server, &ada).await;
    let request = app.request();
    let encoded = |uri: &str| uri.replace(':', "%3A").replace('/', "%2F");
    let elsewhere =
        request.replace(&encoded(&app.client.redirect_uri), &encoded("https://evil.example/callback"));
    assert_ne!(elsewhere, request);
    for (wrong, words) in [
        (request.replace(&app.client.id, "nobody"), "The app that sent you here is not known."),
        (elsewhere, "an address that it has not registered"),
        (format!("{request}&client_id=another"), "says the same thing twice"),
        (format!("{request}&x={}", "x".repeat(9_000)), "too long"),
    ] {
        browser.goto(&wrong).await;
        browser.says("h1", "This app cannot be connected").await;
        browser.says(".status-code", "400").await;
        browser.says(".lede", words).await;
        assert!(!browser.driver.source().await.unwrap().contains("evil.example"), "nor is it led there");
    }

    // Anybody can register an address: it is not opened before somebody asks for it (RFC 9700, section 4.11.2).
    browser.goto(&request.replace("S256", "plain")).await;
    browser.says("h1", "This app cannot be connected").await;
    browser.says(".lede", "Send a code_challenge with code_challenge_method=S256").await;
    let back = format!("Return to {}", app.site.url.strip_prefix("http://").unwrap());
    browser.click(&button(&back)).await;
    let answer = app.answered(&browser).await;
    assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_request"));
    assert_eq!(parameter(&answer, "code"), None);
    browser.close().await;
}

#[tokio::test]
async fn an_app_on_this_device_is_answered_through_its_own_scheme() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let pkce = Pkce::new();
    let client = server.oauth_client("Cursor", "cursor://anysphere.cursor-mcp/oauth/callback").await;
    let browser = Browser::signed_in(&server, &ada).await;
    browser.goto(&request_of(&client, &pkce, &[])).await;
    browser.says(".caller", "An app on this device").await;
    browser.says(".caller-host", "cursor:").await;
    browser.complaints().await;
    browser.click(&button("Allow")).await;
    let sent = async || (allowed(&server, &ada).await == 1).then_some(());
    browser.until("the server has answered", sent).await;
    // Nothing here opens such addresses; a browser that was not to go there would say so.
    browser.goto("/settings/connected-apps").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn a_person_of_two_organizations_says_for_which() {
    let server = TestServer::start().await;
    let ada = server.member("ada@example.com").await;
    server.organization("Difference Engines", "bob@example.com").await;
    let command = Command::UserAdd {
        email: ada.email.clone(),
        organization: Some("Difference Engines".to_owned()),
        name: None,
        role: "member".to_owned(),
        password: Some(Password::new(TestServer::PASSWORD.to_owned())),
    };
    server.operate(command).await;
    let app = App::start(&server, "Claude Code").await;
    let browser = Browser::signed_in(&server, &ada).await;
    let request = app.request();
    browser.goto(&request).await;
    browser.says("h1", QUESTION).await;
    let (mut here, mut there) = ("My organization", "Difference Engines");
    if browser.text(".as p").await.contains(there) {
        (here, there) = (there, here);
    }
    browser.says(".as p", here).await;
    browser.click(&button(&format!("Switch to {there}"))).await;
    browser.says(".as p", there).await;
    assert_eq!(browser.path().await, request, "back at the same question");
    browser.click(&button("Allow")).await;
    redeem(&server, &app, &app.answered(&browser).await).await;
    browser.goto("/settings/connected-apps").await;
    browser.says("tbody tr .name", "Claude Code").await;
    browser.says("details.org summary", there).await;
    browser.close().await;
}
