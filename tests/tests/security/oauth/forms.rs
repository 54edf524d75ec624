//! Threats: parameters that two parties read differently (ASVS 5.0, 15.3.7; RFC 6749, section 3.1), credentials in addresses, and
//! endpoints that other sites' pages can use (RFC 9700, section 2.6).

use reqwest::Method;
use serde_json::Value;

use super::{Answer, REDIRECT, World};

#[tokio::test]
async fn a_form_that_says_something_twice_is_refused_whole() {
    let world = World::start().await;
    let server = &world.server;
    let (code, tokens) = (world.code().await, world.tokens().await);
    let resource = "http://keystead.test/mcp";
    let own = [
        vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("client_id", &world.app.id),
            ("redirect_uri", REDIRECT),
            ("code_verifier", &world.pkce.verifier),
            ("resource", resource),
        ],
        vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", &tokens.refresh),
            ("client_id", &world.app.id),
            ("resource", resource),
        ],
    ];
    let revocation =
        vec![("token", tokens.refresh.as_str()), ("client_id", &world.app.id), ("token_type_hint", "x")];
    let key = server.key(&world.mia, "caller", "30d").await;
    let introspection = vec![("token", tokens.access.as_str())];
    let before = server.snapshot().await;
    let forms = own.iter().map(|form| ("/oauth2/token", form));
    let forms = forms.chain([("/oauth2/revoke", &revocation), ("/oauth2/introspect", &introspection)]);
    for (door, form) in forms {
        for (name, value) in form {
            for (first, second) in [(*value, *value), (*value, "evil"), ("evil", *value)] {
                let others = form.iter().filter(|(other, _)| other != name).copied();
                let twice: Vec<_> = others.chain([(*name, first), (*name, second)]).collect();
                let answer = server.post(door).bearer_auth(&key.token).form(&twice).send().await.unwrap();
                assert_eq!(answer.status(), 400, "{door} {name}");
                assert_eq!(
                    answer.json::<Value>().await.unwrap()["error"],
                    "invalid_request",
                    "{door} {name}"
                );
            }
        }
    }
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn what_is_in_the_address_or_in_another_form_is_no_parameter() {
    let world = World::start().await;
    let server = &world.server;
    let code = world.code().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("client_id", &world.app.id),
        ("code_verifier", &world.pkce.verifier),
    ];
    let before = server.snapshot().await;
    for at in 0..form.len() {
        let (inside, outside): (Vec<_>, Vec<_>) =
            form.iter().enumerate().partition(|(number, _)| *number != at);
        let inside: Vec<_> = inside.into_iter().map(|(_, parameter)| parameter).collect();
        let outside: Vec<_> = outside.into_iter().map(|(_, parameter)| parameter).collect();
        let answer = server.post("/oauth2/token").query(&outside).form(&inside).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{outside:?} in the address");
    }
    let body: String = reqwest::Url::parse_with_params("http://x", form).unwrap().query().unwrap().to_owned();
    let object: serde_json::Map<String, Value> =
        form.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    for (kind, body) in [
        ("application/json", Value::from(object).to_string()),
        ("text/plain", body.clone()),
        ("multipart/form-data; boundary=x", body.clone()),
        ("application/x-www-form-urlencoded-x", body.clone()),
        ("", body.clone()),
    ] {
        let request = server.post("/oauth2/token").header("content-type", kind).body(body);
        assert_eq!(request.send().await.unwrap().status(), 400, "{kind}");
    }
    assert_eq!(server.get(&format!("/oauth2/token?{body}")).send().await.unwrap().status(), 405);
    assert_eq!(server.get("/oauth2/revoke?token=x&client_id=y").send().await.unwrap().status(), 405);
    assert_eq!(server.snapshot().await, before);
    assert_eq!(server.post("/oauth2/token").form(&form).send().await.unwrap().status(), 200);
}

/// No other site's script asks here: it is neither let in beforehand, nor may it read an answer. What tells everybody where things
/// are may be read by everybody.
#[tokio::test]
async fn other_sites_scripts_are_invited_to_nothing_but_what_is_public() {
    let world = World::start().await;
    let server = &world.server;
    for door in ["authorize", "token", "register", "revoke", "introspect"] {
        let path = format!("/oauth2/{door}");
        for method in [Method::OPTIONS, Method::GET, Method::POST] {
            let request = server.client.request(method.clone(), format!("{}{path}", server.url));
            let request = request.header("origin", "https://evil.example");
            let request = request.header("access-control-request-method", "POST");
            let answer = Answer::of(request.send().await.unwrap()).await;
            let cors = answer.headers.keys().find(|name| name.starts_with("access-control-"));
            assert_eq!(cors, None, "{method} {path}");
            assert!(answer.status != 200, "{method} {path}");
        }
    }
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let request =
            server.get(path).header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let answer = Answer::of(request.header("origin", "https://evil.example").send().await.unwrap()).await;
        assert!(!answer.headers.contains_key("access-control-allow-credentials"), "{path}");
        assert!(!answer.text.contains("evil"), "{path}: whoever asks by another name is told ours");
        assert!(
            answer.text.contains("http://keystead.test/mcp")
                || answer.text.contains("http://keystead.test/oauth2")
        );
    }
    let metadata: Value =
        server.get("/.well-known/oauth-authorization-server").send().await.unwrap().json().await.unwrap();
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]), "and never plain");
    assert_eq!(
        metadata["response_types_supported"],
        serde_json::json!(["code"]),
        "no token through a browser"
    );
    assert!(!metadata.to_string().contains("password"));
}

/// Grants that put a person's password or a token through an app's hands (RFC 9700, sections 2.1.2 and 2.4).
#[tokio::test]
async fn there_is_no_grant_without_the_person_and_no_token_in_an_address() {
    let world = World::start().await;
    let server = &world.server;
    let session = server.session(&world.mia).await;
    let before = server.snapshot().await;
    for grant in [
        "password",
        "client_credentials",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "Authorization_Code",
        " authorization_code",
    ] {
        let form = [
            ("grant_type", grant),
            ("username", "mia@example.com"),
            ("password", keystead_tests::TestServer::PASSWORD),
            ("client_id", &world.app.id),
            ("assertion", "a.b.c"),
        ];
        let answer = server.post("/oauth2/token").form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{grant}");
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], "unsupported_grant_type", "{grant}");
    }
    for (name, value) in [
        ("response_type", "token"),
        ("response_type", "id_token"),
        ("response_type", "code token"),
        ("response_type", "none"),
        ("response_mode", "fragment"),
        ("response_mode", "form_post"),
        ("response_mode", "web_message"),
    ] {
        let path = world.path(&[(name, Some(value))]);
        let answer = Answer::of(world.decide(&session, &path, "allow").await).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{name}={value}");
    }
    assert_eq!(server.snapshot().await, before);
}
