//! An app that people connect: an OAuth client that registers itself, sends browsers to be asked, and keeps tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystead_app::Entropy;
use reqwest::{Response, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Form, TestServer, TestUser};

/// A registered client.
#[derive(Debug, Clone)]
pub struct OauthClient {
    /// Its id.
    pub id: String,
    /// Where its codes go.
    pub redirect_uri: String,
}

/// A secret of a client's for one authorization, made at run time (RFC 7636).
#[derive(Clone)]
pub struct Pkce {
    /// What the client shows in the end.
    pub verifier: String,
    /// What it shows in the beginning.
    pub challenge: String,
}

impl Pkce {
    /// A new one.
    pub fn new() -> Self {
        let secret: [u8; 32] = Entropy::system().bytes().expect("randomness");
        let verifier = URL_SAFE_NO_PAD.encode(secret);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        Self { verifier, challenge }
    }
}

impl Default for Pkce {
    fn default() -> Self {
        Self::new()
    }
}

/// The tokens of a client that was let in.
#[derive(Clone)]
pub struct OauthTokens {
    /// For `/mcp`.
    pub access: String,
    /// For the next ones.
    pub refresh: String,
}

impl OauthTokens {
    /// Those of an answer that must be a success.
    ///
    /// # Panics
    /// If the answer is none.
    pub async fn of(answer: Response) -> Self {
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(status, 200, "{body}");
        let token = |name: &str| body[name].as_str().expect("a token").to_owned();
        Self { access: token("access_token"), refresh: token("refresh_token") }
    }
}

impl OauthClient {
    /// What it asks for in somebody's name: the parameters of the authorization request.
    pub fn request(&self, pkce: &Pkce) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("code_challenge", pkce.challenge.clone()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    /// Shows a code for tokens.
    pub async fn redeem(&self, server: &TestServer, code: &str, pkce: &Pkce) -> Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &pkce.verifier),
        ];
        server.post("/oauth2/token").form(&form).send().await.expect("an answer")
    }

    /// Shows a refresh token for new tokens.
    pub async fn refresh(&self, server: &TestServer, token: &str) -> Response {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", &self.id)];
        server.post("/oauth2/token").form(&form).send().await.expect("an answer")
    }
}

impl TestServer {
    /// Registers a client by itself (RFC 7591).
    pub async fn oauth_client(&self, name: &str, redirect_uri: &str) -> OauthClient {
        let said = json!({ "client_name": name, "redirect_uris": [redirect_uri] });
        let answer = self.post("/oauth2/register").json(&said).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{name} is registered");
        let client: Value = answer.json().await.expect("JSON");
        let id = client["client_id"].as_str().expect("an id").to_owned();
        OauthClient { id, redirect_uri: redirect_uri.to_owned() }
    }

    /// A user signs in and allows a client's request on the page that asks them: the code that the client is sent.
    pub async fn allow(&self, user: &TestUser, client: &OauthClient, pkce: &Pkce) -> String {
        let session = self.session(user).await;
        let page = self.visit(&session, &authorize_path(client.request(pkce))).await;
        let form = Form::find(&page.text().await.expect("a page"), "/oauth2/authorize");
        let decided =
            form.fields.iter().map(|(name, value)| (&**name, &**value)).chain([("decision", "allow")]);
        let decided: Vec<_> = decided.collect();
        let request = self.post(&form.action).header("cookie", &session.cookie).form(&decided);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "{} is allowed", client.id);
        let to = answer.headers()["location"].to_str().expect("an address");
        parameter(to, "code").expect("a code")
    }

    /// A user lets a client in, from the first step to the tokens.
    pub async fn connect_app(&self, user: &TestUser, client: &OauthClient) -> OauthTokens {
        let pkce = Pkce::new();
        let code = self.allow(user, client, &pkce).await;
        OauthTokens::of(client.redeem(self, &code, &pkce).await).await
    }
}

/// The page that asks a person whether they allow a request.
pub fn authorize_path<'a>(request: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let address = Url::parse_with_params("http://localhost/oauth2/authorize", request).expect("an address");
    format!("/oauth2/authorize?{}", address.query().unwrap_or_default())
}

/// A parameter of the query of an address that a browser is sent to.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let address = Url::parse(address).expect("an address");
    address.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
