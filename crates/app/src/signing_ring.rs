//! The keys that sign session tokens: on file for their owner alone, and replaced by age.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use keystead_domain::audit::Trace;
use keystead_domain::{Error, SigningKeyInfo, SigningRing};
use keystead_store::{OpenError, PrivateFile};
use zeroize::Zeroizing;

use crate::open::fault;
use crate::{App, Entropy};

/// Where they are kept.
pub(crate) fn file(data_dir: &Path) -> PrivateFile {
    PrivateFile::new(data_dir, "session-signing.keys")
}

/// The ring that is on file, or a new one.
pub(crate) fn open(file: &PrivateFile, entropy: &Entropy, now: Timestamp) -> Result<SigningRing, OpenError> {
    if let Some(text) = file.read()?.map(Zeroizing::new) {
        let what =
            "it does not hold signing keys. Move it away to get others; sessions that were minted end then";
        return SigningRing::from_secret_text(&text)
            .ok_or_else(|| file.refused(std::io::Error::new(ErrorKind::InvalidData, what)));
    }
    let none = |_| file.refused(std::io::Error::other("the system has no randomness"));
    let ring = SigningRing::new([entropy.bytes().map_err(none)?, entropy.bytes().map_err(none)?], now);
    file.write(&Zeroizing::new(ring.to_secret_text()))?;
    Ok(ring)
}

impl App {
    /// How often to call [`maintain_sessions`](Self::maintain_sessions).
    pub const MAINTAIN_EVERY: Duration = Duration::from_hours(1);

    /// Sessions that are forgotten in one transaction: others who write wait no longer than that.
    const BATCH_OF_SESSIONS: i64 = 1_000;

    /// The public keys, for whoever checks session tokens by themselves (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.signing_ring.load().jwks()
    }

    /// The keys: the one that signs, the next, and those that signed sessions which have not ended.
    #[must_use]
    pub fn signing_keys(&self) -> Vec<SigningKeyInfo> {
        self.signing_ring.load().list()
    }

    /// Lets the next key sign. With `discard_old` all keys are replaced at once: what they signed counts no more, which is for the
    /// day on which somebody may have read them.
    pub fn rotate_signing_keys(&self, discard_old: bool) -> Result<Vec<SigningKeyInfo>, Error> {
        let turn = self.signing_turn();
        let (now, ring) = (self.now(), self.signing_ring.load_full());
        let ring = if discard_old {
            SigningRing::new([self.entropy.bytes()?, self.entropy.bytes()?], now)
        } else {
            ring.rotated(&self.entropy.bytes()?, now)
        };
        self.put_signing_ring(&turn, ring)?;
        let keys = self.signing_keys();
        let current = keys.first().map(|key| key.id.as_str());
        tracing::info!(current, discard_old, "the keys that sign session tokens were rotated");
        Ok(keys)
    }

    /// Rotates the signing keys when they are old enough, and forgets what has ended.
    pub async fn maintain_sessions(&self) -> Result<(), Error> {
        // Neither waits for the other to work.
        let (forgotten, tidied) = (self.forget_ended_sessions().await, self.maintain_connections().await);
        self.maintain_signing_keys()?;
        forgotten.and(tidied)
    }

    fn maintain_signing_keys(&self) -> Result<(), Error> {
        let now = self.now();
        if self.signing_ring.load().is_due(now) {
            self.rotate_signing_keys(false)?;
        } else if self.signing_ring.load().is_untidy(now) {
            let turn = self.signing_turn();
            let ring = self.signing_ring.load_full().tidied(now);
            self.put_signing_ring(&turn, ring)?;
        }
        Ok(())
    }

    async fn forget_ended_sessions(&self) -> Result<(), Error> {
        loop {
            let mut change = self.store.begin(Trace::operator(self.now())).await.map_err(fault)?;
            let forgotten = change.forget_ended_sessions(Self::BATCH_OF_SESSIONS).await.map_err(fault)?;
            change.commit().await.map_err(fault)?;
            if forgotten < Self::BATCH_OF_SESSIONS.unsigned_abs() {
                return Ok(());
            }
        }
    }

    /// One change of the ring at a time.
    fn signing_turn(&self) -> MutexGuard<'_, PrivateFile> {
        self.signing_file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// On file before anything is signed by it: a restart knows every key that signed.
    fn put_signing_ring(&self, turn: &MutexGuard<'_, PrivateFile>, ring: SigningRing) -> Result<(), Error> {
        turn.write(&Zeroizing::new(ring.to_secret_text())).map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the keys that sign session tokens could not be written; those before them stay"
            );
            Error::Unavailable
        })?;
        self.signing_ring.store(Arc::new(ring));
        Ok(())
    }
}
