use serde_json::{Value, json};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn ring() -> SigningRing {
    SigningRing::new([[1; 32], [2; 32]], at(0))
}

/// A token of each kind.
fn signed(ring: &SigningRing) -> [String; 2] {
    TokenKind::ALL.map(|kind| ring.sign(kind, &json!({ "said": kind.name() })))
}

/// Whether a ring takes tokens for what they are.
fn accepts(ring: &SigningRing, tokens: &[String; 2]) -> bool {
    let accepted = |kind, token| ring.verified::<Value>(kind, token) == Some(json!({ "said": kind.name() }));
    let [session, access] = [0, 1].map(|at: usize| accepted(TokenKind::ALL[at], &tokens[at]));
    assert_eq!(session, access, "a key counts for both kinds or for none");
    session
}

#[test]
fn a_token_of_one_kind_is_never_taken_for_one_of_the_other_whichever_key_signed_it() {
    let mut ring = ring();
    let mut tokens = vec![signed(&ring)];
    for n in 3..6 {
        ring = ring.rotated(&[n; 32], at(n.into()));
        tokens.push(signed(&ring));
    }
    for [session, access] in &tokens {
        assert!(ring.verified::<Value>(TokenKind::Session, session).is_some());
        assert!(ring.verified::<Value>(TokenKind::Access, access).is_some());
        assert_eq!(ring.verified::<Value>(TokenKind::Session, access), None);
        assert_eq!(ring.verified::<Value>(TokenKind::Access, session), None);
    }
}

/// The keys' ids by state.
fn states(ring: &SigningRing) -> Vec<(String, String)> {
    ring.list().into_iter().map(|key| (key.state, key.id)).collect()
}

fn published(ring: &SigningRing) -> Vec<String> {
    let jwks = ring.jwks();
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_key_is_published_before_it_signs_and_until_its_last_session_has_ended() {
    let first = ring();
    let token = signed(&first);
    let [current, next] = [0, 1].map(|at: usize| first.list()[at].id.clone());
    assert_eq!(published(&first), [&*current, &*next]);

    let second = first.rotated(&[3; 32], at(100));
    let fresh = second.list()[1].id.clone();
    let expected = [("current", &next), ("next", &fresh), ("retired", &current)];
    assert_eq!(states(&second), expected.map(|(state, id)| (state.to_owned(), id.clone())));
    assert_eq!(published(&second), [&*next, &*fresh, &*current]);
    assert!(accepts(&second, &token), "what the old key signed");
    let newer = signed(&second);
    assert!(newer != token && accepts(&second, &newer));
    assert!(accepts(&first, &newer), "by whoever has not heard of the rotation yet");

    // The longest session, and the skew of the clock that ends it and of the one that began it.
    let end = at(100) + SessionLifetime::LONGEST.as_duration() + CLOCK_SKEW + CLOCK_SKEW;
    assert_eq!(second.list()[2].ends_at, Some(end));
    let before = end - SignedDuration::from_nanos(1);
    assert!(!second.is_untidy(before) && second.is_untidy(end));
    assert!(accepts(&second.tidied(before), &token));
    let tidied = second.tidied(end);
    assert_eq!((published(&tidied), accepts(&tidied, &token)), (vec![next, fresh], false));
    assert_eq!(second.rotated(&[4; 32], end).list().len(), 3, "a rotation tidies, too");
}

#[test]
fn a_key_is_due_when_it_has_signed_for_30_days() {
    let month = SignedDuration::from_hours(24 * 30);
    let ring = ring();
    assert!(!ring.is_due(at(0)) && !ring.is_due(at(0) + month - SignedDuration::from_secs(1)));
    assert!(ring.is_due(at(0) + month));
    // It counts from when it began to sign, not from when it was made.
    let rotated = ring.rotated(&[3; 32], at(0) + month);
    assert!(!rotated.is_due(at(0) + month) && rotated.is_due(at(0) + month + month));
}

#[test]
fn the_retired_keys_are_bounded_and_the_oldest_go_first() {
    let mut ring = ring();
    let mut all = Vec::new();
    for n in 3..40 {
        all.push(signed(&ring));
        ring = ring.rotated(&[n; 32], at(i64::from(n)));
    }
    assert_eq!(ring.list().len(), 22);
    let accepted: Vec<bool> = all.iter().map(|tokens| accepts(&ring, tokens)).collect();
    assert_eq!(accepted, [vec![false; 17], vec![true; 20]].concat());
}

#[test]
fn a_ring_comes_back_from_its_secret_text_as_it_was_and_from_no_other() {
    let ring = ring().rotated(&[3; 32], at(100)).rotated(&[4; 32], at(200));
    let text = ring.to_secret_text();
    let again = SigningRing::from_secret_text(&format!("{text}\n")).unwrap();
    assert_eq!((again.list(), again.to_secret_text()), (ring.list(), text.clone()));
    assert!(accepts(&again, &signed(&ring)) && accepts(&ring, &signed(&again)));
    assert!(
        !again.is_due(at(300)) && again.is_due(at(200) + SigningRing::ROTATE_AFTER),
        "nor is its age forgotten"
    );

    let seed = "01".repeat(32);
    for damaged in [
        String::new(),
        "{}".to_owned(),
        text[..text.len() / 2].to_owned(),
        format!("{text}{text}"),
        text.replace("\"next\"", "\"other\""),
        text.replacen('{', "{\"more\": 1,", 1),
        text.replace(&seed, &seed[2..]),
        text.replace(&seed, &format!("{seed}00")),
        text.replace(&seed, &"zz".repeat(32)),
        text.replace(&seed, &"0A".repeat(32)),
        text.replace("2026", "the year 2026"),
        text.replace("\"since\"", "\"until\""),
    ] {
        assert!(damaged != text && SigningRing::from_secret_text(&damaged).is_none(), "{damaged}");
    }
}

#[test]
fn no_way_to_print_a_ring_or_a_list_of_it_shows_a_secret() {
    let ring = ring().rotated(&[3; 32], at(100));
    let printed = format!("{ring:?} {ring:#?} {:?} {}", ring.list(), ring.jwks());
    assert!(printed.contains(&ring.list()[0].id));
    for seed in [[1_u8; 32], [2; 32], [3; 32]] {
        assert!(ring.to_secret_text().contains(&hex::encode(&seed)), "the search finds what is there");
        let spellings =
            [hex::encode(&seed), BASE64.encode(seed), format!("{seed:?}"), format!("{:?}", &seed[..8])];
        assert!(spellings.iter().all(|spelling| !printed.contains(spelling.trim_matches(['[', ']']))));
    }
}
