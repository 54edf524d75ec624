//! Proof that whoever redeems a code is who asked for it (RFC 7636): S256, and nothing else.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};

/// SHA-256 of a secret that the client shows when it redeems its code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// What a client sent with its request (RFC 7636, section 4.3). `None`: it is missing, no SHA-256, or of the method `plain`, which
    /// is also what no method means.
    #[must_use]
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Option<Self> {
        if method != Some("S256") {
            return None;
        }
        let digest = BASE64.decode(challenge?).ok()?;
        digest.try_into().ok().map(Self)
    }

    /// Whether this is the secret (RFC 7636, sections 4.1 and 4.6): 43 to 128 unreserved characters.
    #[must_use]
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let is_one = (43..=128).contains(&verifier.len())
            && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        // Of two hashes, how far they are equal tells nothing about the secret.
        is_one && <[u8; 32]>::from(Sha256::digest(verifier)) == self.0
    }

    /// What the store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From what the store kept.
    #[must_use]
    pub fn from_stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeChallenge(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn only_the_secret_behind_a_challenge_meets_it() {
        let challenge = CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap();
        assert!(challenge.is_met_by(VERIFIER));
        let longer = format!("{VERIFIER}A");
        let padded = format!("{VERIFIER} ");
        for other in ["", CHALLENGE, &VERIFIER[1..], &longer, &padded, &VERIFIER.to_lowercase()] {
            assert!(!challenge.is_met_by(other), "{other}");
        }
        for (length, is_one) in [(42, false), (43, true), (128, true), (129, false)] {
            let secret = "a".repeat(length);
            let challenge = CodeChallenge(Sha256::digest(&secret).into());
            assert_eq!(challenge.is_met_by(&secret), is_one, "{length}");
        }
    }

    #[test]
    fn plain_is_refused_and_so_is_what_is_no_challenge() {
        for method in [None, Some(""), Some("plain"), Some("s256"), Some("S512")] {
            assert_eq!(CodeChallenge::parse(Some(CHALLENGE), method), None, "{method:?}");
        }
        let padded = format!("{CHALLENGE}=");
        for challenge in [
            None,
            Some(""),
            Some(&CHALLENGE[1..]),
            Some(&padded),
            Some("E9Melhoa2Owv+rEMTJguCHaoeK1t8URWbuGJSstw+cM"),
        ] {
            assert_eq!(CodeChallenge::parse(challenge, Some("S256")), None, "{challenge:?}");
        }
    }
}
