//! A person lets an app in, sees it and takes it back, in a real browser.
#![expect(clippy::unwrap_used, reason = "what these tests share fails as tests do")]

mod decision;
mod flow;
mod looks;

use keystead_domain::audit::{Action, AuditFilter};
use keystead_tests::{Browser, OauthClient, OauthTokens, Pkce, Site, TestServer, TestUser, parameter};

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
    let code = parameter(answer, "code").unwrap();
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
