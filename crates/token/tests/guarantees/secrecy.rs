use keystead_token::{Malformed, TokenRef};
use proptest::prelude::*;

use crate::{PREFIXES, mint};

proptest! {
    #[test]
    fn nothing_of_a_token_or_its_hash_is_printed(
        prefix in prop::sample::select(&PREFIXES),
        secret: [u8; 32],
    ) {
        let token = mint(prefix, &secret);
        // One fixed text for every token shows no part of any.
        prop_assert_eq!(format!("{token:?} {token:#?}"), "Token(…) Token(…)");
        prop_assert_eq!(format!("{:?}", token.checked()), "TokenRef(…)");
        prop_assert_eq!(format!("{:?}", token.hash()), "TokenHash(…)");
    }
}

#[test]
fn a_refusal_says_neither_what_was_wrong_nor_what_was_sent() {
    let token = mint("ks", &[7; 32]);
    let (good, mut wrong_checksum) = (token.expose(), token.expose().to_owned());
    wrong_checksum.replace_range(51.., if good.ends_with('0') { "1" } else { "0" });
    for junk in ["", "hello", &good[1..], &wrong_checksum] {
        let refusal = TokenRef::parse(junk).unwrap_err();
        assert_eq!(refusal, Malformed);
        assert_eq!(format!("{refusal} {refusal:?}"), "not a well-formed token Malformed");
    }
}
