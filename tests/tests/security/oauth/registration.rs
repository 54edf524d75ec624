//! Threats: registration is open to everybody (ASVS 5.0, 10.4.7), so that a flood of it, what it says, and how much, must harm nobody.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{REDIRECT, World};

#[tokio::test]
async fn a_flood_of_registrations_is_held_back_and_holds_back_nobody_else() {
    let world = World::start().await;
    let server = &world.server;
    server.advance(SignedDuration::from_hours(1));
    let said = json!({ "redirect_uris": [REDIRECT] });
    let mut registered = 0;
    let mut refused = 0;
    for number in 0..60 {
        // Who says that they are somebody else is not, since no proxy of the deployment's says so.
        let elsewhere = format!("203.0.113.{number}");
        let request = server.post("/oauth2/register").json(&said).header("x-forwarded-for", &elsewhere);
        let request = request.header("forwarded", format!("for={elsewhere}")).header("x-real-ip", &elsewhere);
        let answer = request.send().await.unwrap();
        match answer.status().as_u16() {
            201 => registered += 1,
            429 => {
                let wait: i64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=10).contains(&wait), "{wait}");
                assert_eq!(answer.json::<Value>().await.unwrap()["error"], "temporarily_unavailable");
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((registered, refused), (20, 40));
    // What is registered already is not held back, nor is anybody else.
    let tokens = world.tokens().await;
    assert!(super::counts_at_mcp(server, &tokens.access).await);
    server.advance(SignedDuration::from_secs(10));
    let again = async || server.post("/oauth2/register").json(&said).send().await.unwrap().status();
    assert_eq!(
        [again().await, again().await].map(|status| status.as_u16()),
        [201, 429],
        "one every ten seconds"
    );
}

/// What nobody allowed anything is forgotten after a day; what somebody did is not.
#[tokio::test]
async fn what_a_flood_has_left_is_gone_after_a_day() {
    let world = World::start().await;
    let server = &world.server;
    let tokens = world.tokens().await;
    for _ in 0..10 {
        server.oauth_client("Flood", REDIRECT).await;
    }
    assert_eq!(server.snapshot().await.rows("oauth_clients").len(), 11);
    server.advance(SignedDuration::from_hours(24));
    server.app.maintain_sessions().await.unwrap();
    assert_eq!(server.snapshot().await.rows("oauth_clients").len(), 1);
    assert_eq!(world.app.refresh(server, &tokens.refresh).await.status(), 200);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of forgeries")]
async fn what_is_no_description_of_an_app_is_refused_and_nothing_of_it_is_kept() {
    let world = World::start().await;
    let server = &world.server;
    let before = server.snapshot().await;
    let uris = |uris: Value| json!({ "redirect_uris": uris }).to_string();
    let named = |name: Value| json!({ "client_name": name, "redirect_uris": [REDIRECT] }).to_string();
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"redirect_uris\":[\"{REDIRECT}\"],\"x\":{}1{}}}",
            open.repeat(10_000),
            close.repeat(10_000)
        )
    };
    let many: Vec<_> = (0..11).map(|number| format!("{REDIRECT}/{number}")).collect();
    let (uri, metadata) = ("invalid_redirect_uri", "invalid_client_metadata");
    let mut cases = vec![
        ("nothing".to_owned(), String::new(), metadata),
        ("no object".to_owned(), "[]".to_owned(), metadata),
        ("null".to_owned(), "null".to_owned(), metadata),
        ("an object twice".to_owned(), "{}{}".to_owned(), metadata),
        ("no addresses".to_owned(), "{}".to_owned(), uri),
        ("none".to_owned(), uris(json!([])), uri),
        ("eleven".to_owned(), uris(json!(many)), uri),
        ("one that is no list".to_owned(), uris(json!(REDIRECT)), metadata),
        ("a number".to_owned(), uris(json!([1])), metadata),
        ("null in a list".to_owned(), uris(json!([null])), metadata),
        ("a good one and a bad one".to_owned(), uris(json!([REDIRECT, "javascript:alert(1)"])), uri),
        ("a long one".to_owned(), uris(json!([format!("{REDIRECT}/{}", "x".repeat(2_048))])), uri),
        (
            "addresses twice".to_owned(),
            format!("{{\"redirect_uris\":[\"{REDIRECT}\"],\"redirect_uris\":[\"{REDIRECT}\"]}}"),
            metadata,
        ),
        ("deep lists".to_owned(), deep("[", "]"), metadata),
        ("deep objects".to_owned(), deep("{\"a\":", "}"), metadata),
        (
            "too much".to_owned(),
            format!("{{\"redirect_uris\":[\"{REDIRECT}\"],\"x\":\"{}\"}}", "x".repeat(17_000)),
            metadata,
        ),
        (
            "bytes".to_owned(),
            format!("{{\"redirect_uris\":[\"{REDIRECT}\"],\"client_name\":\"\u{0}\"}}"),
            metadata,
        ),
    ];
    for name in [
        json!("x".repeat(101)),
        json!("a\u{202e}b"),
        json!("a\u{2066}b"),
        json!("a\u{200f}b"),
        json!("a\nb"),
        json!("a\u{0}b"),
        json!("a\u{1b}[2Jb"),
        json!("a\u{7f}"),
        json!("a\u{85}b"),
        json!("a\u{2028}b"),
        json!(1),
        json!(["a"]),
        json!({ "a": "b" }),
    ] {
        cases.push((format!("name {name}"), named(name), metadata));
    }
    for address in [
        "javascript:alert(1)",
        "javascript://x/%0aalert(1)",
        "JavaScript:/alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:/text/html,x",
        "vbscript:/x",
        "file:///etc/passwd",
        "blob:https://app.example/x",
        "filesystem:https://app.example/x",
        "view-source:https://app.example/",
        "about:/blank",
        "ws://app.example/",
        "wss://app.example/",
        "ftp://app.example/",
        "mailto:/mia@example.com",
        "tel:/0",
        "intent://app.example/#Intent;end",
        "content://x/y",
        "chrome://settings/",
        "chrome-extension://x/y",
        "http://app.example/callback",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://evil.localhost.example/",
        "http://0.0.0.0/",
        "http://127.1/",
        "http://2130706433/",
        "https://user@app.example/",
        "https://app.example/#fragment",
        "https://app.example/#",
        "https://app.example/ x",
        "https://app.example/\r\nSet-Cookie: x=1",
        "https://app.example\\@evil.example/",
        "https://b\u{fc}cher.example/",
        "https://*.example/",
        "https://",
        "https:///x",
        "https:app.example",
        "//app.example/",
        "/callback",
        "",
        " ",
        "urn:ietf:wg:oauth:2.0:oob",
    ] {
        cases.push((format!("{address:?}"), uris(json!([address])), uri));
    }
    for (what, body, error) in cases {
        let request = server.post("/oauth2/register").header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{what}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"], error, "{what}");
        let told = body["error_description"].as_str().unwrap();
        assert!(!told.contains("evil") && !told.contains("alert") && told.len() < 300, "{what}: {told}");
    }
    for (kind, body) in [
        // What a page of another site can send without asking.
        ("text/plain", uris(json!([REDIRECT]))),
        ("application/x-www-form-urlencoded", uris(json!([REDIRECT]))),
        ("application/jsonp", uris(json!([REDIRECT]))),
        ("", uris(json!([REDIRECT]))),
    ] {
        let request = server.post("/oauth2/register").header("content-type", kind).body(body);
        assert_eq!(request.send().await.unwrap().status(), 400, "{kind}");
    }
    let huge =
        server.post("/oauth2/register").header("content-type", "application/json").body("x".repeat(70_000));
    assert_eq!(huge.send().await.unwrap().status(), 413);
    assert_eq!(server.snapshot().await, before);
}

/// Whatever an app asks for, it is a public one, and none of the server's own fields are its to choose.
#[tokio::test]
async fn no_app_gets_a_secret_an_id_of_its_choice_or_more_than_there_is() {
    let world = World::start().await;
    let said = json!({
        "redirect_uris": [REDIRECT],
        "client_id": world.app.id,
        "client_secret": "mine",
        "client_secret_expires_at": 0,
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "client_credentials", "password", "implicit"],
        "response_types": ["code", "token"],
        "scope": "mcp admin keys:read_all",
        "logo_uri": "http://127.0.0.1:1/logo",
        "jwks_uri": "http://169.254.169.254/",
        "sector_identifier_uri": "http://127.0.0.1:1/",
        "software_statement": "a.b.c",
        "registration_access_token": "mine",
        "allowed_at": 1, "created_at": 0, "id": "x", "trusted": true, "organization_id": world.mia.id,
    });
    let answer = world.server.post("/oauth2/register").json(&said).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let mut body: Value = answer.json().await.unwrap();
    let id = body["client_id"].take().as_str().unwrap().to_owned();
    assert_ne!(id, world.app.id);
    assert!(id.starts_with("client-"), "it looks like no person's, key's or organization's: {id}");
    let expected = json!({
        "client_id": null,
        "client_name": "app.example",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "mcp",
    });
    assert_eq!(body, expected);
    // Nobody reads, changes or removes what was registered.
    for path in [format!("/oauth2/register/{id}"), format!("/oauth2/register?client_id={id}")] {
        for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE] {
            let request = world.server.client.request(method.clone(), format!("{}{path}", world.server.url));
            let status = request.send().await.unwrap().status();
            assert!([404, 405].contains(&status.as_u16()), "{method} {path}: {status}");
        }
    }
}
