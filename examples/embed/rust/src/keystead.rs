//! What the product asks Keystead.

use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderValue;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

const IMPERSONATE_USER: &str = "mutation($accessToken: String!, $userEmail: String!) {
  impersonateUser(accessToken: $accessToken, userEmail: $userEmail)
}";

/// Keystead, and the impersonation key for it. Never printed.
pub(crate) struct Keystead {
    origin: String,
    page_policy: HeaderValue,
    key: String,
    client: reqwest::Client,
}

/// Why there is no token. Nothing in it is secret.
pub(crate) struct Refusal {
    /// Keystead's code for it, such as `NOT_FOUND` for a user whom it does not know; see its list of errors.
    pub(crate) code: String,
    /// After how many seconds to try again, if there were too many at once.
    pub(crate) retry_after: u64,
}

impl Keystead {
    pub(crate) fn new(url: &str, key: String) -> anyhow::Result<Self> {
        let url = reqwest::Url::parse(url).context("KEYSTEAD_URL is not an address")?;
        let origin = url.origin().ascii_serialization();
        let page_policy = HeaderValue::from_str(&format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
             frame-src {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ))?;
        // The frame waits for 10 s. A redirect could take the key elsewhere.
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(5));
        Ok(Self { origin, page_policy, key, client: client.build()? })
    }

    /// What the frame's messages come from, and answers go to.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The product's page loads its own files, and shows Keystead and nothing else in frames.
    pub(crate) fn page_policy(&self) -> HeaderValue {
        self.page_policy.clone()
    }

    /// A token of a session that acts as the user.
    pub(crate) async fn impersonate(&self, email: &str) -> Result<String, Refusal> {
        let variables = json!({ "accessToken": self.key, "userEmail": email });
        let request = self.client.post(format!("{}/graphql", self.origin));
        let request = request.json(&json!({ "query": IMPERSONATE_USER, "variables": variables }));
        let no_answer = || Refusal { code: "no answer".into(), retry_after: 0 };
        let answer = request.send().await.map_err(|_| no_answer())?;
        let answer: Value = answer.json().await.map_err(|_| no_answer())?;
        if let Some(token) = answer["data"]["impersonateUser"].as_str() {
            return Ok(token.to_owned());
        }
        let error = &answer["errors"][0]["extensions"];
        let code = error["code"].as_str().ok_or_else(no_answer)?.to_owned();
        Err(Refusal { code, retry_after: error["retryAfter"].as_u64().unwrap_or(1) })
    }
}
