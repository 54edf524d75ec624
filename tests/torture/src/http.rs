//! What clients ask of a node, and what its answer means.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

/// Longer than a node is stopped: what is asked of it meanwhile is answered when it goes on.
const PATIENCE: Duration = Duration::from_secs(8);

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// Yes, with this.
    Accepted(T),
    /// No: the key is not known (any more).
    Denied,
    /// None came, or that the node cannot say.
    Unknown,
    /// One that there should not be, in words.
    Odd(String),
}

/// A key as its creation tells of it.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) token: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new() -> Self {
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
        Self(client.expect("a client"))
    }

    pub(crate) async fn is_ready(&self, node: &str) -> bool {
        let asked = self.0.get(format!("{node}/readyz")).timeout(Duration::from_secs(2)).send().await;
        asked.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    /// Whether a token is accepted; of whoever holds a permission, if one is asked for.
    pub(crate) async fn verify(&self, node: &str, token: &str, permission: Option<&str>) -> Answer<()> {
        let query: Vec<_> = permission.map(|permission| ("permission", permission)).into_iter().collect();
        let asked = self.0.get(format!("{node}/verify")).query(&query).bearer_auth(token).send().await;
        match asked.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => Answer::Accepted(()),
            Ok(StatusCode::UNAUTHORIZED) => Answer::Denied,
            Ok(StatusCode::FORBIDDEN) if permission.is_some() => Answer::Denied,
            Ok(StatusCode::SERVICE_UNAVAILABLE) | Err(_) => Answer::Unknown,
            Ok(other) => Answer::Odd(format!("{other} to a verification")),
        }
    }

    /// Makes a key. Denied is the token that asks.
    pub(crate) async fn create(&self, node: &str, token: &str, name: &str) -> Answer<Made> {
        let query = "mutation($name: String!) { createApiKey(input: {name: $name, expiration: NEVER}) { apiKey { id } token } }";
        match self.graphql(node, token, query, json!({ "name": name })).await {
            Answer::Accepted(data) => {
                let made = &data["createApiKey"];
                match (made["apiKey"]["id"].as_str(), made["token"].as_str()) {
                    (Some(id), Some(token)) => {
                        Answer::Accepted(Made { id: id.to_owned(), token: token.to_owned() })
                    }
                    _ => Answer::Odd("a creation without a key".to_owned()),
                }
            }
            Answer::Denied => Answer::Denied,
            Answer::Unknown => Answer::Unknown,
            Answer::Odd(what) => Answer::Odd(what),
        }
    }

    /// Revokes a key. Denied is that there is none.
    pub(crate) async fn revoke(&self, node: &str, token: &str, id: &str) -> Answer<()> {
        let query = "mutation($id: ID!) { revokeApiKey(input: {id: $id}) { revokedId } }";
        match self.graphql(node, token, query, json!({ "id": id })).await {
            Answer::Accepted(_) => Answer::Accepted(()),
            Answer::Denied => Answer::Odd("a revocation by a key that is not known".to_owned()),
            Answer::Unknown => Answer::Unknown,
            Answer::Odd(what) if what == "NOT_FOUND" => Answer::Denied,
            Answer::Odd(what) => Answer::Odd(what),
        }
    }

    /// The data of an answer; odd is the code of its first error.
    async fn graphql(&self, node: &str, token: &str, query: &str, variables: Value) -> Answer<Value> {
        let body = json!({ "query": query, "variables": variables });
        let asked = self.0.post(format!("{node}/graphql")).bearer_auth(token).json(&body).send().await;
        let Ok(answer) = asked else { return Answer::Unknown };
        let status = answer.status();
        let Ok(answer) = answer.json::<Value>().await else {
            return match status {
                StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => Answer::Unknown,
                status => Answer::Odd(format!("{status} without a body")),
            };
        };
        match answer["errors"][0]["extensions"]["code"].as_str() {
            None if status == StatusCode::OK => Answer::Accepted(answer["data"].clone()),
            Some("UNAUTHENTICATED") => Answer::Denied,
            Some("UNAVAILABLE") => Answer::Unknown,
            Some(code) => Answer::Odd(code.to_owned()),
            None if status == StatusCode::SERVICE_UNAVAILABLE => Answer::Unknown,
            None => Answer::Odd(format!("{status} with {answer}")),
        }
    }
}
