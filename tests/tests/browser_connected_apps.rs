//! A person lets an app in, sees it and takes it back, in a real browser.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

use keystead_app::operator::{Command, Password};
use keystead_domain::KeyPolicy;
use keystead_domain::audit::{Action, AuditFilter};
use keystead_tests::{
    Browser, OauthClient, OauthTokens, Pkce, Site, TestServer, TestUser, button, parameter,
};
use thirtyfour::Key;

const QUESTION: &str = "Connect an app?";

/// An app with a site of its own, to which codes go.
struct App {
    site: Site,
    client: OauthClient,
    pkce: Pkce,
}

impl App {
    async fn start(server: &TestServer, name: &str) -> Self {
        let site = Site::start("localhost").await;
        let callback = site.put("/callback", "<link rel=icon href=data:,><title>App</title><h1>The app</h1>");
        let client = server.oauth_client(name, &callback).await;
        Self { site, client, pkce: Pkce::new() }
    }

    /// Where it sends browsers.
    fn request(&self) -> String {
        self.request_with(&[("state", "a state & more")])
    }

    fn request_with(&self, more: &[(&str, &str)]) -> String {
        request_of(&self.client, &self.pkce, more)
    }

    /// Waits until the browser came back, and tells with what.
    async fn answered(&self, browser: &Browser) -> String {
        browser.says("h1", "The app").await;
        let url = browser.driver.current_url().await.unwrap().to_string();
        assert!(url.starts_with(&format!("{}/callback?", self.site.url)), "{url}");
        url
    }
}

/// An app redeems the code that it was sent.
async fn redeem(server: &TestServer, app: &App, answer: &str) -> OauthTokens {
    let code = parameter(answer, "code").unwrap_or_else(|| panic!("no code: {answer}"));
    OauthTokens::of(app.client.redeem(server, &code, &app.pkce).await).await
}

fn request_of(client: &OauthClient, pkce: &Pkce, more: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://any.example/oauth2/authorize").unwrap();
    url.query_pairs_mut().extend_pairs(client.request(pkce)).extend_pairs(more);
    format!("{}?{}", url.path(), url.query().unwrap())
}

/// How often somebody of an administrator's organization has allowed an app, by the audit log.
async fn allowed(server: &TestServer, administrator: &TestUser) -> usize {
    let filter = AuditFilter { actions: vec![Action::AppConnected], ..AuditFilter::default() };
    let actor = server.actor(administrator).await;
    server.app.audit_events(&actor, &filter, 50, None).await.unwrap().events.len()
}

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
    let (hers, anothers) = (server.session(&ada).await, server.session(&grace).await);
    let request = app.request();
    for (name, form) in [
        ("no token", vec![("decision", "allow")]),
        ("another's token", vec![("decision", "allow"), ("csrf", anothers.csrf.as_str())]),
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
