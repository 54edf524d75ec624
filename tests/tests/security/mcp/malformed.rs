//! What is no request of the protocol: hundreds of ways to be wrong, each refused, none of them a fault of ours.

use keystead_tests::{TestKey, TestServer};
use serde_json::{Value, json};

use super::{CURRENT, LONG, Tool};

/// Sends bytes as the body of a call; the status.
async fn status(tool: &Tool<'_>, body: Vec<u8>, headers: &[(&str, &str)]) -> (u16, String) {
    let request = headers.iter().fold(tool.post(), |request, (name, value)| request.header(*name, *value));
    let answer = tokio::time::timeout(LONG, async {
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    });
    answer.await.expect("no hang")
}

struct Fixture {
    server: TestServer,
    key: TestKey,
    other: TestKey,
}

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let ada = server.administrator("ada@example.com").await;
        let (key, other) = (server.key(&ada, "tool", "30d").await, server.key(&ada, "other", "30d").await);
        Self { server, key, other }
    }

    fn tool(&self) -> Tool<'_> {
        Tool::new(&self.server, &self.key.token)
    }
}

/// Bodies of which none may make a key, as text; `GOOD` stands for the members of a call that would.
const GOOD: &str = r#""jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_api_key","arguments":{"name":"n"}}"#;

const BODIES: &[&str] = &[
    "",
    " ",
    "\0",
    "\u{feff}{GOOD}",
    "null",
    "true",
    "0",
    "\"\"",
    "\"tools/call\"",
    "{}",
    "[]",
    "[{GOOD}]",
    "[{GOOD},{GOOD}]",
    "[[[{GOOD}]]]",
    "[null]",
    "{GOOD}{GOOD}",
    "{GOOD}\n{GOOD}",
    "{GOOD},",
    "{GOOD}]",
    "{GOOD",
    "GOOD",
    "({GOOD})",
    "{GOOD} // comment",
    "/* comment */ {GOOD}",
    "{'jsonrpc':'2.0'}",
    "{GOOD,}",
    "{\"message\":{GOOD}}",
    "{\"jsonrpc\":{GOOD}}",
    "data: {GOOD}\n\n",
    "jsonrpc=2.0&method=tools/call",
    "<?xml version=\"1.0\"?><methodCall/>",
    "Content-Length: 5\r\n\r\n{GOOD}",
    "NaN",
    "{\"jsonrpc\":NaN}",
    "{\"jsonrpc\":\"2.0\",\"id\":1e400,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":-1e400,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":1e400}}",
    "{\"jsonrpc\":\"2.0\",\"id\":\"\\ud800\",\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":\"\\udc00\\ud800\",\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud83d\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"create_api_key\",\"arguments\":{\"name\":\"\\ud800\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/nothing\",\"params\":{}}",
];

#[tokio::test]
async fn what_is_no_message_is_no_call() {
    let fixture = Fixture::new().await;
    let tool = fixture.tool();
    let before = fixture.server.snapshot().await;
    let headers: [&[(&str, &str)]; 3] = [
        &[],
        &[("mcp-protocol-version", "2025-06-18")],
        &[("mcp-protocol-version", CURRENT), ("mcp-method", "tools/call"), ("mcp-name", "create_api_key")],
    ];
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let mut bodies: Vec<_> = BODIES.iter().map(|body| body.replace("GOOD", GOOD).into_bytes()).collect();
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        for depth in [127, 128, 129, 1_000, 5_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            bodies.push(deep.clone().into_bytes());
            bodies.push(nested(open, "", depth).into_bytes());
            bodies.push(format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"whoami\",\"arguments\":{{\"a\":{deep}}}}}}}").into_bytes());
            bodies.push(format!("{{\"jsonrpc\":\"2.0\",\"id\":{deep},\"method\":\"ping\"}}").into_bytes());
        }
    }
    bodies.push(nested("[", "]", 10_000).into_bytes());
    bodies.push(nested("{\"a\":", "", 10_000).into_bytes());
    for encoded in [
        &b"\xff\xfe{\0}\0"[..],
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"ping\"}",
    ] {
        bodies.push(encoded.to_vec());
    }
    assert!(bodies.len() > 100);
    for body in bodies {
        for headers in headers {
            let (status, answer) = status(&tool, body.clone(), headers).await;
            let body = String::from_utf8_lossy(&body);
            // 202 is said to what asks for nothing.
            assert!(
                (400..500).contains(&status) || status == 202 || is_refusal(&answer),
                "{status}: {body:.200}: {answer:.200}"
            );
        }
    }
    assert_eq!(fixture.server.snapshot().await, before);
    assert_eq!(tool.outcome("whoami", json!({})).await, "DONE");
}

fn is_refusal(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    answer["error"]["code"].is_i64() || answer["result"]["isError"] == true
}

/// Values that are of the wrong type nearly everywhere.
fn wrong_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(10_000)),
        json!([]),
        json!([[[]]]),
        json!({}),
        json!({ "a": {} }),
        json!("2.0 "),
        json!("\u{202e}2.0"),
    ]
}

#[tokio::test]
async fn every_member_of_a_message_that_is_missing_or_of_the_wrong_type_is_refused() {
    let fixture = Fixture::new().await;
    let tool = fixture.tool();
    let good = tool
        .message("tools/call", json!({ "name": "update_api_key", "arguments": { "id": fixture.other.id } }));
    let paths = [
        "/jsonrpc",
        "/id",
        "/method",
        "/params",
        "/params/name",
        "/params/arguments",
        "/params/arguments/id",
        "/params/arguments/name",
        "/params/arguments/description",
        "/params/_meta",
        "/params/_meta/io.modelcontextprotocol~1protocolVersion",
        "/params/_meta/io.modelcontextprotocol~1clientInfo",
        "/params/_meta/io.modelcontextprotocol~1clientCapabilities",
    ];
    let before = fixture.server.snapshot().await;
    let mut refused = 0;
    for path in paths {
        let mut variants: Vec<_> = wrong_values().into_iter().map(Some).collect();
        variants.push(None);
        for value in variants {
            // What leaves the message a right one that changes something is not wrong.
            let harmless =
                path.ends_with("description") || path.ends_with("/name") && path.contains("arguments");
            if harmless && value.as_ref().is_some_and(Value::is_string) {
                continue;
            }
            let mut message = good.clone();
            let (parent, member) = path.rsplit_once('/').unwrap();
            let (parent, member) = (message.pointer_mut(parent).unwrap(), member.replace("~1", "/"));
            match value.clone() {
                Some(value) => parent[&member] = value,
                None => _ = parent.as_object_mut().unwrap().remove(&member),
            }
            for headers in [
                &[
                    ("mcp-protocol-version", CURRENT),
                    ("mcp-method", "tools/call"),
                    ("mcp-name", "update_api_key"),
                ][..],
                &[],
            ] {
                let (status, answer) = status(&tool, message.to_string().into_bytes(), headers).await;
                assert!(status < 500, "{path} = {value:?}: {status} {answer}");
                refused += usize::from(status >= 400 || is_refusal(&answer));
            }
        }
    }
    assert!(refused > 300, "{refused}");
    let changed = fixture.server.snapshot().await;
    // An id may be any text or number, and no description is the one that there was: what changed is at most when.
    assert!(
        changed.changed_since(&before).iter().all(|table| *table != "api_keys"),
        "{:?}",
        changed.changed_since(&before)
    );
}

#[tokio::test]
async fn every_argument_of_every_tool_that_is_unknown_or_wrong_is_refused() {
    let fixture = Fixture::new().await;
    let tool = fixture.tool();
    let tools = tool.result("tools/list", json!({})).await;
    let before = fixture.server.snapshot().await;
    for known in tools["tools"].as_array().unwrap() {
        let (name, schema) = (known["name"].as_str().unwrap(), &known["inputSchema"]);
        let mut right = json!({});
        for needed in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            right[needed] = if needed == "id" { json!(fixture.other.id) } else { json!("no such name") };
        }
        let unknown = [
            "",
            "Name",
            "ID",
            "token",
            "creator",
            "createdBy",
            "organization_id",
            "user_id",
            "permissions",
            "__proto__",
            "constructor",
            "expires_at",
            "revoked",
            "is_you",
            "limit",
        ];
        for extra in unknown {
            let mut arguments = right.clone();
            arguments[extra] = json!("1");
            assert_eq!(tool.outcome(name, arguments).await, "BAD_USER_INPUT", "{name}: {extra}");
        }
        for (argument, _) in schema["properties"].as_object().into_iter().flatten() {
            for value in [
                json!({}),
                json!({ "a": 1 }),
                json!([[]]),
                json!([1]),
                json!(1.5),
                json!(-1),
                json!(i64::MIN),
                json!("\u{0}"),
                json!("x".repeat(2_000)),
            ] {
                let mut arguments = right.clone();
                arguments[argument] = value.clone();
                let outcome = tool.outcome(name, arguments).await;
                let expected = ["BAD_USER_INPUT", "NOT_FOUND"].contains(&&*outcome);
                // A number of events is clipped, or refused; it is never a fault.
                assert!(expected, "{name}.{argument} = {value:.40}: {outcome}");
            }
        }
    }
    assert_eq!(fixture.server.snapshot().await, before);
}

#[tokio::test]
async fn unknown_methods_tools_resources_and_prompts_are_not_there() {
    let fixture = Fixture::new().await;
    let tool = fixture.tool();
    let before = fixture.server.snapshot().await;
    for method in [
        "",
        "tools",
        "tools/",
        "Tools/Call",
        "tools/call ",
        "tools/delete",
        "completion/complete",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "sampling/createMessage",
        "elicitation/create",
        "roots/list",
        "tasks/list",
        "tasks/get",
        "tasks/result",
        "tasks/cancel",
        "rpc.discover",
        "__proto__",
        "../mcp",
    ] {
        for params in [
            json!({}),
            json!({ "level": "debug" }),
            json!({ "uri": "keystead://docs/mcp" }),
            json!({ "taskId": "1" }),
        ] {
            let headers = [("mcp-protocol-version", CURRENT), ("mcp-method", method)];
            for headers in [&headers[..], &[]] {
                let body = tool.message(method, params.clone()).to_string().into_bytes();
                let (status, answer) = status(&tool, body, headers).await;
                assert!(
                    status < 500 && (status >= 400 || is_refusal(&answer)),
                    "{method} {params}: {status} {answer}"
                );
            }
        }
    }
    for name in [
        "",
        "Whoami",
        "whoami ",
        "who\u{200b}ami",
        "create_users",
        "impersonate_user",
        "../whoami",
        "create_api_key\0",
    ] {
        for (method, params) in [
            ("tools/call", json!({ "name": name, "arguments": { "name": "n" } })),
            ("prompts/get", json!({ "name": name })),
        ] {
            let body = tool.message(method, params).to_string().into_bytes();
            let (status, answer) = status(&tool, body, &[]).await;
            assert!(
                status < 500 && (status >= 400 || is_refusal(&answer)),
                "{method} {name:?}: {status} {answer}"
            );
        }
    }
    let file = format!("file://{}", fixture.server.data_dir().join("keystead.db").display());
    for uri in [
        "",
        "keystead://",
        "keystead://docs/",
        "keystead://docs/../../../etc/passwd",
        "keystead://docs/mcp.md",
        "keystead://docs/MCP",
        "keystead://docs/%6dcp",
        "keystead://api-keys/",
        "keystead://api-keys/*",
        "keystead://api-keys/' OR 1=1 --",
        "KEYSTEAD://docs/mcp",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        &file,
        &"x".repeat(20_000),
    ] {
        let body = tool.message("resources/read", json!({ "uri": uri })).to_string().into_bytes();
        let (status, answer) = status(&tool, body, &[]).await;
        assert!(status < 500 && (status >= 400 || is_refusal(&answer)), "{uri:.60}: {status} {answer}");
    }
    assert_eq!(fixture.server.snapshot().await, before);
}

#[tokio::test]
async fn headers_that_say_other_than_the_body_are_refused() {
    let fixture = Fixture::new().await;
    let tool = fixture.tool();
    let before = fixture.server.snapshot().await;
    let body = tool
        .message("tools/call", json!({ "name": "create_api_key", "arguments": { "name": "n" } }))
        .to_string();
    let right =
        [("mcp-protocol-version", CURRENT), ("mcp-method", "tools/call"), ("mcp-name", "create_api_key")];
    let long = "x".repeat(5_000);
    let wrong = [
        ("mcp-protocol-version", "2025-06-18"),
        ("mcp-protocol-version", "2024-11-05"),
        ("mcp-protocol-version", "1999-01-01"),
        ("mcp-protocol-version", "9999-12-31"),
        ("mcp-protocol-version", "2026-07-28, 2025-06-18"),
        ("mcp-protocol-version", ""),
        ("mcp-protocol-version", "junk"),
        ("mcp-protocol-version", &long),
        ("mcp-method", "tools/list"),
        ("mcp-method", "TOOLS/CALL"),
        ("mcp-method", "tools/call, tools/list"),
        ("mcp-method", "subscriptions/listen"),
        ("mcp-method", ""),
        ("mcp-method", &long),
        ("mcp-name", "whoami"),
        ("mcp-name", "Create_Api_Key"),
        ("mcp-name", "create_api_key,whoami"),
        ("mcp-name", ""),
        ("mcp-name", &long),
    ];
    for (name, value) in wrong {
        let headers = right.map(|(known, usual)| (known, if known == name { value } else { usual }));
        let (code, answer) = status(&tool, body.clone().into_bytes(), &headers).await;
        assert!((400..500).contains(&code), "{name}: {value:.60}: {code} {answer}");
        let left_out: Vec<_> = right.into_iter().filter(|(known, _)| *known != name).collect();
        let (code, answer) = status(&tool, body.clone().into_bytes(), &left_out).await;
        assert!((400..500).contains(&code), "without {name}: {code} {answer}");
    }
    assert_eq!(fixture.server.snapshot().await, before);
}

/// A proxy that looks at requests sees what is done, whichever of two it reads.
#[tokio::test]
async fn what_a_request_says_twice_is_not_done() {
    let fixture = Fixture::new().await;
    let tool = fixture.tool();
    let before = fixture.server.snapshot().await;
    let meta = tool.message("x", json!({}))["params"]["_meta"].to_string();
    let id = &fixture.other.id;
    for body in [
        r#"{"jsonrpc":"2.0","jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"create_api_key","arguments":{"name":"n"},META}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"create_api_key","arguments":{"name":"n"},META}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","name":"create_api_key","arguments":{"name":"n"},META}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_api_key","arguments":{},"arguments":{"name":"n"},META}}"#.to_owned(),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"revoke_api_key","arguments":{{"id":"{id}","name":"wrong","name":"other"}},META}}}}"#),
    ] {
        let body = body.replace("META", &format!("\"_meta\":{meta}"));
        let name = if body.contains("revoke") { "revoke_api_key" } else { "create_api_key" };
        let twice = [("mcp-protocol-version", CURRENT), ("mcp-method", "tools/call"), ("mcp-name", name)];
        let (code, answer) = status(&tool, body.clone().into_bytes(), &twice).await;
        assert_eq!(code, 400, "{body}: {answer}");
        let (code, answer) = status(&tool, body.into_bytes(), &[]).await;
        assert_eq!(code, 400, "{answer}");
    }

    let body = tool
        .message("tools/call", json!({ "name": "create_api_key", "arguments": { "name": "n" } }))
        .to_string();
    let right =
        [("mcp-protocol-version", CURRENT), ("mcp-method", "tools/call"), ("mcp-name", "create_api_key")];
    for (name, value) in right {
        for other in [value, "whoami", ""] {
            for twice in [[(name, value), (name, other)], [(name, other), (name, value)]] {
                let left = right.into_iter().filter(|(known, _)| *known != name);
                let headers: Vec<_> = left.chain(twice).collect();
                let (code, answer) = status(&tool, body.clone().into_bytes(), &headers).await;
                assert_eq!(code, 400, "{headers:?}: {answer}");
            }
        }
    }
    assert_eq!(fixture.server.snapshot().await, before);
    let (code, answer) = status(&tool, body.into_bytes(), &right).await;
    assert_eq!(code, 200, "said once, it is done: {answer}");
}
