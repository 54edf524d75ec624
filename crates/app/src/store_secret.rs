//! The secret that all nodes of a store share, and what is sealed with it.

use std::fmt;

use keystead_domain::{Error, SealedKeys};
use keystead_store::SealedName;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::Entropy;

/// What the keys that sign are sealed with in a store that nodes share. It is in no database: who reads only that one learns no key.
/// Never printed.
#[derive(Clone)]
pub struct StoreSecret(Zeroizing<Vec<u8>>);

/// A secret that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret has fewer than {} characters; make one with `openssl rand -hex 32`",
    StoreSecret::SHORTEST
)]
pub struct ShortSecret;

/// How it is sealed, as the first byte of what is sealed: another way would be another number.
const FORMAT: u8 = 1;
/// What the key is for that is derived from the secret.
const PURPOSE: &[u8] = b"keystead: keys that sign, sealed, 1";

impl StoreSecret {
    /// The text of [`Self::for_tests`].
    pub const FOR_TESTS: &str = "a secret of tests, which everybody knows";

    /// The fewest bytes that it may have. It is not stretched as a password is, so it must be random.
    pub const SHORTEST: usize = 32;

    /// Of a text that is the same on all nodes, byte for byte.
    ///
    /// # Errors
    /// It is shorter than [`Self::SHORTEST`].
    pub fn new(text: &str) -> Result<Self, ShortSecret> {
        if text.len() < Self::SHORTEST {
            return Err(ShortSecret);
        }
        Ok(Self(Zeroizing::new(text.as_bytes().to_vec())))
    }

    /// One that everybody knows, and nobody keeps anything by.
    #[must_use]
    pub fn for_tests() -> Self {
        Self(Zeroizing::new(Self::FOR_TESTS.as_bytes().to_vec()))
    }

    /// Seals keys (ChaCha20-Poly1305, RFC 8439) as this version of this name: as another one they do not open.
    pub(crate) fn seal(
        &self,
        name: SealedName,
        version: i64,
        text: &Zeroizing<String>,
        entropy: &Entropy,
    ) -> Result<SealedKeys, Error> {
        let nonce: [u8; NONCE_LEN] = entropy.bytes()?;
        // With room for all of it: no copy of the text is left behind.
        let mut content = Vec::with_capacity(1 + NONCE_LEN + text.len() + CHACHA20_POLY1305.tag_len());
        content.push(FORMAT);
        content.extend_from_slice(&nonce);
        let from = content.len();
        content.extend_from_slice(text.as_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed =
            self.key()?.seal_in_place_separate_tag(nonce, bound_to(name, version), &mut content[from..]);
        let tag = sealed.map_err(|_| Error::Internal)?;
        content.extend_from_slice(tag.as_ref());
        Ok(SealedKeys { version, content })
    }

    /// The keys. `None`: they were not sealed with this secret as what they are given out for, or were changed since.
    #[must_use]
    pub fn open(&self, name: SealedName, keys: &SealedKeys) -> Option<Zeroizing<String>> {
        let (nonce, text) = keys.content.strip_prefix(&[FORMAT])?.split_first_chunk()?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key().ok()?.open_in_place(nonce, bound_to(name, keys.version), &mut text).ok()?;
        std::str::from_utf8(opened).ok().map(|text| Zeroizing::new(text.to_owned()))
    }

    /// The key for this purpose alone (HKDF-SHA256, RFC 5869).
    fn key(&self) -> Result<LessSafeKey, Error> {
        let secret = Salt::new(HKDF_SHA256, &[]).extract(&self.0);
        let key = secret.expand(&[PURPOSE], &CHACHA20_POLY1305).map_err(|_| Error::Internal)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// No two of these are the same bytes: names have no line end.
fn bound_to(name: SealedName, version: i64) -> Aad<String> {
    Aad::from(format!("{}\n{version}", name.as_str()))
}

impl fmt::Debug for StoreSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreSecret(…)")
    }
}
