//! Checking every log in the store: its links, its signed checkpoints, and checkpoints that were kept elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use keystead_domain::audit::{
    ChainCheck, Checkpoint, End, Fault, FaultKind, Line, PublicKey, check_checkpoint, parse_line,
};
use keystead_domain::{AuditScope, Error, Field, Operator, OrganizationId};
use keystead_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::open::fault;

/// Rows that are read at once.
const BATCH: i64 = 1_000;

/// What came of checking a log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedLog {
    /// Whose.
    pub organization: String,
    /// What they are called; `None` for one that the store does not have (any more).
    pub name: Option<String>,
    /// The last event that is as it was.
    pub events: i64,
    /// When it happened.
    pub last_at: Option<String>,
    /// The last event that a checkpoint in the store vouches for; 0 is none.
    pub signed: i64,
    /// The last event that a checkpoint from elsewhere vouches for; 0 is none.
    pub kept_elsewhere: i64,
    /// What is wrong with it, if anything.
    pub fault: Option<String>,
}

impl App {
    /// Checks all logs, from each first event. `checkpoints` are lines that were kept elsewhere; `keys` are trusted beside our own.
    pub(crate) async fn verify_audit_logs(
        &self,
        checkpoints: &[String],
        mut keys: Vec<PublicKey>,
    ) -> Result<Vec<CheckedLog>, Error> {
        keys.push(self.audit_public_key());
        let mut elsewhere: BTreeMap<OrganizationId, Vec<Checkpoint>> = BTreeMap::new();
        for line in checkpoints {
            let Ok(Line::Checkpoint(checkpoint)) = parse_line(line) else {
                return Err(Error::invalid(Field::After, "A line of the file is not a checkpoint."));
            };
            elsewhere.entry(checkpoint.organization).or_default().push(checkpoint);
        }
        let mut names: BTreeMap<_, _> =
            self.store.audited_organizations(Operator).await.map_err(fault)?.into_iter().collect();
        let organizations: BTreeSet<_> = names.keys().chain(elsewhere.keys()).copied().collect();
        let mut checked = Vec::new();
        for organization in organizations {
            let mut log =
                Log { scope: Operator.audit_log_of(organization), end: End::NONE, signed: 0, kept: 0 };
            let mut theirs = elsewhere.remove(&organization).unwrap_or_default();
            theirs.sort_unstable_by_key(|checkpoint| checkpoint.sequence);
            let found = self.verify_log(&mut log, &theirs, &keys).await.map_err(fault)?;
            checked.push(CheckedLog {
                organization: organization.to_string(),
                name: names.remove(&organization).flatten(),
                events: log.end.sequence,
                last_at: log.end.at.map(|at| at.to_string()),
                signed: log.signed,
                kept_elsewhere: log.kept,
                fault: found.err().map(|found| found.to_string()),
            });
        }
        Ok(checked)
    }

    async fn verify_log(
        &self,
        log: &mut Log,
        elsewhere: &[Checkpoint],
        keys: &[PublicKey],
    ) -> Result<Result<(), Fault>, StoreError> {
        let mut check = ChainCheck::new(log.scope.organization());
        let mut read = 0;
        'events: loop {
            let events = self.store.audit_rows(&log.scope, read, BATCH).await?;
            if events.is_empty() {
                break;
            }
            for event in events {
                let Some((event, link)) = event else {
                    check.unreadable();
                    break 'events;
                };
                read = event.sequence;
                if !check.event(&event, &link) {
                    break 'events;
                }
            }
        }
        log.end = check.end();
        match check.finish() {
            // Every log begins with how its organization came to be.
            Ok(End { sequence: 0, .. }) if elsewhere.is_empty() => {
                return Ok(Err(Fault { sequence: 1, kind: FaultKind::LeftOut }));
            }
            Ok(_) => {}
            Err(found) => return Ok(Err(found)),
        }
        let end = log.end.sequence;
        loop {
            let batch = self.store.checkpoints(&log.scope, log.signed, BATCH).await?;
            if batch.is_empty() {
                break;
            }
            for (checkpoint, link) in batch {
                if let Err(found) = check_checkpoint(&checkpoint, keys, link.as_ref(), end, log.signed) {
                    return Ok(Err(found));
                }
                log.signed = checkpoint.sequence;
            }
        }
        for checkpoint in elsewhere {
            let link = self.store.audit_link(&log.scope, checkpoint.sequence).await?;
            if let Err(found) = check_checkpoint(checkpoint, keys, link.as_ref(), end, log.kept) {
                return Ok(Err(found));
            }
            log.kept = checkpoint.sequence;
        }
        Ok(Ok(()))
    }
}

/// A log while it is checked.
struct Log {
    scope: AuditScope,
    /// The last event that is as it was.
    end: End,
    /// Up to where checkpoints in the store agree with it, and those from elsewhere.
    signed: i64,
    kept: i64,
}
