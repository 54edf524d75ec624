//! Requests of the protocol's revision 2026-07-28 as bytes, made once and sent again and again.

use serde_json::{Value, json};

const REVISION: &str = "2026-07-28";

/// Calls a tool.
pub(crate) fn call(address: &str, token: &str, tool: &str, arguments: &Value) -> Vec<u8> {
    let name = format!("mcp-name: {tool}\r\n");
    post(address, token, "tools/call", &name, json!({ "name": tool, "arguments": arguments }))
}

/// Opens a stream.
pub(crate) fn listen(address: &str, token: &str) -> Vec<u8> {
    let asked = json!({ "notifications": { "resourcesListChanged": true } });
    post(address, token, "subscriptions/listen", "", asked)
}

fn post(address: &str, token: &str, method: &str, name: &str, mut params: Value) -> Vec<u8> {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": { "name": "measurement", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let length = body.len();
    format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: {REVISION}\r\nmcp-method: {method}\r\n{name}\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
