//! Pages on the web that reach Keystead through a browser: by a name of theirs that points here (DNS rebinding, CVE-2026-42559), or
//! straight across origins.

use keystead_tests::{TestKey, TestServer};

/// What was answered to a call with headers of one's own, byte for byte.
async fn answer(
    server: &TestServer,
    method: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
) -> (u16, String) {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}"#;
    let mut request =
        format!("{method} /mcp HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    request += "accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n";
    if let Some(token) = token {
        request.extend(["authorization: Bearer ", token, "\r\n"]);
    }
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    let answer = server.raw(format!("{request}\r\n{body}").as_bytes()).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{headers:?}: no answer: {answer}"));
    assert!(
        !answer.to_lowercase().contains("\naccess-control-"),
        "no page reads an answer from afar: {answer}"
    );
    (status, answer)
}

/// Each is refused, says nothing of the caller, and is no more than nobody to whoever has no key.
async fn refuses(server: &TestServer, key: &TestKey, attacks: &[Vec<(&str, &str)>]) {
    let mut let_in = Vec::new();
    for headers in attacks {
        let (status, text) = answer(server, "POST", Some(&key.token), headers).await;
        if !matches!(status, 400 | 403) || text.contains("ada@example.com") {
            let_in.push(format!("{status}: {headers:?}"));
        }
        let (status, _) = answer(server, "POST", None, headers).await;
        assert!(matches!(status, 400 | 401 | 403), "{status}: {headers:?}");
    }
    assert_eq!(let_in, Vec::<String>::new(), "let in");
}

async fn lets_in(server: &TestServer, key: &TestKey, right: &[Vec<(&str, &str)>]) {
    for headers in right {
        let (status, text) = answer(server, "POST", Some(&key.token), headers).await;
        assert!(status == 200 && text.contains("ada@example.com"), "{headers:?}: {text}");
        assert_eq!(answer(server, "POST", None, headers).await.0, 401);
    }
}

#[tokio::test]
async fn on_this_machine_only_its_own_names_and_its_own_pages_are_answered() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "tool", "30d").await;
    let host = server.url.strip_prefix("http://").unwrap();
    let port = host.strip_prefix("127.0.0.1:").unwrap();
    let at = |text: &str| text.replace("PORT", port);

    let hosts: Vec<_> = [
        "evil.example",
        "evil.example:PORT",
        "127.0.0.1.evil.example:PORT",
        "localhost.evil.example:PORT",
        "evil.example.localhost:PORT",
        "evil.localhost:PORT",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1:80",
        "127.0.0.1.:PORT",
        "localhost",
        "localhost.:PORT",
        "127.1:PORT",
        "127.0.0.2:PORT",
        "0.0.0.0:PORT",
        "2130706433:PORT",
        "0x7f000001:PORT",
        "0177.0.0.1:PORT",
        "[::ffff:127.0.0.1]:PORT",
        "[0:0:0:0:0:0:0:1%25lo]:PORT",
        "[::]:PORT",
        "[::2]:PORT",
        "[::1]",
        "::1:PORT",
        "evil.example@127.0.0.1:PORT",
        "a:b@127.0.0.1:PORT",
        "127.0.0.1:PORT@evil.example",
        "127.0.0.1:PORT, evil.example",
        "127.0.0.1:PORT/evil.example",
        "127.0.0.1:PORT#evil.example",
        "127.0.0.1:0PORT",
        "127.0.0.1:-1",
        "127.0.0.1:99999",
        "127.0.0.1 :PORT",
        "http://127.0.0.1:PORT",
        "null",
        "*",
        "",
    ]
    .map(at)
    .to_vec();
    let mut attacks: Vec<_> = hosts.iter().map(|host| vec![("host", &**host)]).collect();
    attacks.push(vec![]);
    attacks.push(vec![("host", "evil.example"), ("host", host)]);
    attacks.push(vec![("host", "evil.example"), ("x-forwarded-host", host)]);
    attacks.push(vec![("host", "evil.example"), ("forwarded", "host=127.0.0.1")]);

    let origins: Vec<_> = [
        "https://evil.example",
        "http://evil.example:PORT",
        "null",
        "NULL",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:PORT",
        "http://localhost:PORT",
        "http://[::1]:PORT",
        "http://127.0.0.1.:PORT",
        "http://127.1:PORT",
        "http://127.0.0.1:PORT.evil.example",
        "http://127.0.0.1:PORT@evil.example",
        "http://evil.example@127.0.0.1:PORT",
        "http://127.0.0.1:PORT/",
        "http://127.0.0.1:PORT/evil",
        "http://127.0.0.1:PORT?evil",
        "http://127.0.0.1:PORT http://evil.example",
        "http://evil.example http://127.0.0.1:PORT",
        "http://127.0.0.1:PORT,http://evil.example",
        "127.0.0.1:PORT",
        "//127.0.0.1:PORT",
        "file://",
        "chrome-extension://abcdefghijklmnop",
        "*",
    ]
    .map(at)
    .to_vec();
    attacks.extend(origins.iter().map(|origin| vec![("host", host), ("origin", &**origin)]));
    attacks.push(vec![("host", host), ("origin", &*server.url), ("origin", "https://evil.example")]);
    attacks.push(vec![("host", host), ("origin", "https://evil.example"), ("origin", &*server.url)]);
    refuses(&server, &key, &attacks).await;

    let names = ["localhost:PORT", "LocalHost:PORT", "[::1]:PORT"].map(at);
    let mut right: Vec<_> = names.iter().map(|name| vec![("host", &**name)]).collect();
    right.push(vec![("host", host)]);
    right.push(vec![("host", host), ("origin", &*server.url)]);
    lets_in(&server, &key, &right).await;
}

#[tokio::test]
async fn behind_a_proxy_only_the_public_address_and_its_own_pages_are_answered() {
    let server = TestServer::start_behind("https://keys.example.com").await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "tool", "30d").await;
    let (host, here) = ("keys.example.com", server.url.strip_prefix("http://").unwrap());
    let mut attacks: Vec<_> = [
        here,
        "127.0.0.1",
        "localhost",
        "[::1]",
        "evil.example",
        "example.com",
        "www.keys.example.com",
        "keys.example.com.evil.example",
        "keys.example.com.",
        "keysXexample.com",
        "keys.example.com:1",
        "keys.example.com:80",
        "keys.example.com:8443",
        "evil@keys.example.com",
        "keys.example.com@evil.example",
        "[keys.example.com]",
        "",
    ]
    .into_iter()
    .map(|host| vec![("host", host)])
    .collect();
    attacks.push(vec![]);
    attacks.push(vec![("host", here), ("x-forwarded-host", host)]);
    attacks.extend(
        [
            "http://keys.example.com",
            "https://keys.example.com:80",
            "https://keys.example.com:8443",
            "https://keys.example.com.",
            "https://sub.keys.example.com",
            "https://example.com",
            "https://evil.example",
            "https://keys.example.com.evil.example",
            "https://keys.example.com@evil.example",
            "https://evil@keys.example.com",
            "https://keys.example.com/",
            "https://keys.example.com https://evil.example",
            "wss://keys.example.com",
            "null",
            "",
            &*server.url,
        ]
        .map(|origin| vec![("host", host), ("origin", origin)]),
    );
    refuses(&server, &key, &attacks).await;
    let origin = "https://keys.example.com";
    lets_in(&server, &key, &[vec![("host", host)], vec![("host", host), ("origin", origin)]]).await;
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "tool", "30d").await;
    let host = server.url.strip_prefix("http://").unwrap();
    for origin in [&*server.url, "https://evil.example", "null"] {
        let asks = [
            ("host", host),
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization, content-type"),
        ];
        let (status, preflight) = answer(&server, "OPTIONS", None, &asks).await;
        assert_eq!(status, 401, "a preflight has no credential: {preflight}");
        let (status, text) = answer(&server, "OPTIONS", Some(&key.token), &asks).await;
        assert!(matches!(status, 403 | 405) && !text.contains("ada@"), "{text}");
    }
}
