//! Threats: access tokens that were not made here, or say something else than they may (RFC 8725; RFC 9068, section 4). All but a few
//! are signed by the server's own key: what is refused is refused for what it says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use keystead_app::Deployment;
use keystead_tests::TestServer;
use serde_json::{Value, json};

use super::{World, at_mcp, counts_at_mcp};

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn signed(key: &SigningKey, header: &str, claims: &str) -> String {
    let text = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(text.as_bytes()).to_bytes();
    format!("{text}.{}", encode(signature))
}

/// The key that signs now, as whoever reads the server's files has it.
async fn servers_key(server: &TestServer) -> SigningKey {
    let kept = server.signing_keys().await;
    let seed = kept["current"]["seed"].as_str().unwrap();
    SigningKey::from_bytes(&std::array::from_fn(|at| u8::from_str_radix(&seed[at * 2..][..2], 16).unwrap()))
}

/// The claims, as text, with one of them left out or written otherwise.
fn with(claims: &Value, name: &str, raw: &[&str]) -> String {
    let others = claims.as_object().unwrap().iter().filter(|(other, _)| *other != name);
    let others = others.map(|(name, value)| format!("{}:{value}", json!(name)));
    let own = raw.iter().map(|raw| format!("\"{name}\":{raw}"));
    format!("{{{}}}", others.chain(own).collect::<Vec<_>>().join(","))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of forgeries")]
async fn no_access_token_counts_that_says_anything_else_than_what_is_made_here() {
    let world = World::start_as(Deployment { impersonation: true, ..Deployment::default() }).await;
    let server = &world.server;
    let key = servers_key(server).await;
    let genuine = world.tokens().await.access;
    let others = server.connect_app(&world.eve, &world.app).await.access;
    let parts: Vec<_> = genuine.split('.').collect();
    let (header, claims) = (decoded(parts[0]), decoded(parts[1]));
    let written = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("EdDSA")));
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "client_id", "connection_id", "exp", "iat", "iss", "jti", "scope", "sub"]);
    assert_eq!(
        signed(&key, &written, &String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap()),
        genuine
    );
    let mut forged = Vec::new();
    for name in &names {
        let value = claims[*name].to_string();
        let mut raws: Vec<Vec<String>> = vec![vec![], vec![value.clone(), value.clone()]];
        let wrong =
            ["null", "true", "[]", "{}", "\"\"", "\"x\"", "-1", "0", "1.5", "1e308", "18446744073709551616"];
        raws.extend(wrong.map(|raw| vec![raw.to_owned()]));
        raws.push(vec![format!("[{value}]")]);
        raws.push(vec![format!("{{\"value\":{value}}}")]);
        raws.push(vec![format!("\"{}\"", value.trim_matches('"').to_owned() + " ")]);
        raws.push(vec!["null".to_owned(), value.clone()]);
        for raw in raws {
            let raw: Vec<_> = raw.iter().map(String::as_str).collect();
            // Any text is as good as another for what the token is called, and what the app is.
            let is_free = matches!(*name, "client_id") && raw.len() == 1 && raw[0].starts_with('"');
            if !is_free {
                forged.push((format!("{name}: {raw:?}"), signed(&key, &written, &with(&claims, name, &raw))));
            }
        }
    }
    let now = claims["iat"].as_i64().unwrap();
    let other = decoded(others.split('.').nth(1).unwrap());
    for (name, value) in [
        ("iss", json!("http://evil.example")),
        ("iss", json!("http://keystead.test/")),
        ("aud", json!("http://keystead.test")),
        ("aud", json!("http://keystead.test/graphql")),
        ("aud", json!("http://keystead.test/mcp/")),
        ("aud", json!(["http://keystead.test/mcp"])),
        ("scope", json!("mcp admin")),
        ("scope", json!("")),
        ("exp", json!(now - 3_600)),
        ("exp", json!(now)),
        ("exp", json!(now + 901)),
        ("exp", json!(i64::MAX)),
        ("iat", json!(now + 3_600)),
        ("iat", json!(now - 3_600)),
        ("iat", json!(0)),
        // Somebody else's, on this connection; and this person's, on a connection of another's.
        ("sub", other["sub"].clone()),
        ("sub", json!(world.ada.id)),
        ("connection_id", other["connection_id"].clone()),
        ("connection_id", json!("01900000-0000-7000-8000-000000000000")),
        ("nbf", json!(0)),
        ("act", json!({ "sub": world.ada.id })),
        ("cnf", json!({ "jkt": "x" })),
        ("permissions", json!(["keys:read_all"])),
    ] {
        forged.push((
            format!("{name}: {value}"),
            signed(&key, &written, &with(&claims, name, &[&value.to_string()])),
        ));
    }
    let payload = with(&claims, "", &[]);
    let payload = payload.as_str();
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("ks-session+jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", json!("application/at+jwt")),
        ("typ", json!("at+jwt ")),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("Ed25519")),
        ("kid", json!("x")),
        ("kid", json!(null)),
        ("jwk", json!({ "kty": "OKP" })),
        ("jku", json!("https://evil.example/jwks.json")),
        ("crit", json!(["exp"])),
    ] {
        let mut header = header.clone();
        header[name] = value.clone();
        forged.push((format!("{name} {value}"), signed(&key, &header.to_string(), payload)));
    }
    let own = SigningKey::from_bytes(&keystead_app::Entropy::system().bytes().unwrap());
    forged.push(("signed by somebody else".to_owned(), signed(&own, &written, payload)));
    forged.push(("not signed".to_owned(), format!("{}.{}.", parts[0], parts[1])));
    forged.push((
        "signed for another".to_owned(),
        format!("{}.{}.{}", parts[0], parts[1], others.split('.').nth(2).unwrap()),
    ));
    for at in (0..genuine.len()).step_by(3) {
        let letter = if genuine[at..].starts_with('A') { 'B' } else { 'A' };
        forged.push((format!("byte {at}"), format!("{}{letter}{}", &genuine[..at], &genuine[at + 1..])));
        forged.push((format!("cut at {at}"), genuine[..at].to_owned()));
    }
    forged.retain(|(_, token)| *token != genuine && !token.is_empty());
    assert!(forged.len() > 400, "{}", forged.len());
    let mut counted = Vec::new();
    for (what, token) in &forged {
        if counts_at_mcp(server, token).await {
            counted.push(what);
        }
    }
    assert!(counted.is_empty(), "{counted:?}");
    assert_eq!(signed(&key, &written, payload).len(), genuine.len());
    assert!(
        at_mcp(server, &signed(&key, &written, payload)).await.is_ok(),
        "what refuses them is what they say"
    );
}

/// A session that a product minted and an app's token are signed by one key: only what they say they are keeps them apart.
#[tokio::test]
async fn a_session_that_calls_itself_an_access_token_is_none_and_the_other_way_round() {
    let world = World::start_as(Deployment { impersonation: true, ..Deployment::default() }).await;
    let server = &world.server;
    let key = servers_key(server).await;
    let access = world.tokens().await.access;
    let minter = server.impersonation_key(&world.ada, "minter").await;
    let session = server.mint(&minter, &world.mia.email).await;
    let part = |token: &str, number: usize| {
        String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap()).unwrap()
    };
    let as_access = signed(&key, &part(&access, 0), &part(&session, 1));
    let as_session = signed(&key, &part(&session, 0), &part(&access, 1));
    for token in [&as_access, &as_session, &session] {
        assert!(!counts_at_mcp(server, token).await);
    }
    for token in [&as_access, &as_session, &access] {
        assert_eq!(server.verify(token).await.status(), 401);
    }
    assert!(counts_at_mcp(server, &access).await);
    assert_eq!(server.verify(&session).await.status(), 200);
}

/// Rotating the keys that sign ends no connection, and leaves no token valid for longer.
#[tokio::test]
async fn a_token_outlives_the_rotation_of_keys_by_no_more_than_its_own_time() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    for _ in 0..2 {
        world.server.app.rotate_signing_keys(false).await.unwrap();
    }
    assert!(counts_at_mcp(&world.server, &tokens.access).await);
    world.server.advance(jiff::SignedDuration::from_mins(17));
    assert!(!counts_at_mcp(&world.server, &tokens.access).await);
    assert_eq!(world.app.refresh(&world.server, &tokens.refresh).await.status(), 200);
}
