//! Copies of the log, read in batches: however long it is, only a batch is in memory.

use keystead_domain::audit::{AuditFilter, Checkpoint, Event, Trace};
use keystead_domain::{Actor, AuditScope, Error};
use keystead_store::AuditNames;

use super::named_ids;
use crate::App;
use crate::open::fault;

/// Events in a batch.
const BATCH: i64 = 1_000;

/// As what a copy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// For spreadsheets.
    Csv,
    /// With everything that it takes to check the copy.
    JsonLines,
}

impl ExportFormat {
    /// Its name in requests and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

/// A copy under way: of what was in the log when it began, the event of the export itself included, oldest first.
#[derive(Debug)]
pub struct AuditExport {
    scope: AuditScope,
    filter: AuditFilter,
    /// The last event that was handed out, and the last there will be.
    after: i64,
    pub(crate) until: i64,
    ended: bool,
}

/// A part of a copy.
#[derive(Debug)]
pub struct ExportBatch {
    /// Events, each with its link.
    pub events: Vec<(Event, [u8; 32])>,
    /// Names of the users and keys in them.
    pub names: AuditNames,
    /// The signed end of the copy, with the last part of one that leaves nothing out.
    pub checkpoint: Option<Checkpoint>,
}

impl App {
    /// Begins a copy, and notes in the log that it was taken.
    pub async fn begin_audit_export(
        &self,
        actor: &Actor,
        filter: AuditFilter,
        format: ExportFormat,
    ) -> Result<AuditExport, Error> {
        let scope = actor.audit_log()?;
        self.begin_export(scope, filter, format, Trace::of(actor, self.now())).await
    }

    pub(crate) async fn begin_export(
        &self,
        scope: AuditScope,
        filter: AuditFilter,
        format: ExportFormat,
        trace: Trace,
    ) -> Result<AuditExport, Error> {
        let mut details = serde_json::json!({ "format": format.name() });
        let mut note = |part: &str, value: Option<String>| {
            if let Some(value) = value {
                details[part] = value.into();
            }
        };
        note("user", filter.user.map(|user| user.to_string()));
        note("target", filter.target.map(|target| uuid::Uuid::from_bytes(target).to_string()));
        note("via", filter.via.map(|via| via.name().to_owned()));
        note("from", filter.from.map(|from| from.to_string()));
        note("to", filter.to.map(|to| to.to_string()));
        if !filter.actions.is_empty() {
            details["actions"] = filter.actions.iter().map(|action| action.name()).collect();
        }
        let mut change = self.store.begin(trace).await.map_err(fault)?;
        change.record_audit_export(&scope, details).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        let until = self.store.audit_end(&scope).await.map_err(fault)?.sequence;
        Ok(AuditExport { scope, filter, after: 0, until, ended: false })
    }

    /// The next part; `None` after the last.
    pub async fn next_export_batch(&self, export: &mut AuditExport) -> Result<Option<ExportBatch>, Error> {
        if export.ended {
            return Ok(None);
        }
        let AuditExport { scope, filter, after, until, .. } = &*export;
        let events = self.store.audit_copy(scope, filter, *after, *until, BATCH).await.map_err(fault)?;
        let names = self.store.audit_names(scope, &named_ids(events.iter().map(|(event, _)| event))).await;
        let names = names.map_err(fault)?;
        export.after = events.last().map_or(export.until, |(event, _)| event.sequence);
        export.ended = export.after >= export.until;
        let checkpoint = if export.ended && export.filter.is_empty() {
            self.sign_audit_log_at(&export.scope, export.until).await?
        } else {
            None
        };
        Ok(Some(ExportBatch { events, names, checkpoint }))
    }

    /// One part of a copy without a filter, for whoever asks for each part anew: those after a number, up to another.
    pub(crate) async fn export_part(
        &self,
        scope: AuditScope,
        after: i64,
        until: i64,
    ) -> Result<ExportBatch, Error> {
        let mut export = AuditExport { scope, filter: AuditFilter::default(), after, until, ended: false };
        self.next_export_batch(&mut export).await?.ok_or(Error::Internal)
    }
}
