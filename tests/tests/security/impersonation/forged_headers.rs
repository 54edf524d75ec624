//! Threats: algorithm confusion, and keys that the message brings along. A header is not interpreted; so nothing in it can be
//! chosen, and each of these is refused though it is signed by the server's own key.

use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Product;
use super::forger::{Forger, assert_refused, decode, encode, other_key, sign};

/// What is wrong with a token, and the token.
type Vectors = Vec<(String, String)>;

/// The header with a member set, or without it.
fn with(forger: &Forger, member: &str, value: Option<Value>) -> String {
    let mut header = forger.header();
    match value {
        Some(value) => header[member] = value,
        None => _ = header.as_object_mut().unwrap().remove(member),
    }
    // In the order in which they are written, so that nothing but the member differs.
    let order = ["typ", "alg", "kid"];
    let others = header.as_object().unwrap().keys().filter(|name| !order.contains(&name.as_str()));
    let names = order.into_iter().chain(others.map(String::as_str)).filter(|name| header.get(name).is_some());
    let members: Vec<_> = names.map(|name| format!("{}:{}", json!(name), header[name])).collect();
    format!("{{{}}}", members.join(","))
}

const ALGORITHMS: [&str; 26] = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "",
    " ",
    "none ",
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS512",
    "PS256",
    "ES256",
    "ES384",
    "ES512",
    "ES256K",
    "Ed25519",
    "Ed448",
    "EdDSA ",
    "eddsa",
    "EDDSA",
    "EDDSA\u{0}",
    "dir",
    "A128KW",
    "ML-DSA-44",
];

fn hmac(key: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    encode(mac.finalize().into_bytes())
}

fn algorithms(forger: &Forger) -> Vectors {
    let mut vectors = Vectors::new();
    let payload = forger.parts()[1];
    for algorithm in ALGORITHMS {
        let header = with(forger, "alg", Some(json!(algorithm)));
        vectors.push((format!("alg {algorithm:?}, signed"), forger.with_header(&header)));
        vectors.push((format!("alg {algorithm:?}, unsigned"), format!("{}.{payload}.", encode(&header))));
    }
    for wrong in [json!(null), json!(["EdDSA"]), json!({}), json!(0), json!(true)] {
        vectors.push((format!("alg {wrong}"), forger.with_header(&with(forger, "alg", Some(wrong.clone())))));
    }
    vectors.push(("no alg".to_owned(), forger.with_header(&with(forger, "alg", None))));
    // The public key taken for a shared secret, in every form in which one could.
    let public = forger.public();
    let x = encode(public);
    let hex = public.map(|byte| format!("{byte:02x}")).concat();
    let der = [&decode("MCowBQYDK2VwAyEA")[..], &public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", encode(&der));
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    let secrets: [&[u8]; 8] =
        [&public, x.as_bytes(), hex.as_bytes(), &der, pem.as_bytes(), jwk.as_bytes(), b"", b"secret"];
    for (number, secret) in secrets.into_iter().enumerate() {
        for header in [with(forger, "alg", Some(json!("HS256"))), forger.header().to_string()] {
            let signed = format!("{}.{payload}", encode(header));
            let token = format!("{signed}.{}", hmac(secret, &signed));
            vectors.push((format!("HMAC by the public key, {number}"), token));
        }
        let signed = format!("{}.{payload}", forger.parts()[0]);
        vectors.push((
            format!("HMAC under the genuine header, {number}"),
            format!("{signed}.{}", hmac(secret, &signed)),
        ));
    }
    vectors
}

fn types(forger: &Forger) -> Vectors {
    let types = [
        "JWT",
        "jwt",
        "at+jwt",
        "id+jwt",
        "logout+jwt",
        "secevent+jwt",
        "JOSE",
        "KS-SESSION+JWT",
        "ks-session+jwt ",
        "application/ks-session+jwt",
        "ks-session",
        "",
    ];
    let types = types.map(|name| json!(name)).into_iter();
    let wrong = [json!(null), json!(["ks-session+jwt"]), json!({}), json!(1)];
    let set = types.chain(wrong).map(|value| (format!("typ {value}"), with(forger, "typ", Some(value))));
    let vectors = set.chain([("no typ".to_owned(), with(forger, "typ", None))]);
    vectors.map(|(what, header)| (what, forger.with_header(&header))).collect()
}

/// Names of keys: another's, nobody's, and what other software made paths and statements of.
fn key_ids(forger: &Forger, published: &Value) -> Vectors {
    let genuine = forger.header()["kid"].as_str().unwrap().to_owned();
    let other = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] != *genuine);
    let other = other.expect("the next key")["kid"].clone();
    let mut values = vec![other, json!(null), json!([genuine]), json!({ "kid": genuine }), json!(0)];
    values.extend(
        [
            "",
            " ",
            "0",
            "unknown",
            "../../../../dev/null",
            "/dev/null",
            "file:///dev/null",
            "session-signing.keys",
            "https://evil.example/jwks.json",
            "' OR '1'='1",
            "x' UNION SELECT 'secret",
            "| true",
            "current",
            "next",
            &genuine.to_uppercase(),
            &genuine[1..],
            &format!("{genuine}="),
            &format!("{genuine} "),
            &format!("{genuine}\u{0}"),
            &genuine.repeat(100),
        ]
        .map(|name| json!(name)),
    );
    let set = values.into_iter().map(|value| (format!("kid {value}"), with(forger, "kid", Some(value))));
    let headers = set.chain([("no kid".to_owned(), with(forger, "kid", None))]);
    headers.map(|(what, header)| (what, forger.with_header(&header))).collect()
}

/// Members that bring a key along, or change what is signed; by the server's key, and by the one that is brought along.
fn brought_along(forger: &Forger) -> Vectors {
    let own: SigningKey = other_key();
    let x = encode(own.verifying_key().as_bytes());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig", "kid": "evil" });
    let members = [
        ("jwk", jwk.clone()),
        ("jwk", json!({ "kty": "oct", "k": "" })),
        ("jku", json!("https://evil.example/jwks.json")),
        ("jku", json!("http://127.0.0.1:1/jwks.json")),
        ("x5u", json!("https://evil.example/x.pem")),
        ("x5c", json!([encode("MIIB")])),
        ("x5t", json!(encode([0; 20]))),
        ("x5t#S256", json!(encode([0; 32]))),
        ("crit", json!(["b64"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("cty", json!("JWT")),
        ("enc", json!("A128GCM")),
        ("zip", json!("DEF")),
        ("epk", jwk),
        ("iss", json!("http://keystead.test")),
        ("url", json!("https://evil.example")),
        ("nonce", json!("n")),
        ("x", json!(null)),
        ("Alg", json!("none")),
    ];
    let mut vectors = Vectors::new();
    for (member, value) in members {
        let header = with(forger, member, Some(value.clone()));
        vectors.push((format!("{member} {value}"), forger.with_header(&header)));
        let header = encode(&header);
        vectors.push((format!("{member} {value}, own key"), sign(&own, &header, forger.parts()[1])));
    }
    vectors.push(("own key".to_owned(), sign(&own, forger.parts()[0], forger.parts()[1])));
    vectors
}

/// The same header, written differently: a token has one spelling.
fn spellings(forger: &Forger) -> Vectors {
    let kid = forger.header()["kid"].as_str().unwrap().to_owned();
    let written = [
        format!(r#"{{"alg":"EdDSA","typ":"ks-session+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"kid":"{kid}","alg":"EdDSA","typ":"ks-session+jwt"}}"#),
        format!(r#"{{ "typ":"ks-session+jwt","alg":"EdDSA","kid":"{kid}" }}"#),
        format!("{{\"typ\":\"ks-session+jwt\",\"alg\":\"EdDSA\",\"kid\":\"{kid}\"}}\n"),
        format!("\u{feff}{{\"typ\":\"ks-session+jwt\",\"alg\":\"EdDSA\",\"kid\":\"{kid}\"}}"),
        format!(r#"{{"typ":"ks-session+jwt","alg":"EdDS\u0041","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"ks-session+jwt","alg":"none","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"ks-session+jwt","alg":"EdDSA","alg":"none","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"ks-session+jwt","alg":"EdDSA","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"[{{"typ":"ks-session+jwt","alg":"EdDSA","kid":"{kid}"}}]"#),
        "{}".to_owned(),
        "null".to_owned(),
        "\"\"".to_owned(),
        String::new(),
        "[".repeat(2_000),
    ];
    let written =
        written.into_iter().map(|header| (format!("header {header:.80}"), forger.with_header(&header)));
    written.collect()
}

#[tokio::test]
async fn no_header_but_our_own_is_accepted_whoever_signed_it() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    let published: Value =
        product.server.get("/.well-known/jwks.json").send().await.unwrap().json().await.unwrap();
    // What `with` makes of nothing that changes is the genuine one: each vector differs in what it names.
    let same = with(&forger, "alg", Some(json!("EdDSA")));
    assert_eq!(encode(&same), forger.parts()[0]);
    let vectors = [
        algorithms(&forger),
        types(&forger),
        key_ids(&forger, &published),
        brought_along(&forger),
        spellings(&forger),
    ]
    .concat();
    assert!(vectors.len() >= 180, "{}", vectors.len());
    assert_refused(&product, vectors.iter().map(|(what, token)| (what.as_str(), token.as_str()))).await;
    assert_eq!(product.server.verify(&forger.genuine).await.status(), 200);
}
