use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of a whole token: all the store keeps to recognize it (promise 2).
///
/// A plain hash is enough, and a slow password hash would only slow verification down: a token has 256 random
/// bits, so there is no dictionary to try (by analogy to OWASP ASVS 5.0, 6.5.2: from 112 bits on).
/// Comparison takes the same time wherever two hashes differ, and nothing of the hash is printed.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The 32 bytes, for the store and for look-up tables. Comparing these is not constant-time.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for TokenHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<TokenHash> for [u8; 32] {
    fn from(hash: TokenHash) -> Self {
        hash.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}
