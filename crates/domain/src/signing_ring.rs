//! The keys that sign tokens: the one that signs now, the next one, which is published ahead so that whoever caches the list
//! knows it before it is used, and those that signed tokens which have not ended yet.
//!
//! What they sign is a JWT (RFC 7519) in the compact form of a JWS (RFC 7515), by Ed25519 (RFC 8037). Only Keystead makes these
//! tokens, and it makes each kind in one way. So a header is not interpreted: it must be, byte for byte, the one that goes with a
//! key of the ring and the kind that is expected. There is no algorithm to choose, no key in the message, and nothing to switch
//! off (RFC 8725).

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signature, Signer as _};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{SessionLifetime, hex};

/// Clocks of other nodes may be this far apart.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The longest token that is looked at.
const MAX_BYTES: usize = 16 * 1024;

/// What a token is (RFC 8725, sections 3.11 and 3.12): one of a kind is never taken for one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// That of an impersonated session.
    Session,
    /// An OAuth access token.
    Access,
}

impl TokenKind {
    const ALL: [Self; 2] = [Self::Session, Self::Access];

    /// Its name in headers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Session => "ks-session+jwt",
            // RFC 9068, section 2.1.
            Self::Access => "at+jwt",
        }
    }
}

/// The keys. Never printed; never empty.
#[derive(Clone)]
pub struct SigningRing {
    current: RingKey,
    next: RingKey,
    retired: Vec<RingKey>,
}

#[derive(Clone)]
struct RingKey {
    secret: ed25519_dalek::SigningKey,
    id: String,
    /// The first part of every token that it signs, by kind.
    headers: [String; 2],
    created_at: Timestamp,
    /// For the current key, since when it signs; for a retired one, until when it did.
    since: Option<Timestamp>,
}

/// A key as its list shows it: nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeyInfo {
    /// Its name in tokens (`kid`): the thumbprint of its public key (RFC 7638).
    pub id: String,
    /// `current`, `next` or `retired`.
    pub state: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the last session that it signed has ended; `None` while it is not retired.
    pub ends_at: Option<Timestamp>,
}

/// The keys as the file keeps them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    current: KeptKey,
    next: KeptKey,
    retired: Vec<KeptKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptKey {
    seed: String,
    created_at: Timestamp,
    since: Option<Timestamp>,
}

impl SigningRing {
    /// A key that has signed for this long is due to be replaced.
    pub const ROTATE_AFTER: SignedDuration = SignedDuration::from_hours(24 * 30);

    /// Retired keys that are kept: rotating more often than sessions end throws away the oldest.
    const RETIRED_MAX: usize = 20;

    /// A new ring, from 32 random bytes for each of its two keys.
    #[must_use]
    pub fn new([current, next]: [[u8; 32]; 2], now: Timestamp) -> Self {
        let current = RingKey { since: Some(now), ..RingKey::new(&current, now) };
        Self { current, next: RingKey::new(&next, now), retired: Vec::new() }
    }

    /// The next key signs from now on; the one that did stays published until its last session has ended.
    #[must_use]
    pub fn rotated(&self, fresh: &[u8; 32], now: Timestamp) -> Self {
        let mut retired = self.retired.clone();
        retired.insert(0, RingKey { since: Some(now), ..self.current.clone() });
        retired.truncate(Self::RETIRED_MAX);
        let current = RingKey { since: Some(now), ..self.next.clone() };
        Self { current, next: RingKey::new(fresh, now), retired }.tidied(now)
    }

    /// Whether the current key has signed for long enough.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.current.since.is_none_or(|since| now.duration_since(since) >= Self::ROTATE_AFTER)
    }

    /// Whether a retired key is no longer needed.
    #[must_use]
    pub fn is_untidy(&self, now: Timestamp) -> bool {
        self.retired.iter().any(|key| key.ends_at().is_none_or(|end| end <= now))
    }

    /// Without the keys whose last session has ended.
    #[must_use]
    pub fn tidied(&self, now: Timestamp) -> Self {
        let mut ring = self.clone();
        ring.retired.retain(|key| key.ends_at().is_some_and(|end| end > now));
        ring
    }

    /// All keys: the one that signs, the next, then the retired ones, latest first.
    #[must_use]
    pub fn list(&self) -> Vec<SigningKeyInfo> {
        let info = |key: &RingKey, state: &str, ends_at| SigningKeyInfo {
            id: key.id.clone(),
            state: state.to_owned(),
            created_at: key.created_at,
            ends_at,
        };
        let retired = self.retired.iter().map(|key| info(key, "retired", key.ends_at()));
        [info(&self.current, "current", None), info(&self.next, "next", None)]
            .into_iter()
            .chain(retired)
            .collect()
    }

    /// The public keys as a JSON Web Key Set (RFC 7517; RFC 8037 for Ed25519).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let keys = self.keys().map(|key| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": key.public(),
            })
        });
        serde_json::json!({ "keys": keys.collect::<Vec<_>>() })
    }

    /// The secret keys, for a file that only its owner can read.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let keep = |key: &RingKey| KeptKey {
            seed: hex::encode(&key.secret.to_bytes()),
            created_at: key.created_at,
            since: key.since,
        };
        let kept = Kept {
            current: keep(&self.current),
            next: keep(&self.next),
            retired: self.retired.iter().map(keep).collect(),
        };
        // Text and instants: writing them does not fail.
        serde_json::to_string_pretty(&kept).unwrap_or_default()
    }

    /// The inverse of [`Self::to_secret_text`]. `None`: it is something else.
    #[must_use]
    pub fn from_secret_text(text: &str) -> Option<Self> {
        let kept: Kept = serde_json::from_str(text).ok()?;
        let key = |kept: KeptKey| {
            let seed = hex::decode(&kept.seed)?;
            Some(RingKey { since: kept.since, ..RingKey::new(&seed, kept.created_at) })
        };
        let retired = kept.retired.into_iter().map(key).collect::<Option<Vec<_>>>()?;
        Some(Self { current: key(kept.current)?, next: key(kept.next)?, retired })
    }

    /// A token that makes these claims, by the current key.
    pub(crate) fn sign(&self, kind: TokenKind, claims: &impl Serialize) -> String {
        // Claims are text and numbers: writing them does not fail.
        self.sign_payload(kind, &serde_json::to_vec(claims).unwrap_or_default())
    }

    pub(crate) fn sign_payload(&self, kind: TokenKind, payload: &[u8]) -> String {
        let mut token = format!("{}.{}", self.current.header(kind), BASE64.encode(payload));
        let signature = self.current.secret.sign(token.as_bytes()).to_bytes();
        token.push('.');
        BASE64.encode_string(signature, &mut token);
        token
    }

    /// What a token claims, if a key of the ring signed it as one of this kind. The next key counts as well: another process may have
    /// begun to use it.
    pub(crate) fn verified<C: DeserializeOwned>(&self, kind: TokenKind, token: &str) -> Option<C> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        // The decoder refuses padding, line ends and stray bits: a token has one spelling.
        let signature: [u8; 64] = BASE64.decode(signature).ok()?.try_into().ok()?;
        let key = self.keys().find(|key| key.header(kind) == header)?;
        let signature = Signature::from_bytes(&signature);
        key.secret.verifying_key().verify_strict(signed.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()
    }

    fn keys(&self) -> impl Iterator<Item = &RingKey> {
        [&self.current, &self.next].into_iter().chain(&self.retired)
    }
}

impl RingKey {
    fn new(seed: &[u8; 32], created_at: Timestamp) -> Self {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = BASE64.encode(secret.verifying_key().as_bytes());
        // Members in alphabetical order and no blanks, as RFC 7638, section 3, has it.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        let id = BASE64.encode(Sha256::digest(members));
        let headers = TokenKind::ALL
            .map(|kind| BASE64.encode(format!(r#"{{"typ":"{}","alg":"EdDSA","kid":"{id}"}}"#, kind.name())));
        Self { secret, id, headers, created_at, since: None }
    }

    fn header(&self, kind: TokenKind) -> &str {
        &self.headers[kind as usize]
    }

    fn public(&self) -> String {
        BASE64.encode(self.secret.verifying_key().as_bytes())
    }

    /// When the last session that a retired key signed has ended, on every clock.
    fn ends_at(&self) -> Option<Timestamp> {
        let kept = SessionLifetime::LONGEST.as_duration() + CLOCK_SKEW + CLOCK_SKEW;
        self.since?.checked_add(kept).ok()
    }
}

impl fmt::Debug for SigningRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
