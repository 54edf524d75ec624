//! The organization's audit log, for administrators.

use jiff::Timestamp;
use keystead_app::AuditPage;
use keystead_domain::Error;
use keystead_domain::audit::{AuditFilter, Event};
use rmcp::model::Tool;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::keys::page;
use super::{Effect, define};
use crate::mcp::caller::Caller;

pub(super) fn search_tool(name: &'static str) -> Tool {
    define::<SearchInput, EventPage>(
        name,
        "Search the audit log",
        "Returns a page of the organization's audit log, newest first: who did what to what, when, from where and by which key or session. \
         All filters must hold. Use it to answer who created, changed or revoked something. Needs the permission audit:read. It \
         changes nothing, and the log has no tokens.",
        Effect::None,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchInput {
    /// Only what was done as this person: their id, or the e-mail address that they have now.
    #[serde(default)]
    #[schemars(length(max = 320))]
    user: String,
    /// Only these actions, such as key.created, key.updated, key.revoked or user.deactivated.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(max = 100)))]
    actions: Vec<String>,
    /// Only what was done to the thing with this id: a key, a user or something else.
    #[serde(default)]
    #[schemars(length(max = 36))]
    target_id: String,
    /// Only what was done through this kind of proof, such as session (the console), key or operator.
    #[serde(default)]
    #[schemars(length(max = 20))]
    via: String,
    /// Only what was done at or after this day or instant, such as 2026-11-23 or 2026-11-23T10:00:00Z, by UTC.
    #[serde(default)]
    #[schemars(length(max = 40))]
    from: String,
    /// Only what was done until this day (included) or before this instant.
    #[serde(default)]
    #[schemars(length(max = 40))]
    to: String,
    /// How many at most.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 100))]
    first: i64,
    /// Only events older than this place: `next_cursor` of an answer to the same filters.
    #[schemars(length(max = 200))]
    after: Option<String>,
}

/// A page of the log.
#[derive(Serialize, JsonSchema)]
pub(super) struct EventPage {
    /// The events, newest first.
    events: Vec<AuditEvent>,
    /// Ask for older ones with `after=next_cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// Something that was done.
#[derive(Serialize, JsonSchema)]
struct AuditEvent {
    /// Its number in the log, without gaps.
    sequence: i64,
    /// When it was done (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Timestamp,
    /// What was done, such as key.revoked.
    action: String,
    /// The id of the person it was done as; null for the operator's command line and for somebody who was not signed in.
    user_id: Option<String>,
    /// Their name, as of now.
    user_name: Option<String>,
    /// Their e-mail address, as of now.
    user_email: Option<String>,
    /// Through what kind of proof: session, key, impersonation, operator and others.
    via: String,
    /// The id of that session or key.
    via_id: Option<String>,
    /// The key's name, if it was one.
    via_name: Option<String>,
    /// From which address, as far as it is known.
    address: Option<String>,
    /// The id of the thing that it was done to.
    target_id: Option<String>,
    /// The rest.
    details: Value,
}

impl AuditEvent {
    fn of(event: &Event, page: &AuditPage) -> Self {
        let id = |id: [u8; 16]| Uuid::from_bytes(id).to_string();
        let user = event.user.and_then(|user| page.names.user(user.as_bytes()));
        let key = event.via_key();
        Self {
            sequence: event.sequence,
            at: event.at,
            action: event.action.clone(),
            user_id: event.user.map(|user| user.to_string()),
            user_name: user.map(|user| user.name.clone()),
            user_email: user.map(|user| user.email.clone()),
            via: event.via.clone(),
            via_id: event.via_id.map(id),
            via_name: key.and_then(|key| page.names.key(&key)).map(str::to_owned),
            address: event.address.clone(),
            target_id: event.target.map(id),
            details: serde_json::from_str(&event.details).unwrap_or_default(),
        }
    }
}

pub(super) async fn search(caller: &Caller<'_>, input: SearchInput) -> Result<EventPage, Error> {
    let (app, actor) = (caller.app(), &caller.actor);
    // Before anything is said about the filter.
    actor.audit_log()?;
    let user = match input.user.trim() {
        "" => String::new(),
        named => app.audit_user(actor, named).await?.to_string(),
    };
    let filter =
        AuditFilter::parse(&user, &input.actions, &input.target_id, &input.via, &input.from, &input.to)?;
    let page = app.audit_events(actor, &filter, input.first, input.after.as_deref()).await?;
    Ok(EventPage {
        events: page.events.iter().map(|event| AuditEvent::of(event, &page)).collect(),
        next_cursor: page.cursors.last().filter(|_| page.has_more).cloned(),
    })
}
