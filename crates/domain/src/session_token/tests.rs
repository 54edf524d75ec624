use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use super::*;

const ISSUER: &str = "https://keys.example.com";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn ring() -> SigningRing {
    SigningRing::new([[1; 32], [2; 32]], at(0))
}

/// What a token says that was made at [`at`]`(0)` and lasts an hour.
fn claims() -> SessionClaims {
    SessionClaims {
        iss: ISSUER.to_owned(),
        aud: ISSUER.to_owned(),
        sub: UserId::from_u128(2),
        exp: at(3_600).as_second(),
        iat: at(0).as_second(),
        jti: SessionId::from_u128(7),
        organization_id: OrganizationId::from_u128(1),
        impersonated_user_id: UserId::from_u128(2),
        act: ActingParty { sub: UserId::from_u128(1), key_id: KeyId::from_u128(100) },
        session_epoch: 3,
        attributes: BTreeMap::from([("plan".to_owned(), "pro".to_owned())]),
    }
}

fn verify(token: &str, now: Timestamp) -> Result<SessionClaims, BadSessionToken> {
    SessionClaims::verify(token, &ring(), ISSUER, now)
}

/// A token whose parts are as given, signed by a key.
fn signed(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = BASE64.encode(key.sign(text.as_bytes()).to_bytes());
    format!("{text}.{signature}")
}

/// A token by the ring's own key, with a header as it should be, that says anything.
fn saying(payload: &[u8]) -> String {
    ring().sign_payload(TokenKind::Session, payload)
}

fn header() -> String {
    let token = claims().sign(&ring());
    String::from_utf8(BASE64.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

#[test]
fn a_token_says_what_was_signed() {
    let token = claims().sign(&ring());
    assert_eq!(verify(&token, at(0)), Ok(claims()));
    assert_eq!(verify(&token, at(0)).unwrap().expires_at(), at(3_600));
}

/// The key of RFC 8037, appendix A.1, its public half (A.2) and its thumbprint (A.3).
#[test]
fn the_keys_names_headers_and_signatures_are_those_of_the_standards() {
    let seed: [u8; 32] =
        BASE64.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap().try_into().unwrap();
    let ring = SigningRing::new([seed, [2; 32]], at(0));
    assert_eq!(ring.list()[0].id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(
        ring.jwks()["keys"][0],
        serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        })
    );
    let token = claims().sign(&ring);
    let mut parts = token.split('.').map(|part| BASE64.decode(part).unwrap());
    let [header, payload, signature] = std::array::from_fn(|_| parts.next().unwrap());
    assert_eq!(
        String::from_utf8(header).unwrap(),
        r#"{"typ":"ks-session+jwt","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#
    );
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&payload).unwrap(),
        serde_json::json!({
            "iss": ISSUER, "aud": ISSUER, "exp": 1_790_003_600, "iat": 1_790_000_000,
            "sub": "00000000-0000-0000-0000-000000000002",
            "jti": "00000000-0000-0000-0000-000000000007",
            "organization_id": "00000000-0000-0000-0000-000000000001",
            "impersonated_user_id": "00000000-0000-0000-0000-000000000002",
            "act": {
                "sub": "00000000-0000-0000-0000-000000000001",
                "key_id": "00000000-0000-0000-0000-000000000064",
            },
            "session_epoch": 3,
            "attributes": { "plan": "pro" },
        })
    );
    let signed = token.rsplit_once('.').unwrap().0;
    let public = SigningKey::from_bytes(&seed).verifying_key();
    let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    assert!(public.verify_strict(signed.as_bytes(), &signature).is_ok());
    // RFC 8037, appendix A.4, is the one signature that the standard has of this key.
    let signature =
        SigningKey::from_bytes(&seed).sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    assert_eq!(
        BASE64.encode(signature.to_bytes()),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn a_header_that_is_not_ours_byte_for_byte_is_refused_whoever_signed() {
    let (key, ring) = (SigningKey::from_bytes(&[1; 32]), ring());
    let ids: Vec<String> = ring.list().into_iter().map(|key| key.id).collect();
    let (id, next) = (&*ids[0], &*ids[1]);
    let payload = serde_json::to_vec(&claims()).unwrap();
    assert!(verify(&signed(&key, &header(), &payload), at(0)).is_ok(), "the test signs as the ring does");
    let ours = format!(r#"{{"typ":"ks-session+jwt","alg":"EdDSA","kid":"{id}"}}"#);
    assert_eq!(header(), ours);
    for header in [
        ours.replace("EdDSA", "none"),
        ours.replace("EdDSA", "HS256"),
        ours.replace("EdDSA", "Ed25519"),
        ours.replace("EdDSA", "ES256"),
        ours.replace("ks-session+jwt", "JWT"),
        ours.replace("ks-session+jwt", "at+jwt"),
        ours.replace("ks-session+jwt", "KS-SESSION+JWT"),
        ours.replace(r#""typ":"ks-session+jwt","#, ""),
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
        format!(r#"{{"alg":"EdDSA","typ":"ks-session+jwt","kid":"{id}"}}"#),
        "{}".to_owned(),
        String::new(),
    ] {
        assert_eq!(
            verify(&signed(&key, &header, &payload), at(0)),
            Err(BadSessionToken::Invalid),
            "{header}"
        );
    }
}

#[test]
fn a_signature_by_any_other_key_is_refused() {
    let payload = serde_json::to_vec(&claims()).unwrap();
    for seed in [[2; 32], [3; 32], [0; 32]] {
        let token = signed(&SigningKey::from_bytes(&seed), &header(), &payload);
        assert_eq!(verify(&token, at(0)), Err(BadSessionToken::Invalid));
    }
    // A signature that fits every text for a public key of small order is none for ours.
    let mut token = signed(&SigningKey::from_bytes(&[1; 32]), &header(), &payload);
    token.truncate(token.rfind('.').unwrap() + 1);
    let identity = BASE64.encode([&[1_u8][..], &[0; 63]].concat());
    assert_eq!(verify(&format!("{token}{identity}"), at(0)), Err(BadSessionToken::Invalid));
    assert_eq!(verify(&token, at(0)), Err(BadSessionToken::Invalid), "no signature at all");
    assert_eq!(verify(token.trim_end_matches('.'), at(0)), Err(BadSessionToken::Invalid));
}

/// `[l]S` with `S + l` in place of `S` says the same to a verifier that does not look: a second spelling of one token.
#[test]
fn a_signature_has_one_spelling() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let token = claims().sign(&ring());
    let (text, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = BASE64.decode(signature).unwrap();
    let mut carry = 0;
    for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    let malleable = format!("{text}.{}", BASE64.encode(bytes));
    assert_eq!(verify(&malleable, at(0)), Err(BadSessionToken::Invalid));
    for spelling in [format!("{token}="), format!("{token}\n"), format!(" {token}"), format!("{token}.")] {
        assert_eq!(verify(&spelling, at(0)), Err(BadSessionToken::Invalid), "{spelling:?}");
    }
    // The last of 86 digits has four bits that mean nothing; they must be zero.
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = digits.find(token.chars().last().unwrap()).unwrap();
    assert_eq!(last % 16, 0);
    for stray in last + 1..last + 16 {
        let spelling = format!("{}{}", &token[..token.len() - 1], &digits[stray..=stray]);
        assert_eq!(verify(&spelling, at(0)), Err(BadSessionToken::Invalid), "{stray}");
    }
}

#[test]
fn every_claim_is_needed_in_its_own_type_and_no_other_may_be_there() {
    let good = serde_json::to_value(claims()).unwrap();
    let refused = |value: &serde_json::Value, what: &str| {
        let token = saying(&serde_json::to_vec(value).unwrap());
        assert_eq!(verify(&token, at(0)), Err(BadSessionToken::Invalid), "{what}");
    };
    assert!(verify(&saying(&serde_json::to_vec(&good).unwrap()), at(0)).is_ok());
    let names: Vec<&String> = good.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 11);
    for name in names {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(name);
        refused(&without, name);
        for other in [
            serde_json::json!(null),
            serde_json::json!(true),
            serde_json::json!([good[name]]),
            serde_json::json!({ "0": good[name] }),
            serde_json::json!(1.5),
            serde_json::json!(good[name].to_string()),
        ] {
            let mut changed = good.clone();
            changed[name] = other;
            refused(&changed, &format!("{name} = {}", changed[name]));
        }
    }
    for (name, value) in [
        ("iss", serde_json::json!("https://keys.example.com/")),
        ("aud", serde_json::json!("https://other.example.com")),
        ("aud", serde_json::json!([ISSUER, "https://other.example.com"])),
        ("session_epoch", serde_json::json!(-1)),
        ("session_epoch", serde_json::json!(4_294_967_296_u64)),
        ("exp", serde_json::json!(1e300)),
        ("exp", serde_json::json!(i64::MAX)),
        ("exp", serde_json::json!(u64::MAX)),
        ("iat", serde_json::json!(i64::MIN)),
        ("nbf", serde_json::json!(0)),
        ("scope", serde_json::json!("iam:write")),
        ("attributes", serde_json::json!({ "plan": 1 })),
        ("act", serde_json::json!({ "sub": good["act"]["sub"] })),
        ("act", serde_json::json!({ "sub": good["act"]["sub"], "key_id": good["act"]["key_id"], "act": {} })),
    ] {
        let mut changed = good.clone();
        changed[name] = value;
        refused(&changed, &format!("{name} = {}", changed[name]));
    }
    for text in ["", "null", "[]", "\"x\"", "{}", "not json"] {
        assert_eq!(verify(&saying(text.as_bytes()), at(0)), Err(BadSessionToken::Invalid), "{text}");
    }
    let text = good.to_string();
    let twice = text.replacen('{', r#"{"exp":9999999999,"#, 1);
    assert_eq!(verify(&saying(twice.as_bytes()), at(0)), Err(BadSessionToken::Invalid), "two of one name");
    assert_eq!(verify(&saying(format!("{text}{text}").as_bytes()), at(0)), Err(BadSessionToken::Invalid));
}

#[test]
fn a_clock_may_be_60_seconds_off_and_not_a_second_more() {
    let token = claims().sign(&ring());
    let end = at(3_600);
    let nanosecond = SignedDuration::from_nanos(1);
    let expired = BadSessionToken::Expired { at: end, organization: claims().organization_id };
    for now in [at(0), at(-60), at(3_599), end, at(3_659), at(3_660) - nanosecond] {
        assert!(verify(&token, now).is_ok(), "{now}");
    }
    for now in [at(3_660), at(3_661), at(4_200), Timestamp::MAX] {
        assert_eq!(verify(&token, now), Err(expired), "{now}");
    }
    for now in [at(-60) - nanosecond, at(-61), at(-600), Timestamp::MIN] {
        assert_eq!(verify(&token, now), Err(BadSessionToken::Invalid), "{now}: from the future");
    }
    // Whoever did not get a token from here is not told when it ended.
    let elsewhere = SessionClaims { aud: "https://other.example.com".to_owned(), ..claims() };
    assert_eq!(verify(&elsewhere.sign(&ring()), at(9_999)), Err(BadSessionToken::Invalid));
}

#[test]
fn what_is_longer_than_any_token_is_not_looked_at() {
    let attributes = BTreeMap::from([("a".to_owned(), "x".repeat(16 * 1024))]);
    let long = SessionClaims { attributes, ..claims() }.sign(&ring());
    assert_eq!(verify(&long, at(0)), Err(BadSessionToken::Invalid));
    for text in ["", ".", "..", "...", "a.b.c", "ks_not_a_session", &".".repeat(20_000)] {
        assert_eq!(verify(text, at(0)), Err(BadSessionToken::Invalid));
    }
}

proptest! {
    #[test]
    fn every_mutation_of_a_token_is_refused(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        kind in 0..4,
        second in -60_i64..3_660,
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
            prop_assert_eq!(verify(&text, at(second)), Err(BadSessionToken::Invalid));
        }
    }

    #[test]
    fn anything_that_can_be_said_is_read_back_as_it_was(
        attributes in prop::collection::btree_map(".{1,20}", ".{0,40}", 0..8),
        epoch in any::<u32>(),
        ids in any::<[u128; 5]>(),
    ) {
        let [user, session, organization, creator, key] = ids;
        let claims = SessionClaims {
            sub: UserId::from_u128(user),
            impersonated_user_id: UserId::from_u128(user),
            jti: SessionId::from_u128(session),
            organization_id: OrganizationId::from_u128(organization),
            act: ActingParty { sub: UserId::from_u128(creator), key_id: KeyId::from_u128(key) },
            session_epoch: epoch,
            attributes,
            ..claims()
        };
        prop_assert_eq!(verify(&claims.sign(&ring()), at(0)), Ok(claims));
    }
}
