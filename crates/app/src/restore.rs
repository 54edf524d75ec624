//! Bringing a store back from a backup.
//!
//! A restored store knows nothing of what came after the backup. So whatever counts on that is started anew: people sign in again,
//! apps are connected again, sessions that were minted end, and all tokens that were signed count no more, because other keys sign.
//! What was revoked after the backup is revoked again as far as shipped audit logs tell; what they do not tell, nobody knows.

mod reopen;
mod replay;
mod shipped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use keystead_domain::audit::Trace;
use keystead_domain::{Operator, OrganizationId};
use keystead_store::{
    BackupError, BackupHead, Checked, Ended, Restoring, StoreError, Transaction, check_database,
};
use serde_json::json;

use crate::{App, Clock, Deployment, Entropy, Passwords};

pub use reopen::{Halt, Reopened};
pub use shipped::ShippedLog;

use replay::Replay;
use shipped::Shipped;

/// What came of a restore.
pub struct Restored {
    /// Of the backup.
    pub head: BackupHead,
    /// What was in it.
    pub checked: Checked,
    /// What was ended in all cases.
    pub ended: Ended,
    /// What came of the shipped logs, if there were any.
    pub replayed: Option<Replayed>,
}

/// What came of shipped logs.
#[derive(Debug, Default)]
pub struct Replayed {
    /// The logs of the backup, and how far the shipped ones go on.
    pub logs: Vec<ShippedLog>,
    /// What was taken away again.
    pub taken: Vec<String>,
    /// Where more was taken away than an event says, or somebody has to look.
    pub to_look_at: Vec<String>,
    /// What was made after the backup, by the name of the action, and how many.
    pub made: BTreeMap<String, u64>,
    /// Organizations that the backup does not have: nothing of theirs is in the store.
    pub unknown_organizations: usize,
    /// Lines that are no event, as a crash leaves them.
    pub unreadable_lines: u64,
}

impl App {
    /// Brings a store back into a folder that has none. `shipped` are files of JSON Lines. `progress` is told what is being done.
    ///
    /// # Errors
    /// The backup or a shipped log cannot be used, or the folder. Nothing is left behind then.
    pub async fn restore(
        (backup, shipped, folder): (&Path, &[PathBuf], &Path),
        deployment: Deployment,
        (clock, entropy): (Clock, Entropy),
        progress: impl Fn(&str),
    ) -> Result<Restored, BackupError> {
        let restoring = Restoring::begin(folder)?;
        progress("Unpacking the backup.");
        let head = restoring.unpack(backup)?;
        let checked = check_database(&restoring.database(), &head, &progress).await?;
        let shipped = match shipped {
            [] => None,
            files => {
                progress("Reading the shipped audit logs.");
                Some(Shipped::read(files, &checked.logs)?)
            }
        };
        progress("Preparing the store.");
        let opened = Self::open(&restoring.ready(), deployment, Passwords::default(), clock, entropy).await;
        let app = opened.map_err(|error| BackupError::Open(Box::new(error)))?;
        let begun = app.begin_on_backup(&head, shipped).await;
        if let Err(error) = app.close().await {
            tracing::warn!(%error, "the restored store was not closed cleanly");
        }
        let (ended, replayed) = begun?;
        restoring.finish()?;
        Ok(Restored { head, checked, ended, replayed })
    }

    /// In one transaction, so that no store is ever without it.
    async fn begin_on_backup(
        &self,
        head: &BackupHead,
        shipped: Option<Shipped>,
    ) -> Result<(Ended, Option<Replayed>), StoreError> {
        let organizations = self.store.audited_organizations(Operator).await?;
        let mut change = self.store.begin(Trace::operator(self.now())).await?;
        let of = json!({ "backupMadeAt": head.made_at.to_string(), "backupVersion": head.version });
        let begun = begin_anew(&mut change, organizations, &of, shipped).await?;
        change.commit().await?;
        Ok(begun)
    }
}

/// Ends what counts on a history that is lost, takes away again what shipped logs say, and appends to each audit log that this was done:
/// `of` says what the store was brought back from.
async fn begin_anew(
    change: &mut Transaction,
    organizations: Vec<(OrganizationId, Option<String>)>,
    of: &serde_json::Value,
    shipped: Option<Shipped>,
) -> Result<(Ended, Option<Replayed>), StoreError> {
    let ended = change.end_what_was_open(Operator).await?;
    for (organization, _) in &organizations {
        let mut details = of.clone();
        details["replayedTo"] = json!(shipped.as_ref().and_then(|shipped| shipped.last(*organization)));
        change.record_restored(Operator, *organization, details).await?;
    }
    let Some(shipped) = shipped else { return Ok((ended, None)) };
    let names: BTreeMap<OrganizationId, Option<String>> = organizations.into_iter().collect();
    let mut replay = Replay::new(change);
    for (organization, event) in shipped.events() {
        replay.event(organization, event).await?;
    }
    let mut replayed = replay.finish();
    replayed.logs = shipped.logs;
    for log in &mut replayed.logs {
        log.name = names.get(&log.organization).cloned().flatten().unwrap_or_default();
    }
    replayed.unknown_organizations = shipped.unknown.len();
    replayed.unreadable_lines = shipped.unreadable_lines;
    Ok((ended, Some(replayed)))
}
