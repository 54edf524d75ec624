//! Signed checkpoints: what a log's end was at some moment, so that a log that was cut off behind it, or written anew, does
//! not have that end any more. Ed25519 (RFC 8032).

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{End, Fault, FaultKind};
use crate::{OrganizationId, hex};

/// The secret that signs checkpoints. Never printed.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// From 32 random bytes, which are all there is to it.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// What others check its signatures with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// What a checkpoint's signature is checked with. As text: 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Its name in checkpoints: the first 8 bytes of its SHA-256.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        id
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(&text.trim().to_ascii_lowercase())
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .filter(|key| !key.is_weak())
            .map(Self)
            .ok_or("it takes an Ed25519 public key as 64 hexadecimal digits, as `keystead audit public-key` prints it")
    }
}

/// The end of a log at some moment, signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub organization: OrganizationId,
    /// The number of the last event.
    pub sequence: i64,
    /// Its link, which stands for it and all before it.
    pub link: [u8; 32],
    /// When it was signed; milliseconds.
    pub at: Timestamp,
    /// By which key ([`PublicKey::id`]).
    pub key_id: [u8; 8],
    /// The signature.
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// Signs the end of a log.
    #[must_use]
    pub fn sign(key: &SigningKey, organization: OrganizationId, end: &End, at: Timestamp) -> Self {
        let mut checkpoint = Self {
            organization,
            sequence: end.sequence,
            link: end.link,
            at,
            key_id: key.public().id(),
            signature: [0; 64],
        };
        checkpoint.signature = key.0.sign(&checkpoint.signed_bytes()).to_bytes();
        checkpoint
    }

    /// Whether one of the keys signed it.
    pub fn check_signature(&self, keys: &[PublicKey]) -> Result<(), Fault> {
        let fault = |kind| Fault { sequence: self.sequence, kind };
        let key = keys.iter().find(|key| key.id() == self.key_id).ok_or(fault(FaultKind::UnknownKey))?;
        // Strictly: no signature that other implementations would not take, too.
        key.0
            .verify_strict(&self.signed_bytes(), &Signature::from_bytes(&self.signature))
            .map_err(|_| fault(FaultKind::BadSignature))
    }

    /// Every field, each with its length before it, as [`Event::link`](super::Event::link) has it.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut signed = Vec::with_capacity(160);
        let mut field = |bytes: &[u8]| {
            signed.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            signed.extend_from_slice(bytes);
        };
        field(b"keystead audit checkpoint 1");
        field(self.organization.as_bytes());
        field(&self.sequence.to_be_bytes());
        field(&self.link);
        field(&self.at.as_millisecond().to_be_bytes());
        field(&self.key_id);
        signed
    }
}

/// Holds a checkpoint against a log whose links fit each other and which ends at `end`. `link`: that of the event which the
/// checkpoint names, if the log has one. `agreed`: the last event that an earlier checkpoint agreed with.
pub fn check_checkpoint(
    checkpoint: &Checkpoint,
    keys: &[PublicKey],
    link: Option<&[u8; 32]>,
    end: i64,
    agreed: i64,
) -> Result<(), Fault> {
    checkpoint.check_signature(keys)?;
    let signed = checkpoint.sequence;
    match link {
        Some(link) if *link == checkpoint.link => Ok(()),
        Some(_) => Err(Fault { sequence: (agreed + 1).min(signed), kind: FaultKind::Rewritten { signed } }),
        None => Err(Fault { sequence: end + 1, kind: FaultKind::CutOff { signed } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdGenerator;

    fn sample() -> (SigningKey, Checkpoint) {
        let key = SigningKey::from_seed(&[3; 32]);
        let organization = IdGenerator::default().next(Timestamp::UNIX_EPOCH, [1; 8]);
        let end = End { sequence: 12, link: [9; 32], at: None };
        let checkpoint = Checkpoint::sign(&key, organization, &end, Timestamp::UNIX_EPOCH);
        (key, checkpoint)
    }

    #[test]
    fn no_field_of_a_checkpoint_can_be_changed() {
        let (key, good) = sample();
        let keys = [key.public()];
        assert_eq!(good.check_signature(&keys), Ok(()));
        let other = IdGenerator::default().next(Timestamp::UNIX_EPOCH, [2; 8]);
        let at = Timestamp::from_millisecond(1).unwrap();
        for bad in [
            Checkpoint { organization: other, ..good },
            Checkpoint { sequence: 11, ..good },
            Checkpoint { link: [8; 32], ..good },
            Checkpoint { at, ..good },
            Checkpoint { signature: [0; 64], ..good },
        ] {
            let fault = Fault { sequence: bad.sequence, kind: FaultKind::BadSignature };
            assert_eq!(bad.check_signature(&keys), Err(fault));
        }
    }

    #[test]
    fn a_checkpoint_of_somebody_elses_key_proves_nothing() {
        let (_, checkpoint) = sample();
        let stranger = SigningKey::from_seed(&[4; 32]).public();
        let unknown = Err(Fault { sequence: 12, kind: FaultKind::UnknownKey });
        assert_eq!(checkpoint.check_signature(&[stranger]), unknown);
        let forged = Checkpoint { key_id: stranger.id(), ..checkpoint };
        let bad = Err(Fault { sequence: 12, kind: FaultKind::BadSignature });
        assert_eq!(forged.check_signature(&[stranger]), bad);
    }

    #[test]
    fn a_log_that_was_cut_off_or_written_anew_does_not_have_the_signed_end() {
        let (key, checkpoint) = sample();
        let keys = [key.public()];
        assert_eq!(check_checkpoint(&checkpoint, &keys, Some(&[9; 32]), 20, 0), Ok(()));
        let cut = Fault { sequence: 8, kind: FaultKind::CutOff { signed: 12 } };
        assert_eq!(check_checkpoint(&checkpoint, &keys, None, 7, 5), Err(cut));
        let rewritten = Fault { sequence: 6, kind: FaultKind::Rewritten { signed: 12 } };
        assert_eq!(check_checkpoint(&checkpoint, &keys, Some(&[8; 32]), 20, 5), Err(rewritten));
    }

    #[test]
    fn a_public_key_reads_as_it_is_written_and_a_weak_one_is_refused() {
        let (key, _) = sample();
        let text = key.public().to_string();
        assert_eq!(text.parse(), Ok(key.public()));
        assert!(text[1..].parse::<PublicKey>().is_err());
        // The point of small order that makes any signature fit.
        assert!(format!("01{}", "00".repeat(31)).parse::<PublicKey>().is_err());
        assert!(!format!("{key:?}").contains(&"03".repeat(4)));
    }
}
