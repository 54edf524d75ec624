//! Impersonated sessions: all that must not mint one, end one too late, or make one out of something else (promise 7).

mod batch;
mod credentials;
mod ends;
mod exchange;
mod forged_claims;
mod forged_headers;
mod forger;
mod introspection;
mod minting;
mod powers;
mod rate;
mod targets;
mod traces;

use std::collections::BTreeMap;

use keystead_app::{Deployment, KeyInput, SessionSettings};
use keystead_domain::{Description, Expiration, KeyName};
use keystead_tests::{TestKey, TestServer, TestUser};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

/// Where the product of these tests is reached, also after a restart.
const PUBLIC_URL: &str = "http://keystead.test";

/// A deployment with impersonation. In its sessions, Keystead's own permissions are off.
fn deployment() -> Deployment {
    Deployment { impersonation: true, ..Deployment::default() }
}

/// One in whose sessions they stay on, as far as whoever made the key holds them, too.
fn with_administration() -> Deployment {
    let sessions = SessionSettings { administration: true, ..SessionSettings::default() };
    Deployment { sessions, ..deployment() }
}

/// Ada, an administrator, whose impersonation key signs in Mia, a member; and Eve, the administrator of another organization.
struct Product {
    server: TestServer,
    ada: TestUser,
    mia: TestUser,
    eve: TestUser,
    key: TestKey,
}

impl Product {
    async fn start() -> Self {
        Self::start_as(deployment()).await
    }

    async fn start_as(deployment: Deployment) -> Self {
        let server = TestServer::start_at(PUBLIC_URL, deployment).await;
        let ada = server.administrator("ada@example.com").await;
        let mia = server.member("mia@example.com").await;
        let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
        let key = server.impersonation_key(&ada, "embedding").await;
        Self { server, ada, mia, eve, key }
    }

    /// A session of Mia's.
    async fn session(&self) -> String {
        self.server.mint(&self.key, &self.mia.email).await
    }

    async fn restarted(self) -> Self {
        Self { server: self.server.restart().await, ..self }
    }
}

/// An impersonation key that works for a week.
async fn key_for_a_week(server: &TestServer, user: &TestUser) -> TestKey {
    let input = KeyInput {
        name: KeyName::parse("for a week").unwrap(),
        description: Description::parse("").unwrap(),
        expiration: Expiration::Days7,
        allow_impersonation: true,
        request_id: None,
    };
    let created = server.app.create_key(&server.actor(user).await, &input).await.unwrap();
    TestKey { id: created.key.id.to_string(), token: created.token.unwrap().expose().to_owned() }
}

/// The ways to mint a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    GraphQl,
    Exchange,
}

impl Way {
    const ALL: [Self; 2] = [Self::GraphQl, Self::Exchange];

    async fn ask(self, server: &TestServer, key: &str, email: &str, attributes: &[(&str, &str)]) -> Response {
        let request = match self {
            Self::GraphQl => {
                let given: Vec<_> =
                    attributes.iter().map(|(name, value)| json!({ "key": name, "value": value })).collect();
                let variables = json!({ "key": key, "email": email, "attributes": given });
                server.post("/graphql").json(&json!({ "query": IMPERSONATE, "variables": variables }))
            }
            Self::Exchange => {
                let attributes: BTreeMap<_, _> = attributes.iter().copied().collect();
                let attributes = serde_json::to_string(&attributes).unwrap();
                let more = [("subject_token", email), ("actor_token", key), ("attributes", &attributes)];
                exchange(server, &more)
            }
        };
        request.send().await.unwrap()
    }

    /// What came of it: a token, or the whole answer that says why not.
    async fn mint(self, server: &TestServer, key: &str, email: &str) -> Result<String, Refusal> {
        self.mint_with(server, key, email, &[]).await
    }

    async fn mint_with(
        self,
        server: &TestServer,
        key: &str,
        email: &str,
        attributes: &[(&str, &str)],
    ) -> Result<String, Refusal> {
        let answer = self.ask(server, key, email, attributes).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let minted = match self {
            Self::GraphQl => &body["data"]["impersonateUser"],
            Self::Exchange => &body["access_token"],
        };
        if let Some(token) = minted.as_str() {
            return Ok(token.to_owned());
        }
        let code = match self {
            Self::GraphQl => &body["errors"][0]["extensions"]["code"],
            Self::Exchange => &body["error"],
        };
        let headers = headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        Err(Refusal { status, code: code.as_str().unwrap().to_owned(), headers: headers.collect(), text })
    }

    /// The code by which a refused credential is told.
    fn refused_credential(self) -> &'static str {
        match self {
            Self::GraphQl => "UNAUTHENTICATED",
            Self::Exchange => "invalid_request",
        }
    }
}

const IMPERSONATE: &str = "mutation($key: String!, $email: String!, $attributes: [UserAttributeInput!]) { \
    impersonateUser(accessToken: $key, userEmail: $email, attributes: $attributes) }";

/// The whole of an answer that refuses, but its date and number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    status: u16,
    code: String,
    headers: BTreeMap<String, String>,
    text: String,
}

/// A token exchange with what is always the same, and more.
fn exchange(server: &TestServer, more: &[(&str, &str)]) -> RequestBuilder {
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:keystead:params:oauth:token-type:email"),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    form.extend(more);
    server.post("/oauth2/token").form(&form)
}

/// The body of a GraphQL request in the name of a token.
async fn ask(server: &TestServer, token: &str, query: &str) -> Value {
    let request = server.post("/graphql").bearer_auth(token).json(&json!({ "query": query }));
    request.send().await.unwrap().json().await.unwrap()
}

/// The code of the first error.
fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

/// At which doors a token counts: `/verify`, `/graphql`, the embedded page, and `/oauth2/introspect` when `caller` asks.
async fn counts(server: &TestServer, token: &str, caller: &TestKey) -> [bool; 4] {
    let verify = server.verify(token).await.status();
    let query = json!({ "query": "{ currentUser { id } }" });
    let graphql = server.post("/graphql").bearer_auth(token).json(&query).send().await.unwrap().status();
    let embedded = server.get("/embed/keys").bearer_auth(token).send().await.unwrap().status();
    let introspect = introspect(server, caller, token).await;
    for status in [verify, graphql] {
        assert!([200, 401].contains(&status.as_u16()), "{status}");
    }
    [verify == 200, graphql == 200, embedded == 200, introspect["active"] == true]
}

/// What `/oauth2/introspect` answers to a key.
async fn introspect(server: &TestServer, caller: &TestKey, token: &str) -> Value {
    let request = server.post("/oauth2/introspect").bearer_auth(&caller.token).form(&[("token", token)]);
    request.send().await.unwrap().json().await.unwrap()
}
