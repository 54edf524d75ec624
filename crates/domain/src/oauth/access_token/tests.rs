use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{ActingParty, KeyId, OrganizationId, SessionClaims, SessionId};

const URL: &str = "https://keys.example.com";
const RESOURCE: &str = "https://keys.example.com/mcp";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn ring() -> SigningRing {
    SigningRing::new([[1; 32], [2; 32]], at(0))
}

fn issuer() -> Issuer {
    Issuer { url: URL.to_owned() }
}

/// What a token says that was made at [`at`]`(0)`.
fn claims() -> AccessClaims {
    let named = (ConnectionId::from_u128(3), UserId::from_u128(2), "client-1".to_owned());
    AccessClaims::new(&issuer(), AccessTokenId::from_u128(7), named, at(0))
}

fn verify(token: &str, now: Timestamp) -> Option<AccessClaims> {
    AccessClaims::verify(token, &ring(), &issuer(), now)
}

/// A token whose parts are as given, signed by a key.
fn signed(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = BASE64.encode(key.sign(text.as_bytes()).to_bytes());
    format!("{text}.{signature}")
}

/// A token by the ring's own key, with a header as it should be, that says anything.
fn saying(payload: &[u8]) -> String {
    ring().sign_payload(TokenKind::Access, payload)
}

fn header() -> String {
    let token = claims().sign(&ring());
    String::from_utf8(BASE64.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// By the same ring, for the same deployment, the same user, at the same time.
fn session() -> SessionClaims {
    SessionClaims {
        iss: URL.to_owned(),
        aud: URL.to_owned(),
        sub: UserId::from_u128(2),
        exp: at(900).as_second(),
        iat: at(0).as_second(),
        jti: SessionId::from_u128(7),
        organization_id: OrganizationId::from_u128(1),
        impersonated_user_id: UserId::from_u128(2),
        act: ActingParty { sub: UserId::from_u128(1), key_id: KeyId::from_u128(100) },
        session_epoch: 0,
        attributes: BTreeMap::new(),
    }
}

#[test]
fn a_token_says_what_was_signed_in_the_words_of_the_standard() {
    let token = claims().sign(&ring());
    assert_eq!(verify(&token, at(0)), Some(claims()));
    let payload = BASE64.decode(token.split('.').nth(1).unwrap()).unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&payload).unwrap(),
        json!({
            "iss": URL, "aud": RESOURCE, "exp": 1_790_000_900, "iat": 1_790_000_000,
            "sub": "00000000-0000-0000-0000-000000000002",
            "client_id": "client-1",
            "jti": "00000000-0000-0000-0000-000000000007",
            "scope": "mcp",
            "connection_id": "00000000-0000-0000-0000-000000000003",
        })
    );
    let id = &ring().list()[0].id;
    // RFC 9068, section 2.1.
    assert_eq!(header(), format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{id}"}}"#));
}

#[test]
fn a_session_token_is_no_access_token_and_an_access_token_no_session_token() {
    let (access, other) = (claims().sign(&ring()), session().sign(&ring()));
    let as_session = |token: &str| SessionClaims::verify(token, &ring(), URL, at(0));
    assert!(as_session(&other).is_ok() && verify(&access, at(0)).is_some(), "each counts as what it is");
    assert_eq!(verify(&other, at(0)), None);
    assert!(as_session(&access).is_err());
    // Nor does it help to say what the other says: the header tells which it is.
    let says_access = ring().sign_payload(TokenKind::Session, &serde_json::to_vec(&claims()).unwrap());
    let says_session = saying(&serde_json::to_vec(&session()).unwrap());
    assert_eq!((verify(&says_access, at(0)), verify(&says_session, at(0))), (None, None));
    assert!(as_session(&says_access).is_err() && as_session(&says_session).is_err());
}

#[test]
fn a_header_that_is_not_ours_byte_for_byte_is_refused_whoever_signed() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let ids: Vec<String> = ring().list().into_iter().map(|key| key.id).collect();
    let (id, next) = (&*ids[0], &*ids[1]);
    let payload = serde_json::to_vec(&claims()).unwrap();
    let ours = header();
    assert!(verify(&signed(&key, &ours, &payload), at(0)).is_some(), "the test signs as the ring does");
    for header in [
        ours.replace("EdDSA", "none"),
        ours.replace("EdDSA", "HS256"),
        ours.replace("EdDSA", "Ed25519"),
        ours.replace("EdDSA", "ES256"),
        ours.replace("at+jwt", "JWT"),
        ours.replace("at+jwt", "application/at+jwt"),
        ours.replace("at+jwt", "ks-session+jwt"),
        ours.replace("at+jwt", "AT+JWT"),
        ours.replace(r#""typ":"at+jwt","#, ""),
        ours.replace(id, next),
        ours.replace(id, "../../session-signing.keys"),
        ours.replace(id, "' OR 1=1 --"),
        ours.replace(id, ""),
        ours.replace(&format!(r#","kid":"{id}""#), ""),
        ours.replace('}', r#","crit":["b64"],"b64":false}"#),
        ours.replace('}', r#","jku":"https://attacker.example/jwks.json"}"#),
        ours.replace(
            '}',
            r#","jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#,
        ),
        ours.replace('}', r#","cty":"JWT"}"#),
        ours.replace(',', ", "),
        format!("{ours} "),
        format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{id}"}}"#),
        "{}".to_owned(),
        String::new(),
    ] {
        assert_eq!(verify(&signed(&key, &header, &payload), at(0)), None, "{header}");
    }
}

#[test]
fn a_signature_by_any_other_key_is_refused_and_ours_has_one_spelling() {
    let payload = serde_json::to_vec(&claims()).unwrap();
    for seed in [[2; 32], [3; 32], [0; 32]] {
        assert_eq!(verify(&signed(&SigningKey::from_bytes(&seed), &header(), &payload), at(0)), None);
    }
    let token = claims().sign(&ring());
    let (text, signature) = token.rsplit_once('.').unwrap();
    let identity = BASE64.encode([&[1_u8][..], &[0; 63]].concat());
    for other in [
        format!("{text}.{identity}"),
        format!("{text}."),
        text.to_owned(),
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{token}."),
        format!("{text}.{signature}{signature}"),
    ] {
        assert_eq!(verify(&other, at(0)), None, "{other:?}");
    }
}

#[test]
fn every_claim_is_needed_in_its_own_type_and_no_other_may_be_there() {
    let good = serde_json::to_value(claims()).unwrap();
    let refused = |value: &serde_json::Value, what: &str| {
        assert_eq!(verify(&saying(&serde_json::to_vec(value).unwrap()), at(0)), None, "{what}");
    };
    assert!(verify(&saying(&serde_json::to_vec(&good).unwrap()), at(0)).is_some());
    let names: Vec<&String> = good.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 9);
    for name in names {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(name);
        refused(&without, name);
        for other in [
            json!(null),
            json!(true),
            json!([good[name]]),
            json!({ "0": good[name] }),
            json!(1.5),
            // Any text is the id of a client; what the token is for and whose it is, is not any text.
            json!(if name == "client_id" { json!(7) } else { json!(good[name].to_string()) }),
        ] {
            let mut changed = good.clone();
            changed[name] = other;
            refused(&changed, &format!("{name} = {}", changed[name]));
        }
    }
    for (name, value) in [
        ("iss", json!("https://keys.example.com/")),
        ("iss", json!("https://other.example.com")),
        ("iss", json!(RESOURCE)),
        ("aud", json!(URL)),
        ("aud", json!("https://keys.example.com/mcp/")),
        ("aud", json!("https://keys.example.com/graphql")),
        ("aud", json!("https://other.example.com/mcp")),
        ("aud", json!([RESOURCE, "https://other.example.com/mcp"])),
        ("scope", json!("")),
        ("scope", json!("mcp admin")),
        ("scope", json!("openid")),
        ("exp", json!(at(901).as_second())),
        ("exp", json!(at(0).as_second())),
        ("exp", json!(at(-1).as_second())),
        ("exp", json!(1e300)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(at(-1).as_second())),
        ("nbf", json!(0)),
        ("organization_id", json!("00000000-0000-0000-0000-000000000001")),
        ("cnf", json!({})),
    ] {
        let mut changed = good.clone();
        changed[name] = value;
        refused(&changed, &format!("{name} = {}", changed[name]));
    }
    for text in ["", "null", "[]", "\"x\"", "{}", "not json"] {
        assert_eq!(verify(&saying(text.as_bytes()), at(0)), None, "{text}");
    }
    let text = good.to_string();
    for name in ["exp", "aud", "connection_id", "sub"] {
        let again = format!("{{\"{name}\":{},", good[name]);
        assert_eq!(verify(&saying(text.replacen('{', &again, 1).as_bytes()), at(0)), None, "two of {name}");
    }
    assert_eq!(verify(&saying(format!("{text}{text}").as_bytes()), at(0)), None);
}

#[test]
fn a_token_of_another_deployment_is_none_here_though_the_same_key_signed_it() {
    for other in
        ["https://other.example.com", "https://keys.example.com.evil.example", "http://keys.example.com"]
    {
        let elsewhere = Issuer { url: other.to_owned() };
        let named = (ConnectionId::from_u128(3), UserId::from_u128(2), "client-1".to_owned());
        let token = AccessClaims::new(&elsewhere, AccessTokenId::from_u128(7), named, at(0)).sign(&ring());
        assert_eq!(verify(&token, at(0)), None, "{other}");
        assert!(AccessClaims::verify(&token, &ring(), &elsewhere, at(0)).is_some());
    }
}

#[test]
fn it_lasts_a_quarter_of_an_hour_and_a_clock_may_be_60_seconds_off() {
    let token = claims().sign(&ring());
    let nanosecond = SignedDuration::from_nanos(1);
    for now in [at(0), at(-60), at(899), at(900), at(959), at(960) - nanosecond] {
        assert!(verify(&token, now).is_some(), "{now}");
    }
    for now in [at(960), at(961), at(90_000), Timestamp::MAX] {
        assert_eq!(verify(&token, now), None, "{now}");
    }
    for now in [at(-60) - nanosecond, at(-61), at(-600), Timestamp::MIN] {
        assert_eq!(verify(&token, now), None, "{now}: from the future");
    }
}

#[test]
fn what_is_longer_than_any_token_is_not_looked_at() {
    let long = AccessClaims { client_id: "x".repeat(16 * 1024), ..claims() }.sign(&ring());
    assert_eq!(verify(&long, at(0)), None);
    for text in ["", ".", "..", "...", "a.b.c", "ks_not_an_access_token", &".".repeat(20_000)] {
        assert_eq!(verify(text, at(0)), None);
    }
}

proptest! {
    #[test]
    fn every_mutation_of_a_token_is_refused(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        kind in 0..4,
        second in -60_i64..960,
    ) {
        let token = claims().sign(&ring());
        let mut bytes = token.clone().into_bytes();
        let place = place.index(bytes.len());
        match kind {
            0 => bytes[place] = byte,
            1 => bytes.insert(place, byte),
            2 => _ = bytes.remove(place),
            _ => bytes.truncate(place),
        }
        if let Ok(text) = String::from_utf8(bytes) && text != token {
            prop_assert_eq!(verify(&text, at(second)), None);
        }
    }

    #[test]
    fn anything_that_can_be_said_is_read_back_as_it_was(ids in any::<[u128; 3]>(), client in ".{1,512}") {
        let named = (ConnectionId::from_u128(ids[0]), UserId::from_u128(ids[1]), client);
        let claims = AccessClaims::new(&issuer(), AccessTokenId::from_u128(ids[2]), named, at(0));
        prop_assert_eq!(verify(&claims.sign(&ring()), at(0)), Some(claims));
    }
}
