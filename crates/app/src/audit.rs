//! The audit log: reading it, taking copies along, signing its ends, checking it and shipping it.

mod export;
mod ship;
mod sign;
mod verify;

use keystead_domain::audit::{AuditCursor, AuditFilter, AuditPageRequest, Event};
use keystead_domain::{Actor, Email, Error, Field, UserId};
use keystead_store::AuditNames;

use crate::App;
use crate::open::fault;

pub(crate) use sign::signing_key;

pub use export::{AuditExport, ExportBatch, ExportFormat};
pub use verify::CheckedLog;

/// A page of the log, newest first.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The events.
    pub events: Vec<Event>,
    /// The cursor after each event, in the same order.
    pub cursors: Vec<String>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// Names of the users and keys in them.
    pub names: AuditNames,
}

impl App {
    /// A page of the actor's organization's log.
    pub async fn audit_events(
        &self,
        actor: &Actor,
        filter: &AuditFilter,
        first: i64,
        after: Option<&str>,
    ) -> Result<AuditPage, Error> {
        let scope = actor.audit_log()?;
        let request = AuditPageRequest::new(first, after, &scope, filter)?;
        let mut events = self.store.audit_page(&scope, filter, &request).await.map_err(fault)?;
        let first = usize::try_from(request.first).unwrap_or(usize::MAX);
        let has_more = events.len() > first;
        events.truncate(first);
        let cursor = |event: &Event| AuditCursor { sequence: event.sequence }.encode(&scope, filter);
        let names = self.store.audit_names(&scope, &named_ids(&events)).await.map_err(fault)?;
        Ok(AuditPage { cursors: events.iter().map(cursor).collect(), has_more, names, events })
    }

    /// The user whom a filter names: by their id, or by the address that they have now.
    pub async fn audit_user(&self, actor: &Actor, named: &str) -> Result<UserId, Error> {
        let scope = actor.audit_log()?;
        if !named.contains('@') {
            return named.parse().map_err(|_| {
                Error::invalid(Field::UserId, "Write the person's e-mail address, or their id.")
            });
        }
        let found = self.store.audit_user(&scope, &Email::parse(named)?).await.map_err(fault)?;
        found.ok_or_else(|| Error::invalid(Field::UserId, "Nobody here has that address now."))
    }
}

/// Every id in the events that may have a name, once.
fn named_ids<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<[u8; 16]> {
    let mut ids: Vec<_> = events
        .into_iter()
        .flat_map(|event| {
            [event.user.map(|user| *user.as_bytes()), event.target, event.via_key(), event.via_connection()]
        })
        .flatten()
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
