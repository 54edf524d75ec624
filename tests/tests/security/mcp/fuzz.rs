//! Good messages, changed at random: whatever comes out is answered, without a fault and without an effect.

use keystead_tests::{TestKey, TestServer};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{CURRENT, LONG, Tool};

/// What is put in, besides single bytes.
const PIECES: &[&str] = &[
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e400",
    "0.5",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{202e}",
    "\"jsonrpc\":\"2.0\",",
    "\"id\":null,",
    "\"method\":\"ping\",",
    "\"params\":[],",
    "\"name\":\"create_api_key\",",
    "\"_meta\":{},",
    "\"arguments\":null,",
    "{\"a\":{\"a\":{\"a\":",
    "99999999999999999999",
    "keystead://api-keys/",
    "2025-06-18",
];

/// A change of a message.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Remove(Index, usize),
    Insert(Index, &'static str),
    Double(Index, usize),
    Cut(Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Self::Remove(at, length)),
            (any::<Index>(), prop::sample::select(PIECES)).prop_map(|(at, piece)| Self::Insert(at, piece)),
            (any::<Index>(), 1..200_usize).prop_map(|(at, length)| Self::Double(at, length)),
            any::<Index>().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let range = |at: &Index, length: usize| {
            let start = at.index(bytes.len());
            start..bytes.len().min(start + length)
        };
        match self {
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Remove(at, length) => _ = bytes.drain(range(at, *length)),
            Self::Insert(at, piece) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, piece.bytes());
            }
            Self::Double(at, length) => {
                let range = range(at, *length);
                let part = bytes[range.clone()].to_vec();
                bytes.splice(range.start..range.start, part);
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

/// Messages of which none changes anything, and of which no small change does: whoever revokes must name what they mean.
fn messages(tool: &Tool<'_>, key: &TestKey) -> Vec<(String, String)> {
    let messages = [
        ("tools/call", json!({ "name": "whoami" })),
        (
            "tools/call",
            json!({ "name": "list_api_keys", "arguments": { "view": "all", "search": "d", "status": "active", "first": 5 } }),
        ),
        ("tools/call", json!({ "name": "get_api_key", "arguments": { "id": key.id } })),
        (
            "tools/call",
            json!({ "name": "revoke_api_key", "arguments": { "id": key.id, "name": "not its name at all" } }),
        ),
        (
            "tools/call",
            json!({ "name": "search_audit_log", "arguments": { "actions": ["key.created"], "from": "2026-11-23", "first": 3 } }),
        ),
        ("tools/call", json!({ "name": "list_users", "arguments": { "search": "ada", "status": "active" } })),
        ("tools/list", json!({ "cursor": "x" })),
        ("resources/list", json!({})),
        ("resources/read", json!({ "uri": format!("keystead://api-keys/{}", key.id) })),
        ("prompts/get", json!({ "name": "rotate_api_key", "arguments": { "key": "deploy" } })),
        ("server/discover", json!({})),
        ("ping", json!({})),
    ];
    let current =
        messages.map(|(method, params)| (method.to_owned(), tool.message(method, params).to_string()));
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    } });
    current.into_iter().chain([("initialize".to_owned(), initialize.to_string())]).collect()
}

#[test]
fn no_change_of_a_good_message_is_a_fault_a_hang_or_an_effect() {
    let runtime = Runtime::new().unwrap();
    let (server, tool_key, key) = runtime.block_on(async {
        let server = TestServer::start().await;
        let ada = server.administrator("ada@example.com").await;
        let keys = (server.key(&ada, "tool", "30d").await, server.key(&ada, "deploy", "30d").await);
        (server, keys.0, keys.1)
    });
    let tool = Tool::new(&server, &tool_key.token);
    let messages = messages(&tool, &key);
    let before = runtime.block_on(server.snapshot());
    let changes = (prop::sample::select(messages), prop::collection::vec(Change::any(), 1..6), any::<bool>());
    let mut runner = TestRunner::new(Config { cases: 1_500, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&changes, |((method, message), changes, with_headers)| {
        let mut body = message.into_bytes();
        for change in &changes {
            change.apply(&mut body);
        }
        let sent = String::from_utf8_lossy(&body).into_owned();
        let (status, answer) = runtime.block_on(async {
            let request = if with_headers {
                tool.post().header("mcp-protocol-version", CURRENT).header("mcp-method", method)
            } else {
                tool.post()
            };
            let answered = async {
                let answer = request
                    .body(body)
                    .send()
                    .await
                    .map_err(|error| TestCaseError::fail(error.to_string()))?;
                let status = answer.status().as_u16();
                Ok::<_, TestCaseError>((status, answer.text().await.unwrap_or_default()))
            };
            tokio::time::timeout(LONG, answered).await.map_err(|_| TestCaseError::fail("it hangs"))?
        })?;
        prop_assert!(status < 500, "{status} {answer} to {sent}");
        prop_assert!(!answer.contains(&tool_key.token) && !answer.contains("panicked"), "{answer} to {sent}");
        Ok(())
    });
    checked.unwrap();
    let after = runtime.block_on(server.snapshot());
    assert_eq!(after.changed_since(&before), Vec::<&str>::new());
    assert_eq!(runtime.block_on(tool.outcome("whoami", json!({}))), "DONE");
}
