//! The published table and the published patterns hold, so that other implementations may rely on them.

use keystead_token::{MAX_LEN, TokenRef};
use regex::Regex;
use serde::Deserialize;

use crate::{PREFIXES, Secrets, mint, slow};

const DESCRIPTION: &str = include_str!("../../../../docs/token-format.md");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    secret_hex: String,
    prefix: String,
    token: String,
    sha256_hex: String,
    masked: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    text: String,
    reason: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../docs/token-vectors.json")).unwrap()
}

fn from_hex(hex: &str) -> [u8; 32] {
    assert_eq!(hex.len(), 64);
    std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

/// The patterns in the description: the one for scanners first, the one for any deployment second.
fn patterns() -> Vec<Regex> {
    let blocks = DESCRIPTION.split("```regex\n").skip(1);
    blocks.map(|block| Regex::new(block.split('\n').next().unwrap()).unwrap()).collect()
}

#[test]
fn the_published_tokens_are_minted_accepted_hashed_and_masked_as_the_table_says() {
    for vector in vectors().accepted {
        let token = mint(&vector.prefix, &from_hex(&vector.secret_hex));
        assert_eq!(token.expose(), vector.token);
        let presented = TokenRef::parse(&vector.token).unwrap();
        assert_eq!(<[u8; 32]>::from(presented.hash()), from_hex(&vector.sha256_hex), "{}", vector.token);
        assert_eq!(presented.masked().as_str(), vector.masked);
    }
}

#[test]
fn the_published_junk_is_refused() {
    for Refused { text, reason } in vectors().refused {
        assert!(TokenRef::parse(&text).is_err(), "{reason}: {text:?}");
    }
}

#[test]
fn an_independent_implementation_agrees_with_the_whole_table() {
    for vector in vectors().accepted {
        assert_eq!(slow::mint(&vector.prefix, &from_hex(&vector.secret_hex)), vector.token);
        assert!(slow::is_token(&vector.token));
    }
    for Refused { text, reason } in vectors().refused {
        assert!(!slow::is_token(&text), "{reason}: {text:?}");
    }
}

#[test]
fn the_published_patterns_find_every_token_in_a_text_and_nothing_more_of_it() {
    let [default, any] = &patterns()[..] else { panic!("the description has two patterns") };
    let extremes = [[0; 32], [0xff; 32]];
    for (prefix, secret) in
        PREFIXES.into_iter().cycle().zip(extremes.into_iter().cycle().take(10).chain(Secrets(3).take(5_000)))
    {
        let token = mint(prefix, &secret);
        let text = format!("KEY=\"{}\"\n", token.expose());
        let found = |pattern: &Regex| pattern.find(&text).map(|found| found.as_str() == token.expose());
        assert_eq!(found(any), Some(true), "{prefix}");
        assert_eq!(found(default), prefix.starts_with("ks").then_some(true), "{prefix}");
    }
}

#[test]
fn the_description_states_the_longest_token() {
    assert!(DESCRIPTION.contains(&format!("at most {MAX_LEN}")));
}
