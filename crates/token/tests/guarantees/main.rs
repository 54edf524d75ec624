//! What the token format promises, one module per promise. One binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail a test; clippy knows only #[test] functions"
)]

mod digits;
mod refusal;
mod round_trip;
mod secrecy;
mod slow;
mod vectors;

use keystead_token::{Prefix, Token};

/// The prefixes that tests mint with: both defaults, the shortest, the longest, and one of a product.
///
/// They are fixed because some changes to a prefix are refused by its checksum alone: whether one of those
/// slips through (1 in 2^32) depends on the prefix, not on the secret, and must not depend on the day.
const PREFIXES: [&str; 5] = ["ks", "ksi", "a", "z0123456789abcde", "acme"];

fn mint(prefix: &str, secret: &[u8; 32]) -> Token {
    Token::mint(&prefix.parse::<Prefix>().unwrap(), secret)
}

/// `SplitMix64`: the same secrets on every run, so that statistical tests cannot fail by chance.
struct Secrets(u64);

impl Iterator for Secrets {
    type Item = [u8; 32];

    fn next(&mut self) -> Option<Self::Item> {
        let mut secret = [0; 32];
        for bytes in secret.as_chunks_mut::<8>().0 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *bytes = (z ^ (z >> 31)).to_le_bytes();
        }
        Some(secret)
    }
}
