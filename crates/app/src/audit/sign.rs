//! Signing the ends of logs.

use std::path::Path;
use std::time::Duration;

use keystead_domain::audit::{
    ChainCheck, Checkpoint, End, Fault, FaultKind, PublicKey, SigningKey, Trace, check_checkpoint,
};
use keystead_domain::{AuditScope, Error, Operator};
use keystead_store::{OpenError, StoreError, signing_seed};

use crate::open::fault;
use crate::{App, Entropy};

/// Events that are read at once.
const BATCH: i64 = 1_000;

/// The key that is on file, or a new one.
pub(crate) fn signing_key(data_dir: &Path, entropy: &Entropy) -> Result<SigningKey, OpenError> {
    let seed = signing_seed(
        data_dir,
        || entropy.bytes().ok(),
        |seed| SigningKey::from_seed(seed).public().to_string(),
    )?;
    Ok(SigningKey::from_seed(&seed))
}

impl App {
    /// How often logs are signed at least, while it runs.
    pub const SIGN_EVERY: Duration = Duration::from_hours(1);

    /// What others check the signatures of checkpoints with.
    #[must_use]
    pub fn audit_public_key(&self) -> PublicKey {
        self.signing_key.public()
    }

    /// Signs the end of each log that has grown. One that does not fit together any more is not signed: that would bless what
    /// somebody did to it.
    ///
    /// # Errors
    /// The store failed, or a log was tampered with; the others are signed.
    pub async fn sign_audit_checkpoints(&self) -> Result<(), Error> {
        let mut refused = Ok(());
        for organization in self.store.unsigned_audit_logs(Operator).await.map_err(fault)? {
            let scope = Operator.audit_log_of(organization);
            let end = self.store.audit_end(&scope).await.map_err(fault)?;
            if self.sign_audit_log_at(&scope, end.sequence).await?.is_none() {
                refused = Err(Error::Conflict(format!(
                    "The audit log of organization {organization} was tampered with, and its end is not signed. \
                     `keystead audit verify` says what is wrong."
                )));
            }
        }
        refused
    }

    /// A signed checkpoint at an event. `None`, and an error in the server's log, if the log does not fit together up to there.
    pub(crate) async fn sign_audit_log_at(
        &self,
        scope: &AuditScope,
        sequence: i64,
    ) -> Result<Option<Checkpoint>, Error> {
        let organization = scope.organization();
        let end = match self.checked_end(scope, sequence).await.map_err(fault)? {
            Ok(end) => end,
            Err(found) => {
                tracing::error!(%organization, "the audit log was tampered with, and is not signed: {found}");
                return Ok(None);
            }
        };
        let now = self.now();
        let checkpoint = Checkpoint::sign(&self.signing_key, organization, &end, now);
        let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
        change.keep_checkpoint(&checkpoint).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(Some(checkpoint))
    }

    /// The log up to an event, checked from the last checkpoint before it.
    async fn checked_end(&self, scope: &AuditScope, sequence: i64) -> Result<Result<End, Fault>, StoreError> {
        let mut known = End::NONE;
        if let Some(checkpoint) = self.store.last_checkpoint(scope, sequence).await? {
            let link = self.store.audit_link(scope, checkpoint.sequence).await?;
            match check_checkpoint(&checkpoint, &[self.audit_public_key()], link.as_ref(), sequence, 0) {
                Ok(()) => known = End { sequence: checkpoint.sequence, link: checkpoint.link, at: None },
                // Another key than before: what it signed counts for nothing, and all is looked at again.
                Err(Fault { kind: FaultKind::UnknownKey, .. }) => {}
                Err(found) => return Ok(Err(found)),
            }
        }
        let mut check = ChainCheck::after(scope.organization(), known);
        while check.end().sequence < sequence {
            let left = (sequence - check.end().sequence).min(BATCH);
            let events = self.store.audit_rows(scope, check.end().sequence, left).await?;
            if events.is_empty() || !feed(&mut check, &events) {
                break;
            }
        }
        Ok(match check.finish() {
            Ok(end) if end.sequence < sequence => {
                Err(Fault { sequence: end.sequence + 1, kind: FaultKind::CutOff { signed: sequence } })
            }
            other => other,
        })
    }
}

/// Hands a batch to a check. `false`: something is wrong.
fn feed(check: &mut ChainCheck, events: &[Option<(keystead_domain::audit::Event, [u8; 32])>]) -> bool {
    let before = check.end().sequence;
    for event in events {
        match event {
            Some((event, link)) => _ = check.event(event, link),
            None => check.unreadable(),
        }
    }
    check.end().sequence - before == i64::try_from(events.len()).unwrap_or(i64::MAX)
}
