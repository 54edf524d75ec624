//! Threats: a claim of the wrong JSON type that is taken for an absent one, missing claims, other audiences, tampered bits. All
//! but the last are signed by the server's own key.

use jiff::SignedDuration;
use keystead_tests::TestServer;
use serde_json::{Value, json};

use super::forger::{Forger, assert_refused, decode, encode, other_key, sign};
use super::{Product, counts, deployment};

type Vectors = Vec<(String, String)>;

const CLAIMS: [&str; 11] = [
    "iss",
    "aud",
    "sub",
    "exp",
    "iat",
    "jti",
    "organization_id",
    "impersonated_user_id",
    "act",
    "session_epoch",
    "attributes",
];

/// Claims as text, with one of them as it is given: also as what no JSON library would write.
fn with_raw(claims: &Value, name: &str, raw: &[&str]) -> String {
    let others = claims.as_object().unwrap().iter().filter(|(other, _)| *other != name);
    let others = others.map(|(name, value)| format!("{}:{value}", json!(name)));
    let own = raw.iter().map(|raw| format!("\"{name}\":{raw}"));
    format!("{{{}}}", others.chain(own).collect::<Vec<_>>().join(","))
}

/// Of each claim: no value of another type, none that is near, none at all, and no two.
fn types(forger: &Forger) -> Vectors {
    let claims = forger.claims();
    let mut vectors = Vectors::new();
    for name in CLAIMS {
        let value = claims[name].to_string();
        let text = format!("\"{}\"", claims[name].to_string().trim_matches('"').replace('"', ""));
        let wrong = [
            "null",
            "true",
            "[]",
            "[[]]",
            "\"\"",
            "\"x\"",
            "-1",
            "1.5",
            "1e308",
            "1e999",
            "18446744073709551616",
            "{\"a\":1}",
            "\"00000000-0000-0000-0000-000000000000\"",
            &format!("[{value}]"),
            &format!("{{\"value\":{value}}}"),
        ];
        for raw in wrong {
            // A session may have any id.
            if name == "jti" && raw.contains("0000-") {
                continue;
            }
            vectors.push((format!("{name}: {raw}"), forger.with_payload(&with_raw(&claims, name, &[raw]))));
        }
        if text != value {
            vectors
                .push((format!("{name}: {text}"), forger.with_payload(&with_raw(&claims, name, &[&text]))));
        }
        if claims[name].is_number() {
            let float = format!("{value}.0");
            vectors
                .push((format!("{name}: {float}"), forger.with_payload(&with_raw(&claims, name, &[&float]))));
        }
        vectors.push((format!("no {name}"), forger.with_payload(&with_raw(&claims, name, &[]))));
        for twice in [[value.as_str(), &value], ["null", &value], [&value, "null"]] {
            let payload = with_raw(&claims, name, &twice);
            vectors.push((format!("{name} twice: {twice:?}"), forger.with_payload(&payload)));
        }
    }
    vectors
}

/// Values of the right type that are not what they have to be.
fn values(forger: &Forger, product: &Product) -> Vectors {
    let claims = forger.claims();
    let (ada, eve) = (&product.ada.id, &product.eve.id);
    let elsewhere =
        product.server.app.directory().user(eve.parse().unwrap()).unwrap().organization.to_string();
    let now = product.server.now().as_second();
    let act = |sub: &str, key: &str| json!({ "sub": sub, "key_id": key });
    let other_ids = [ada.clone(), eve.clone(), product.key.id.clone()];
    let mut changes = vec![
        ("iss", json!("http://keystead.test/")),
        ("iss", json!("https://keystead.test")),
        ("iss", json!("http://KEYSTEAD.test")),
        ("iss", json!("http://evil.example")),
        ("iss", json!(product.server.url)),
        ("aud", json!("http://keystead.test/")),
        ("aud", json!("http://evil.example")),
        ("aud", json!("keystead")),
        ("aud", json!(["http://keystead.test", "http://evil.example"])),
        ("organization_id", json!(elsewhere)),
        ("exp", json!(now - 60)),
        ("exp", json!(now - 600)),
        ("exp", json!(0)),
        ("exp", json!(i64::MIN)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(253_402_300_800_i64)),
        ("iat", json!(now + 61)),
        ("iat", json!(now + 600)),
        ("iat", json!(i64::MAX)),
        ("iat", json!(i64::MIN)),
        ("session_epoch", json!(1)),
        ("session_epoch", json!(u32::MAX)),
        ("session_epoch", json!(u64::MAX)),
        ("act", act(eve, &product.key.id)),
        ("act", act(&product.mia.id, &product.key.id)),
        ("act", act(ada, ada)),
        ("act", json!({ "sub": ada })),
        ("act", json!({ "key_id": product.key.id })),
        ("act", json!({ "sub": ada, "key_id": product.key.id, "act": { "sub": eve } })),
        ("act", json!({ "sub": ada, "key_id": product.key.id, "x": 1 })),
        ("attributes", json!({ "a": null })),
        ("attributes", json!({ "a": ["b"] })),
        ("attributes", json!([["a", "b"]])),
    ];
    for id in &other_ids {
        changes.push(("sub", json!(id)));
        changes.push(("impersonated_user_id", json!(id)));
    }
    let mut vectors: Vectors = changes
        .into_iter()
        .map(|(name, value)| {
            let payload = with_raw(&claims, name, &[&value.to_string()]);
            (format!("{name}: {value}"), forger.with_payload(&payload))
        })
        .collect();
    // Whole, and of another organization than the key.
    let mut of_eve = claims.clone();
    for name in ["sub", "impersonated_user_id"] {
        of_eve[name] = json!(eve);
    }
    vectors.push(("another organization's user".to_owned(), forger.with_payload(&of_eve.to_string())));
    of_eve["organization_id"] = json!(elsewhere);
    vectors.push(("another organization".to_owned(), forger.with_payload(&of_eve.to_string())));
    vectors
}

/// Claims that there are none of.
fn extra(forger: &Forger) -> Vectors {
    let names = [
        "nbf",
        "scope",
        "scp",
        "permissions",
        "roles",
        "role",
        "groups",
        "admin",
        "azp",
        "client_id",
        "cnf",
        "may_act",
        "nonce",
        "auth_time",
        "email",
        "email_verified",
        "kid",
        "alg",
        "typ",
        "jwk",
        "Exp",
        "ISS",
        "exp ",
        "",
    ];
    let mut vectors = Vectors::new();
    for name in names {
        for value in [json!("x"), json!(0), json!(null)] {
            let mut claims = forger.claims();
            claims[name] = value.clone();
            vectors.push((format!("with {name} {value}"), forger.with_payload(&claims.to_string())));
        }
    }
    vectors
}

/// What is no object of claims at all.
fn payloads(forger: &Forger) -> Vectors {
    let claims = forger.claims().to_string();
    let texts = [
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        format!("[{claims}]"),
        json!(claims).to_string(),
        format!("{claims}{claims}"),
        format!("{claims},"),
        format!("{claims}\u{0}"),
        format!("\u{feff}{claims}"),
        claims[..claims.len() - 1].to_owned(),
        claims.replace('"', "'"),
        "[".repeat(6_000),
        format!("{{\"a\":{}", "{\"a\":".repeat(1_000)),
    ];
    let mut vectors: Vectors =
        texts.iter().map(|text| (format!("payload {text:.60}"), forger.with_payload(text))).collect();
    // An id token, an access token, and another's session, by a key of their own.
    let others = [
        json!({ "iss": "https://accounts.example", "aud": "client", "sub": "1", "exp": 4_102_444_800_i64, "iat": 0 }),
        json!({ "iss": super::PUBLIC_URL, "aud": super::PUBLIC_URL, "sub": "1", "exp": 4_102_444_800_i64, "iat": 0 }),
        forger.claims(),
    ];
    for claims in others {
        let payload = encode(claims.to_string());
        let id_token = encode(json!({ "typ": "JWT", "alg": "EdDSA", "kid": "1" }).to_string());
        for header in [id_token.as_str(), forger.parts()[0]] {
            vectors.push((format!("foreign {claims}"), sign(&other_key(), header, &payload)));
        }
    }
    vectors
}

#[tokio::test]
async fn no_claims_but_the_ones_that_there_are_in_the_types_that_they_have_are_accepted() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    let same = with_raw(&forger.claims(), "exp", &[&forger.claims()["exp"].to_string()]);
    assert_eq!(
        product.server.verify(&forger.with_payload(&same)).await.status(),
        200,
        "what it makes counts"
    );
    let vectors = [types(&forger), values(&forger, &product), extra(&forger), payloads(&forger)].concat();
    assert!(vectors.len() >= 300, "{}", vectors.len());
    assert_refused(&product, vectors.iter().map(|(what, token)| (what.as_str(), token.as_str()))).await;
    assert_eq!(product.server.verify(&forger.genuine).await.status(), 200);
}

/// Every bit, every cut, every other spelling of the same bytes.
#[tokio::test]
async fn no_cut_changed_or_respelled_token_of_a_session_is_accepted() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    let (server, genuine) = (&product.server, &forger.genuine);
    let mut mutants: Vec<String> = (0..genuine.len()).map(|end| genuine[..end].to_owned()).collect();
    for at in 0..genuine.len() {
        for bit in 0..7 {
            let mut bytes = genuine.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            mutants.push(String::from_utf8(bytes).unwrap());
        }
        mutants.push(format!("{}{}", &genuine[..at], &genuine[at + 1..]));
    }
    let parts = forger.parts();
    for (at, part) in parts.iter().enumerate() {
        let spelled = |spelling: String| {
            let mut parts = parts.map(str::to_owned);
            parts[at] = spelling;
            parts.join(".")
        };
        for tail in ["=", "==", "A", "AA", "AAAA", "\n", "\r\n", " ", "%3D", "\u{0}", "\t", "é"] {
            mutants.push(spelled(format!("{part}{tail}")));
            mutants.push(spelled(format!("{tail}{part}")));
            mutants.push(spelled(format!("{}{tail}{}", &part[..8], &part[8..])));
        }
        if part.contains(['-', '_']) {
            mutants.push(spelled(part.replace('-', "+").replace('_', "/")));
        }
        let bits = spelled(stray_bits(part));
        if bits != *genuine {
            mutants.push(bits);
        }
    }
    // The bits of the claims and of the signature by themselves, encoded again.
    for part in [1, 2] {
        let bytes = decode(parts[part]);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let mut parts = parts.map(str::to_owned);
            parts[part] = encode(changed);
            mutants.push(parts.join("."));
        }
    }
    mutants.push(format!("{}.{}.{}", parts[0], parts[1], encode(malleated(&decode(parts[2])))));
    assert!(mutants.len() > 5_000, "{}", mutants.len());
    let now = server.now();
    for mutant in &mutants {
        assert!(server.app.verify_session(mutant, now).is_err(), "{mutant}");
    }
    let some = mutants.iter().step_by(97).map(|mutant| (mutant.as_str(), mutant.as_str()));
    assert_refused(&product, some).await;
    assert!(server.app.verify_session(genuine, now).is_ok());
}

/// The last character of a part whose bytes do not fill it, with the bits set that nobody reads.
fn stray_bits(part: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = ALPHABET.find(part.chars().next_back().unwrap()).unwrap();
    let unused = match part.len() % 4 {
        2 => 0b1111,
        3 => 0b11,
        _ => 0,
    };
    format!("{}{}", &part[..part.len() - 1], &ALPHABET[last | unused..=last | unused])
}

/// The signature with the order of the group added to its number: the same to whoever does not look closely (RFC 8032, section
/// 5.1.7).
fn malleated(signature: &[u8]) -> Vec<u8> {
    let mut order = decode("7dP1XBpjEljWnPei3vneFA");
    order.resize(32, 0);
    order[31] = 0x10;
    let mut changed = signature.to_vec();
    let mut carry = 0;
    for (byte, order) in changed[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        let [low, high] = sum.to_le_bytes();
        (*byte, carry) = (low, u16::from(high));
    }
    changed
}

/// The tokens of another deployment, and of this one after its keys were replaced.
#[tokio::test]
async fn a_session_of_another_deployment_is_none() {
    let product = Product::start().await;
    let other = Product::start().await;
    let foreign = other.session().await;
    assert_eq!(counts(&other.server, &foreign, &other.key).await, [true; 4]);
    assert_refused(&product, [("another deployment's", foreign.as_str())]).await;
    // Whoever gets hold of one deployment's keys makes no sessions of another's.
    let server = TestServer::start_at("http://elsewhere.test", deployment()).await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.impersonation_key(&ada, "embedding").await;
    let token = server.mint(&key, &ada.email).await;
    assert_eq!(counts(&server, &token, &key).await, [true; 4]);
    assert_refused(&product, [("of another address", token.as_str())]).await;
}

/// 60 s between two clocks are tolerated, 10 min are not.
#[tokio::test]
async fn clocks_may_be_a_minute_apart_and_no_more() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    let now = product.server.now().as_second();
    let at = |iat: i64, exp: i64| {
        let mut claims = forger.claims();
        claims["iat"] = json!(iat);
        claims["exp"] = json!(exp);
        forger.with_payload(&claims.to_string())
    };
    for (what, token, expected) in [
        ("made 60 s from now", at(now + 60, now + 3_600), true),
        ("made 61 s from now", at(now + 61, now + 3_600), false),
        ("made 10 min from now", at(now + 600, now + 3_600), false),
        ("over since 59 s", at(now - 3_600, now - 59), true),
        ("over since 60 s", at(now - 3_600, now - 60), false),
        ("over since 10 min", at(now - 3_600, now - 600), false),
    ] {
        assert_eq!(counts(&product.server, &token, &product.key).await, [expected; 4], "{what}");
    }
    // The same by a clock that goes on.
    product.server.advance(SignedDuration::from_secs(3_600 + 59));
    assert_eq!(counts(&product.server, &forger.genuine, &product.key).await, [true; 4]);
    product.server.advance(SignedDuration::from_secs(1));
    assert_eq!(counts(&product.server, &forger.genuine, &product.key).await, [false; 4]);
}

/// Whoever holds a session that ran out is told so, and when; of all else, nothing.
#[tokio::test]
async fn a_session_that_ran_out_is_told_when_and_what_was_ended_looks_like_junk() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    let server = &product.server;
    let challenge = async |token: &str| {
        server.verify(token).await.headers()["www-authenticate"].to_str().unwrap().to_owned()
    };
    let ended = server.impersonation_key(&product.ada, "ended").await;
    let dead = server.mint(&ended, &product.mia.email).await;
    server.revoke(&ended).await;
    let junk = challenge("a.b.c").await;
    assert_eq!(challenge(&dead).await, junk);
    let unsigned = format!("{}.{}.", forger.parts()[0], forger.parts()[1]);
    server.advance(SignedDuration::from_hours(2));
    assert!(challenge(&forger.genuine).await.contains("expired at 2026-11-23T11:00:00Z"));
    for other in [unsigned.as_str(), &format!("{}A", forger.genuine)] {
        assert_eq!(challenge(other).await, junk, "nobody learns from a token that is not signed");
    }
}
