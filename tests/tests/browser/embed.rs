//! The example product in a real browser that blocks third-party cookies: its users see and make their own keys in its page.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what these tests share fails as tests do")]

mod attacks;
mod console;
mod end;
mod looks;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use jiff::SignedDuration;
use keystead_app::Deployment;
use keystead_server::Embedding;
use keystead_tests::{Browser, Site, TestKey, TestServer, binary, button};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

const FRAME: &str = "#keystead";

/// The example's backend in Rust, started by itself; dropped, it is killed.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Example {
    /// Starts it for a Keystead, and leads a port there to which people come. Keystead must know that port before the example
    /// can be started: it is given a key of Keystead's.
    fn start(server: &TestServer, key: &TestKey, door: TcpListener) -> Self {
        let program = binary::keystead().with_file_name("keystead-example-embed");
        let mut command = Command::new(program);
        command
            .env("KEYSTEAD_URL", &server.url)
            .env("KEYSTEAD_IMPERSONATION_KEY", &key.token)
            .env("PORT", "0");
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process = started.expect("it starts once `cargo build --workspace` has built it");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("a line").unwrap();
        // What nobody reads any more cannot be written, either.
        thread::spawn(move || lines.for_each(drop));
        let (_, port) = first.rsplit_once(':').expect("where it listens");
        let port: u16 = port.parse().unwrap();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = door.accept().await {
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(("127.0.0.1", port)).await?;
                    copy_bidirectional(&mut from, &mut to).await
                });
            }
        });
        Self(process)
    }
}

/// Signs in to the product, and goes into the frame that it shows then.
async fn sign_in(browser: &Browser, account: &str) {
    browser.leave().await;
    browser.click(&format!("[data-account={account}]")).await;
    browser.find(&format!("[data-account={account}][aria-pressed=true]")).await;
    browser.enter(FRAME).await;
    browser.find("#list").await;
}

/// The newest events of an action.
async fn events(server: &TestServer, token: &str, action: &str) -> Vec<Value> {
    let query = format!(
        "{{ auditEvents(actions: [\"{action}\"]) {{ nodes {{ user {{ email }} via viaId viaName targetId details }} }} }}"
    );
    let asked = server.post("/graphql").bearer_auth(token).json(&json!({ "query": query }));
    let mut answer: Value = asked.send().await.unwrap().json().await.unwrap();
    serde_json::from_value(answer["data"]["auditEvents"]["nodes"].take()).unwrap()
}

#[tokio::test]
async fn users_of_the_example_product_see_and_make_their_own_keys_in_its_page_without_any_cookie() {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let product = format!("http://localhost:{}", door.local_addr().unwrap().port());
    let deployment = Deployment { impersonation: true, ..Deployment::default() };
    let embedding = Embedding { origins: vec![product.clone()], ..Embedding::default() };
    let server = TestServer::start_embeddable(deployment, embedding).await;
    let ada = server.administrator("ada@demo.example").await;
    let grace = server.member("grace@demo.example").await;
    let joan = server.member("joan@demo.example").await;
    let key = server.impersonation_key(&ada, "Acme Reports").await;
    let own = server.key(&ada, "of ada", "30d").await;
    server.key(&grace, "of grace", "30d").await;
    server.key(&joan, "of joan", "30d").await;
    let _example = Example::start(&server, &key, door);

    // Whoever is signed in to the console of the same browser does not matter.
    let browser = Browser::open_as_it_comes(&server).await;
    browser.sign_in(&joan).await;
    browser.lists(&["of joan"]).await;
    let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    browser.cdp("Browser.grantPermissions", permissions).await;
    browser.driver.goto(&product).await.unwrap();
    sign_in(&browser, "ada").await;
    browser.lists(&["of ada", "Acme Reports"]).await;
    assert!(!browser.shows("#view-all").await, "administrators see their own keys here");
    sign_in(&browser, "grace").await;
    browser.lists(&["of grace"]).await;

    browser.click("#create").await;
    browser.fill("#name", "made in the frame").await;
    assert!(!browser.shows("#allow_impersonation").await);
    browser.click(&button("Create")).await;
    browser.says("#dialog-title", "API key created").await;
    let token = browser.find("#token").await.prop("value").await.unwrap().unwrap();
    browser.click("[data-copy]").await;
    browser.says("#copy-state", "Copied.").await;
    browser.click(&button("Done")).await;
    browser.gone("#dialog").await;
    browser.lists(&["made in the frame", "of grace"]).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "no error and no breach of a policy");
    let verified = server.verify(&token).await;
    assert_eq!(verified.status(), 200);
    assert_eq!(verified.headers()["x-keystead-user-email"], grace.email.as_str());

    // An hour later the frame asks the product for another session, and goes on.
    server.advance(SignedDuration::from_secs(3600 + 61));
    browser.click("#create").await;
    browser.says("#dialog-title", "Create API key").await;
    browser.click(&button("Cancel")).await;
    browser.gone("#dialog").await;
    // With its key revoked the product gets none any more, and says so; nothing is left to be seen in the frame.
    server.revoke(&key).await;
    browser.click("#create").await;
    browser.gone("#list").await;
    assert!(!browser.driver.source().await.unwrap().contains("of grace"));
    browser.leave().await;
    browser.says("#message", "API keys cannot be shown right now.").await;
    browser.close().await;

    let id = verified.headers()["x-keystead-key-id"].to_str().unwrap();
    let made = events(&server, &own.token, "key.created").await;
    let made = made.iter().find(|event| event["targetId"] == id).unwrap();
    assert_eq!(made["user"]["email"], grace.email.as_str());
    assert_eq!((&made["via"], &made["viaId"]), (&json!("impersonation"), &json!(key.id)));
    assert_eq!(made["viaName"], "Acme Reports");
    let minted = &events(&server, &own.token, "session.minted").await[0];
    assert_eq!((&minted["user"]["email"], &minted["targetId"]), (&json!(ada.email), &json!(grace.id)));
    assert_eq!(minted["viaId"], key.id.as_str());
}

/// Sets a cookie for `127.0.0.1` that a frame there would get if it gets any, and says what a frame does get.
async fn cookie_in_a_frame(browser: &Browser) -> String {
    let framed = Site::start("127.0.0.1").await;
    let product = Site::start("localhost").await;
    let inner = framed.put("/", "<body>Cookies: COOKIES");
    let outer = product.put("/", format!("<iframe id='keystead' src='{inner}'></iframe>"));
    browser.driver.goto(&inner).await.unwrap();
    browser.eval("document.cookie = 'third=party; SameSite=None; Secure'").await;
    browser.driver.goto(&inner).await.unwrap();
    browser.says("body", "Cookies: third=party").await;
    browser.driver.goto(&outer).await.unwrap();
    browser.enter(FRAME).await;
    browser.says("body", "Cookies:").await;
    browser.text("body").await
}

#[tokio::test]
async fn the_browsers_of_these_tests_send_no_third_party_cookie() {
    let server = TestServer::start().await;
    for browser in [Browser::open_as_it_comes(&server).await, Browser::open_for_frames(&server).await] {
        assert_eq!(cookie_in_a_frame(&browser).await, "Cookies:");
        browser.close().await;
    }
    // What one that allows them sends, so that the check above means something.
    let browser = Browser::open_with_third_party_cookies(&server).await;
    assert_eq!(cookie_in_a_frame(&browser).await, "Cookies: third=party");
    browser.close().await;
}
