use keystead_token::{
    CHECKSUM_LEN, InvalidPrefix, MAX_LEN, MaskedToken, Prefix, SECRET_LEN, Token, TokenHash, TokenRef,
};
use proptest::prelude::*;

use crate::{mint, slow};

proptest! {
    #[test]
    fn what_is_minted_is_accepted_and_hashes_the_same(
        prefix in "[a-z][a-z0-9]{0,15}",
        secret: [u8; 32],
    ) {
        let token = mint(&prefix, &secret);
        let presented = TokenRef::parse(token.expose()).unwrap();
        prop_assert_eq!(presented.hash(), token.hash());
        prop_assert_eq!(presented.masked(), token.masked());
        prop_assert_eq!(token.expose().len(), prefix.len() + 1 + SECRET_LEN + CHECKSUM_LEN);
        prop_assert!(token.expose().len() <= MAX_LEN);
    }

    #[test]
    fn minting_agrees_with_an_independent_implementation(
        prefix in "[a-z][a-z0-9]{0,15}",
        secret: [u8; 32],
    ) {
        let token = mint(&prefix, &secret);
        prop_assert_eq!(token.expose(), slow::mint(&prefix, &secret));
        prop_assert!(slow::is_token(token.expose()));
    }

    #[test]
    fn other_secrets_and_other_prefixes_make_other_tokens_and_other_hashes(a: [u8; 32], b: [u8; 32]) {
        prop_assume!(a != b);
        let (one, other, impersonation) = (mint("ks", &a), mint("ks", &b), mint("ksi", &a));
        prop_assert_ne!(one.expose(), other.expose());
        prop_assert_ne!(one.hash(), other.hash());
        prop_assert_ne!(one.hash(), impersonation.hash());
    }

    #[test]
    fn hashes_survive_the_store(bytes: [u8; 32], other: [u8; 32]) {
        let hash = TokenHash::from(bytes);
        prop_assert_eq!(<[u8; 32]>::from(hash), bytes);
        prop_assert_eq!(hash.as_bytes(), &bytes);
        prop_assert_eq!(hash == TokenHash::from(other), bytes == other);
    }

    #[test]
    fn hashes_that_differ_in_one_bit_are_not_equal(bytes: [u8; 32], byte in 0..32_usize, bit in 0..8_u8) {
        let mut other = bytes;
        other[byte] ^= 1 << bit;
        prop_assert_ne!(TokenHash::from(bytes), TokenHash::from(other));
    }

    #[test]
    fn the_mask_is_the_prefix_and_four_characters_of_either_end(
        prefix in "[a-z][a-z0-9]{0,15}",
        secret: [u8; 32],
    ) {
        let token = mint(&prefix, &secret);
        let text = token.expose();
        let after = &text[prefix.len() + 1..];
        let masked = token.masked();
        prop_assert_eq!(masked.as_str(), format!("{prefix}_{}…{}", &after[..4], &after[45..]));
        prop_assert_eq!(masked.to_string(), masked.as_str());
        prop_assert_eq!(MaskedToken::from_stored(masked.to_string()), masked);
    }
}

#[test]
fn keys_start_with_ks_and_impersonation_keys_with_ksi() {
    assert!(Token::mint(&Prefix::key_default(), &[7; 32]).expose().starts_with("ks_"));
    assert!(Token::mint(&Prefix::impersonation_default(), &[7; 32]).expose().starts_with("ksi_"));
}

#[test]
fn a_prefix_is_a_lower_case_letter_and_up_to_15_letters_or_digits() {
    for good in ["k", "ks", "k2", "abcdefghijklmnop", "z000000000000000"] {
        let prefix: Prefix = good.parse().unwrap();
        assert_eq!((prefix.as_str(), prefix.to_string().as_str()), (good, good));
    }
    for bad in ["", "K", "2k", "kS", "k_s", "k-s", "ks_", " ks", "ks ", "ks\n", "ké", "abcdefghijklmnopq"] {
        assert_eq!(bad.parse::<Prefix>(), Err(InvalidPrefix), "{bad:?}");
    }
}

#[test]
fn checking_and_hashing_a_token_allocate_nothing() {
    let token = mint("ks", &[7; 32]);
    let (good, junk) = (token.expose(), &token.expose()[1..]);
    let counted = allocation_counter::measure(|| {
        assert!(TokenRef::parse(good).is_ok_and(|token| token.hash() == token.hash()));
        assert!(TokenRef::parse(junk).is_err());
    });
    assert_eq!(counted.count_total, 0);
    // The counter counts: masking makes a new text.
    assert!(allocation_counter::measure(|| drop(token.masked())).count_total > 0);
}
