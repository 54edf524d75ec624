use keystead_token::{MAX_LEN, TokenRef};
use proptest::prelude::*;

use crate::{PREFIXES, Secrets, mint, slow};

/// Every ASCII character, and what may pass for one: homoglyphs, other alphabets' digits, invisible characters.
fn wide_alphabet() -> Vec<char> {
    let beyond = "АВЕКМНОРСТХаеорсухіѕοκΑ０１９Ａｚ٠١＿‿…ÀéßµſKåı\u{0}\u{a0}\u{ad}\u{200b}\u{200d}\u{2028}\u{202e}\u{301}\u{feff}🔑";
    (0..128_u8).map(char::from).chain(beyond.chars()).collect()
}

fn refused(text: &str) -> bool {
    TokenRef::parse(text).is_err()
}

/// `text` with the bytes `at..until` replaced; tokens are ASCII, so bytes are characters.
fn with(text: &str, at: usize, until: usize, c: &str) -> String {
    [&text[..at], c, &text[until..]].concat()
}

fn swapped(text: &str, i: usize, j: usize) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.swap(i, j);
    (text.as_bytes()[i] != text.as_bytes()[j]).then(|| String::from_utf8(bytes).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A certainty, not a likelihood: CRC-32 finds every error that spans at most 32 bits.
    #[test]
    fn every_change_of_one_character_is_refused(
        prefix in prop::sample::select(&PREFIXES),
        secret: [u8; 32],
    ) {
        let token = mint(prefix, &secret);
        let text = token.expose();
        for c in wide_alphabet() {
            for (i, original) in text.char_indices().filter(|&(_, original)| original != c) {
                let changed = with(text, i, i + 1, c.encode_utf8(&mut [0; 4]));
                prop_assert!(refused(&changed), "{original:?} at {i} became {c:?}");
            }
        }
    }

    /// A certainty too: the polynomial is primitive, so it finds the same change made at two places, however
    /// far apart; and a checksum has one spelling.
    #[test]
    fn every_swap_within_the_body_or_the_checksum_is_refused(
        prefix in prop::sample::select(&PREFIXES),
        secret: [u8; 32],
    ) {
        let token = mint(prefix, &secret);
        let text = token.expose();
        let checksum = text.len() - 6;
        for j in 0..text.len() {
            for i in if j < checksum { 0..j } else { checksum..j } {
                if let Some(changed) = swapped(text, i, j) {
                    prop_assert!(refused(&changed), "{i} and {j} swapped");
                }
            }
        }
    }

    /// Cut at either end or both: whoever truncates tokens (a column too short, a bad copy) is told at once.
    #[test]
    fn every_part_of_a_token_is_refused(prefix in prop::sample::select(&PREFIXES), secret: [u8; 32]) {
        let token = mint(prefix, &secret);
        let text = token.expose();
        for start in 0..text.len() {
            for end in start..text.len() {
                prop_assert!(refused(&text[start..end]), "{start}..{end}");
            }
            prop_assert!(start == 0 || refused(&text[start..]), "{start}..");
        }
    }

    #[test]
    fn every_insertion_of_one_character_is_refused(
        prefix in prop::sample::select(&PREFIXES),
        secret: [u8; 32],
    ) {
        let token = mint(prefix, &secret);
        let text = token.expose();
        for c in wide_alphabet() {
            for i in 0..=text.len() {
                let changed = with(text, i, i, c.encode_utf8(&mut [0; 4]));
                prop_assert!(refused(&changed), "{c:?} inserted at {i}");
            }
        }
    }

    #[test]
    fn text_around_a_token_is_not_trimmed_away(secret: [u8; 32]) {
        let token = mint("ks", &secret);
        let text = token.expose();
        for junk in [" ", "  ", "\n", "\r\n", "\t", "\"", "'", "Bearer ", ",", "\0", "\u{a0}", "\u{feff}", text] {
            for (before, after) in [(junk, ""), ("", junk), (junk, junk)] {
                prop_assert!(refused(&[before, text, after].concat()), "{before:?} before, {after:?} after");
            }
        }
    }

    #[test]
    fn any_text_is_refused_unless_an_independent_implementation_accepts_it(
        text in "[a-zA-Z0-9_]{0,3}_?[0-9A-Za-z]{43,49}|\\PC{0,80}",
    ) {
        prop_assert_eq!(refused(&text), !slow::is_token(&text));
    }
}

/// Between body and checksum a swap is caught with a likelihood of 1 - 2^-32, hence the fixed secrets.
#[test]
fn every_swap_between_body_and_checksum_is_refused() {
    for (prefix, secret) in PREFIXES.into_iter().cycle().zip(Secrets(1).take(200)) {
        let token = mint(prefix, &secret);
        let text = token.expose();
        let checksum = text.len() - 6;
        for (i, j) in (0..checksum).flat_map(|i| (checksum..text.len()).map(move |j| (i, j))) {
            assert!(swapped(text, i, j).is_none_or(|changed| refused(&changed)), "{i} and {j} swapped");
        }
    }
}

#[test]
fn a_secret_of_2_to_the_256_or_more_is_refused_although_its_checksum_is_right() {
    let largest = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
    assert!(!refused(&slow::complete(&format!("ks_{largest}"))));
    assert_eq!(mint("ks", &[0xff; 32]).expose(), slow::complete(&format!("ks_{largest}")));

    let next = largest.replace("Xp1", "Xp2");
    let all_z = "z".repeat(43);
    for above in [next.as_str(), "z000000000000000000000000000000000000000000", &all_z] {
        assert!(refused(&slow::complete(&format!("ks_{above}"))), "{above}");
    }
}

#[test]
fn an_ill_formed_prefix_or_secret_is_refused_although_its_checksum_is_right() {
    let secret = "0".repeat(43);
    for prefix in ["", "K", "KS", "1k", "k-s", "k_s", "ks_", " ks", "кs", "a0123456789abcdef"] {
        assert!(refused(&slow::complete(&format!("{prefix}_{secret}"))), "{prefix:?}");
    }
    for separator in ["", "-", ".", "__"] {
        assert!(refused(&slow::complete(&format!("ks{separator}{secret}"))), "{separator:?}");
    }
    for len in [0, 1, 42, 44, 49] {
        assert!(refused(&slow::complete(&format!("ks_{}", "0".repeat(len)))), "{len} digits");
    }
    for c in ["_", "-", "+", "/", "=", ".", " ", "\0"] {
        assert!(refused(&slow::complete(&format!("ks_{c}{}", &secret[1..]))), "{c:?}");
    }
}

/// A deployment that changes its prefix must not kill the keys it has given out.
#[test]
fn any_well_formed_prefix_is_accepted() {
    for prefix in PREFIXES {
        assert!(!refused(mint(prefix, &[7; 32]).expose()), "{prefix}");
    }
}

#[test]
fn text_beyond_the_longest_token_is_refused() {
    let longest = mint("z0123456789abcde", &[7; 32]);
    assert_eq!(longest.expose().len(), MAX_LEN);
    assert!(refused(&format!("z{}", longest.expose())));
    assert!(refused(&"k".repeat(10_000_000)));
}
