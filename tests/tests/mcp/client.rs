//! A client that says exactly what it is told to: the official ones would not send what must be refused.

use keystead_tests::TestServer;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// The current revision of the protocol.
pub(crate) const CURRENT: &str = "2026-07-28";

/// One who asks a server with a token.
pub(crate) struct Client<'a> {
    pub(crate) server: &'a TestServer,
    pub(crate) token: String,
    /// What the client says that it can do.
    pub(crate) capabilities: Value,
}

impl<'a> Client<'a> {
    pub(crate) fn new(server: &'a TestServer, token: &str) -> Self {
        Self { server, token: token.to_owned(), capabilities: json!({}) }
    }

    /// The same, which can show people forms.
    pub(crate) fn with_forms(self) -> Self {
        Self { capabilities: json!({ "elicitation": { "form": {} } }), ..self }
    }

    /// A `POST` as every client sends it.
    pub(crate) fn post(&self) -> RequestBuilder {
        self.server
            .client
            .post(format!("{}/mcp", self.server.url))
            .bearer_auth(&self.token)
            .header("accept", "application/json, text/event-stream")
    }

    /// A request of the current revision, ready to be sent.
    pub(crate) fn request(&self, method: &str, params: &Value) -> RequestBuilder {
        let mut params = params.clone();
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": CURRENT,
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        });
        let name = params["name"].as_str().or(params["uri"].as_str()).map(str::to_owned);
        let request = self.post().header("mcp-protocol-version", CURRENT).header("mcp-method", method);
        let request = match name {
            Some(name) => request.header("mcp-name", name),
            None => request,
        };
        request.json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
    }

    /// Asks, and returns the whole answer.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.request(method, &params).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"))
    }

    /// Asks for what must not be an error of the protocol.
    pub(crate) async fn result(&self, method: &str, params: Value) -> Value {
        let mut answer = self.ask(method, params).await;
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].take()
    }

    /// Calls a tool, and returns its result, refused or not.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// Calls a tool that must do it, and returns what it says.
    pub(crate) async fn done(&self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(text).unwrap(),
            result["structuredContent"],
            "the same as text"
        );
        result["structuredContent"].take()
    }

    /// Calls a tool that must refuse, and returns why.
    pub(crate) async fn refused(&self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        result["structuredContent"].take()
    }

    /// The names of the tools that are offered.
    pub(crate) async fn tools(&self) -> Vec<String> {
        let result = self.result("tools/list", json!({})).await;
        let tools = result["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// A body sent as it is, with the status of the answer.
    pub(crate) async fn raw(&self, body: impl Into<reqwest::Body>) -> (StatusCode, String) {
        let answer = self.post().header("content-type", "application/json").body(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}
