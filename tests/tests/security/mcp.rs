//! `/mcp`, attacked: from the web, without a credential that counts, by people who want more than they have, and with what is no
//! request at all.

mod confirmation;
mod credentials;
mod data;
mod fuzz;
mod limits;
mod malformed;
mod mixed;
mod rebinding;
mod revoked;
mod revoked_stream;
mod streams;
mod token;
mod tools;
mod walls;

use std::time::Duration;

use keystead_tests::TestServer;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The current revision of the protocol.
const CURRENT: &str = "2026-07-28";
/// What a stream says when its caller's keys come or go.
const CHANGED: &str = "notifications/resources/list_changed";
/// Longer than anything takes on a busy machine: reached only by what hangs.
const LONG: Duration = Duration::from_secs(30);

/// One who knocks with a token, and says exactly what they are told to say.
#[derive(Clone)]
struct Tool<'a> {
    server: &'a TestServer,
    token: String,
    /// What it says that it can do.
    capabilities: Value,
}

impl<'a> Tool<'a> {
    fn new(server: &'a TestServer, token: &str) -> Self {
        Self { server, token: token.to_owned(), capabilities: json!({}) }
    }

    /// The same, which says that it can show people forms.
    fn with_forms(self) -> Self {
        Self { capabilities: json!({ "elicitation": { "form": {} } }), ..self }
    }

    /// A message of the current revision.
    fn message(&self, method: &str, mut params: Value) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": CURRENT,
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        });
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
    }

    /// A `POST` with a body of one's own.
    fn post(&self) -> RequestBuilder {
        let request = self.server.post("/mcp").bearer_auth(&self.token);
        request
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
    }

    /// A request as well-behaved clients send it.
    fn request(&self, method: &str, params: Value) -> RequestBuilder {
        let message = self.message(method, params);
        let name = message["params"]["name"].as_str().or(message["params"]["uri"].as_str());
        let request = self.post().header("mcp-protocol-version", CURRENT).header("mcp-method", method);
        match name {
            Some(name) => request.header("mcp-name", name),
            None => request,
        }
        .body(message.to_string())
    }

    /// The status and the message of the answer.
    async fn ask(&self, method: &str, params: Value) -> (u16, Value) {
        read(self.request(method, params).send().await.unwrap()).await
    }

    /// The result of what must not be an error of the protocol.
    async fn result(&self, method: &str, params: Value) -> Value {
        let (status, mut answer) = self.ask(method, params).await;
        assert!(status == 200 && answer["error"].is_null(), "{method}: {status} {answer}");
        answer["result"].take()
    }

    /// A tool's result, refused or not.
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// What a tool says that must do it.
    async fn done(&self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{tool}: {result}");
        result["structuredContent"].take()
    }

    /// `DONE`, or the code of the refusal.
    async fn outcome(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        let code =
            if result["isError"] == true { &result["structuredContent"]["code"] } else { &json!("DONE") };
        code.as_str().unwrap_or_else(|| panic!("{tool}: {result}")).to_owned()
    }

    /// Opens a stream that tells of keys, or is refused.
    async fn listen(&self) -> Response {
        let filter = json!({ "notifications": { "resourcesListChanged": true } });
        self.request("subscriptions/listen", filter).send().await.unwrap()
    }

    /// The bytes of a request whose body is still to be sent, as far as the server has to have read it to ask for the body.
    fn head_of(&self, method: &str, name: Option<&str>, length: usize) -> String {
        let name = name.map(|name| format!("mcp-name: {name}\r\n")).unwrap_or_default();
        let host = self.server.url.strip_prefix("http://").unwrap();
        format!(
            "POST /mcp HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n\
             mcp-protocol-version: {CURRENT}\r\nmcp-method: {method}\r\n{name}content-length: {length}\r\n\
             expect: 100-continue\r\n\r\n",
            self.token
        )
    }
}

/// The status and the message of an answer; what is no JSON is `null`.
async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// A stream that is being read.
struct Stream {
    response: Response,
    read: String,
}

impl Stream {
    /// One that must be let in.
    async fn open(tool: &Tool<'_>) -> Self {
        let response = tool.listen().await;
        assert_eq!(response.status(), 200);
        let mut stream = Self { response, read: String::new() };
        let first = stream.next().await.expect("an acknowledgment");
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
        stream
    }

    /// The next message; `None` at the end, however it came.
    async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data:")).map(str::to_owned);
                let rest = rest.to_owned();
                self.read = rest;
                if let Some(data) = data.filter(|data| !data.trim().is_empty()) {
                    return Some(serde_json::from_str(data.trim()).unwrap());
                }
            }
            let chunk =
                tokio::time::timeout(LONG, self.response.chunk()).await.expect("a message or the end");
            self.read.push_str(std::str::from_utf8(&chunk.ok().flatten()?).unwrap());
        }
    }

    /// The methods of what is still to come, until the end.
    async fn rest(mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Some(message) = self.next().await {
            rest.push(message["method"].as_str().unwrap_or("a result").to_owned());
        }
        rest
    }
}

/// Reads from a socket until what was read ends so.
async fn read_until(socket: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(end) {
            match socket.read_u8().await {
                Ok(byte) => read.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&read)),
            }
        }
    };
    tokio::time::timeout(LONG, reading).await.expect("the server answers");
    read
}

/// Reads from a socket until the server ends it.
async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let reading = tokio::time::timeout(LONG, socket.read_to_end(&mut read));
    _ = reading.await.expect("the server ends the connection");
    String::from_utf8_lossy(&read).into_owned()
}
