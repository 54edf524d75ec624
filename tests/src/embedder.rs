//! A product that embeds the API Keys page of a Keystead, on another site and in a browser that blocks third-party cookies.

use keystead_app::Deployment;
use keystead_server::Embedding;
use serde_json::{Value, json};

use crate::{Browser, Site, TestKey, TestServer, TestUser};

/// The product's page: it notes what it is asked, and answers with the token in `answer`, if there is one.
const PAGE: &str = r#"<!doctype html><html lang="en"><title>Product</title><link rel="icon" href="data:,">
<style>body { margin: 0 } iframe { width: 100%; height: 890px; border: 0 }</style>
<iframe id="keystead" title="API keys" allow="clipboard-write"></iframe>
<script>
  const frame = document.querySelector("iframe");
  const heard = [];
  let answer = null;
  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow) return;
    heard.push({ origin: event.origin, data: event.data });
    if (answer !== null) frame.contentWindow.postMessage({ type: "JWT_TOKEN_RESPONSE", token: answer }, "*");
  });
</script>"#;

/// The product, its Keystead, and a browser that looks at the product.
pub struct Embedder {
    /// The Keystead, at `127.0.0.1`.
    pub server: TestServer,
    /// The product, at `localhost`.
    pub site: Site,
    /// An administrator, whose the impersonation key is.
    pub ada: TestUser,
    /// A member.
    pub grace: TestUser,
    /// The product's impersonation key, with which it signs its users in.
    pub key: TestKey,
    /// The browser. While the page is shown, it is in its frame.
    pub browser: Browser,
}

impl Embedder {
    /// A product that Keystead lists.
    pub async fn start() -> Self {
        Self::start_with(Deployment::default(), Embedding::default()).await
    }

    /// A product that Keystead lists besides others.
    pub async fn start_with(deployment: Deployment, mut embedding: Embedding) -> Self {
        let site = Site::start("localhost").await;
        site.put("/", PAGE);
        embedding.origins.push(site.url.clone());
        let deployment = Deployment { impersonation: true, ..deployment };
        let server = TestServer::start_embeddable(deployment, embedding).await;
        let ada = server.administrator("ada@example.com").await;
        let grace = server.member("grace@example.com").await;
        let key = server.impersonation_key(&ada, "Product").await;
        let browser = Browser::open_for_frames(&server).await;
        Self { server, site, ada, grace, key, browser }
    }

    /// A token of a new session of a user's.
    pub async fn mint(&self, user: &TestUser) -> String {
        self.server.mint(&self.key, &user.email).await
    }

    /// Shows the product's page, with a frame for a query, and goes into the frame.
    pub async fn embed(&self, query: &[(&str, &str)]) {
        self.show(&format!("{}/", self.site.url), query).await;
    }

    /// Shows the product's page, with a frame for a new session of a user's, and goes into the frame.
    pub async fn embed_for(&self, user: &TestUser) {
        let token = self.mint(user).await;
        self.embed(&[("token", &token)]).await;
        self.browser.find("#list").await;
    }

    /// Shows the page at an address, puts our page in its frame, and goes there.
    pub async fn show(&self, host: &str, query: &[(&str, &str)]) {
        let browser = &self.browser;
        browser.leave().await;
        browser.driver.goto(host).await.expect("a page");
        let address = format!("{}/embed/api-keys", self.server.url);
        let load = format!(
            "document.querySelector('iframe').src = {} + '?' + new URLSearchParams({})",
            json!(address),
            json!(query)
        );
        browser.eval(&load).await;
        browser.enter("iframe").await;
    }

    /// What a function body returns in the product's page.
    pub async fn in_product(&self, script: &str) -> Value {
        self.browser.leave().await;
        let value = self.browser.eval(script).await;
        self.browser.enter("iframe").await;
        value
    }

    /// From now on the product's page answers with this token, or keeps silent.
    pub async fn answer_with(&self, token: Option<&str>) {
        self.in_product(&format!("answer = {}", json!(token))).await;
    }

    /// How often the product's page was asked for a token, by Keystead's page and as agreed.
    pub async fn times_asked(&self) -> usize {
        let heard = self.in_product("return heard").await;
        let heard = heard.as_array().expect("a list");
        let request = json!({ "origin": self.server.url, "data": { "type": "REQUEST_JWT_TOKEN" } });
        assert!(heard.iter().all(|message| *message == request), "{heard:?}");
        heard.len()
    }

    /// Waits until the product's page was asked for a token so many times in all.
    pub async fn is_asked(&self, times: usize) {
        let asked = async || (self.times_asked().await == times).then_some(());
        self.browser.until(&format!("the product was asked {times} times"), asked).await;
    }
}
