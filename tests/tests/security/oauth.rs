//! Connected apps: everything by which somebody would get a code or a token that they were not given, or more of one than that.

mod codes;
mod consent;
mod descriptions;
mod enumeration;
mod forged;
mod forms;
mod open_redirects;
mod pkce;
mod redirect_uris;
mod refresh;
mod registration;
mod tokens;

use std::collections::BTreeMap;

use keystead_app::Deployment;
use keystead_tests::{Form, OauthClient, OauthTokens, Pkce, Session, TestServer, TestUser, authorize_path};
use reqwest::Response;
use serde_json::{Value, json};

/// Where people reach the server of these tests, also after a restart.
const PUBLIC_URL: &str = "http://keystead.test";

/// Where the app gets its codes.
const REDIRECT: &str = "https://app.example/callback";

/// Ada, an administrator; Mia, a member, whom an app asks; and Eve, the administrator of another organization.
struct World {
    server: TestServer,
    ada: TestUser,
    mia: TestUser,
    eve: TestUser,
    app: OauthClient,
    pkce: Pkce,
}

impl World {
    async fn start() -> Self {
        Self::start_as(Deployment::default()).await
    }

    async fn start_as(deployment: Deployment) -> Self {
        let server = TestServer::start_at(PUBLIC_URL, deployment).await;
        let ada = server.administrator("ada@example.com").await;
        let mia = server.member("mia@example.com").await;
        let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
        let app = server.oauth_client("An app", REDIRECT).await;
        Self { server, ada, mia, eve, app, pkce: Pkce::new() }
    }

    async fn restarted(self) -> Self {
        Self { server: self.server.restart().await, ..self }
    }

    /// A code of Mia's.
    async fn code(&self) -> String {
        self.server.allow(&self.mia, &self.app, &self.pkce).await
    }

    /// Tokens of Mia's.
    async fn tokens(&self) -> OauthTokens {
        self.server.connect_app(&self.mia, &self.app).await
    }

    async fn redeem(&self, code: &str) -> Response {
        self.app.redeem(&self.server, code, &self.pkce).await
    }

    /// The address at which Mia would be asked, with some parameters changed, added, or left out.
    fn path(&self, changed: &[(&'static str, Option<&str>)]) -> String {
        let mut request = self.app.request(&self.pkce);
        for (name, value) in changed {
            request.retain(|(known, _)| known != name);
            request.extend(value.map(|value| (*name, value.to_owned())));
        }
        authorize_path(request)
    }

    /// Answers the page at an address; the form's token may be that of any page of the session's.
    async fn decide(&self, session: &Session, path: &str, decision: &str) -> Response {
        self.server.submit(session, path, &[("decision", decision)]).await
    }

    /// How many connections there are or were, redeemed or not.
    async fn connections(&self) -> usize {
        self.server.snapshot().await.rows("connections").len()
    }

    /// Whether neither of the tokens counts any more.
    async fn are_dead(&self, tokens: &OauthTokens) -> bool {
        let refreshed = self.app.refresh(&self.server, &tokens.refresh).await;
        let (status, body) = (refreshed.status(), refreshed.json::<Value>().await.unwrap());
        !counts_at_mcp(&self.server, &tokens.access).await
            && status == 400
            && body["error"] == "invalid_grant"
    }
}

/// Who somebody is at `/mcp`; or the status of a refusal.
async fn at_mcp(server: &TestServer, bearer: &str) -> Result<Value, u16> {
    let answer = whoami(server).bearer_auth(bearer).send().await.unwrap();
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(status);
    }
    let answer: Value = answer.json().await.unwrap();
    Ok(answer["result"]["structuredContent"].clone())
}

/// Whether a token counts at `/mcp`: it is let in and told who it acts for, or it is told nothing.
async fn counts_at_mcp(server: &TestServer, bearer: &str) -> bool {
    match at_mcp(server, bearer).await {
        Ok(me) => {
            assert!(me.is_object(), "{me}");
            true
        }
        Err(status) => {
            assert_eq!(status, 401);
            false
        }
    }
}

/// The question who one is, without a credential.
fn whoami(server: &TestServer) -> reqwest::RequestBuilder {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "whoami", "arguments": {} } });
    let request =
        server.post("/mcp").header("host", "keystead.test").header("mcp-protocol-version", "2025-11-25");
    request.header("accept", "application/json, text/event-stream").json(&call)
}

/// The whole of an answer but its date and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    text: String,
}

impl Answer {
    async fn of(answer: Response) -> Self {
        let status = answer.status().as_u16();
        let headers =
            answer.headers().iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let text = answer.text().await.unwrap();
        let (before, number) = text.split_once("quote request <code>").unwrap_or((&text, ""));
        let text = format!("{before}{}", number.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
        Self { status, headers, text }
    }

    /// The code of the error.
    fn error(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap();
        body["error"].as_str().unwrap().to_owned()
    }
}

/// That a person is told that the app cannot be connected, and that the page leads nowhere.
fn assert_leads_nowhere(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 400, "{what}");
    for header in ["location", "refresh", "link"] {
        assert!(!answer.headers.contains_key(header), "{what}: {header}");
    }
    for link in answer.text.split(" href=\"").skip(1).chain(answer.text.split(" action=\"").skip(1)) {
        assert!(link.starts_with(['/', '#']) && !link.starts_with("//"), "{what}: {link:.60}");
    }
    assert!(!answer.text.contains("http-equiv") && !answer.text.contains("<form"), "{what}");
}

/// The link of a page that says what is wrong with a request of an app that is known.
fn way_back(page: &str) -> String {
    let mut links = page.split(" href=\"").skip(1).filter_map(|link| link.split('"').next());
    let link = links.find(|link| !link.starts_with(['/', '#'])).expect("a way back");
    link.replace("&#38;", "&").replace("&amp;", "&")
}

/// The form on the page that asks.
async fn form(server: &TestServer, session: &Session, path: &str) -> Form {
    let page = server.visit(session, path).await;
    assert_eq!(page.status(), 200, "{path}");
    Form::find(&page.text().await.unwrap(), "/oauth2/authorize")
}
