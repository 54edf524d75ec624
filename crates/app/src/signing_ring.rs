//! The keys that sign session tokens: readable for their owner alone, and replaced by age.

mod kept;

use std::time::Duration;

use keystead_domain::audit::Trace;
use keystead_domain::{Error, SigningKeyInfo, SigningRing};

use crate::App;
use crate::open::fault;

pub(crate) use kept::{KeptRing, audit_signing_key, sealed_keys};

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

    /// Lets the next key sign. With `discard_old` all keys are replaced at once: what they signed counts no more, on any node, when
    /// this returns (promise 3), which is for the day on which somebody may have read them.
    pub async fn rotate_signing_keys(&self, discard_old: bool) -> Result<Vec<SigningKeyInfo>, Error> {
        let now = self.now();
        let changed = self.change_signing_ring(|ring| {
            Ok(Some(if discard_old {
                SigningRing::new([self.entropy.bytes()?, self.entropy.bytes()?], now)
            } else {
                ring.rotated(&self.entropy.bytes()?, now)
            }))
        });
        let keys = changed.await?.map_or_else(|| self.signing_keys(), |ring| ring.list());
        let current = keys.first().map(|key| key.id.as_str());
        tracing::info!(current, discard_old, "the keys that sign session tokens were rotated");
        Ok(keys)
    }

    /// Rotates the signing keys when they are old enough, and forgets what has ended.
    pub async fn maintain_sessions(&self) -> Result<(), Error> {
        // Neither waits for the other to work.
        let (forgotten, tidied) = (self.forget_ended_sessions().await, self.maintain_connections().await);
        self.maintain_signing_keys().await?;
        forgotten.and(tidied)
    }

    async fn maintain_signing_keys(&self) -> Result<(), Error> {
        let now = self.now();
        let is_fine = |ring: &SigningRing| !ring.is_due(now) && !ring.is_untidy(now);
        if is_fine(&self.signing_ring.load()) {
            return Ok(());
        }
        // Asked again of the ring as it is by then: another node may just have done it.
        let changed = self.change_signing_ring(|ring| {
            Ok(if ring.is_due(now) {
                Some(ring.rotated(&self.entropy.bytes()?, now))
            } else {
                ring.is_untidy(now).then(|| ring.tidied(now))
            })
        });
        if let Some(ring) = changed.await? {
            let current = ring.list().first().map(|key| key.id.clone());
            tracing::info!(current, "the keys that sign session tokens were brought up to date");
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
}
