//! The audit log in the schema.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use keystead_app::AuditPage;
use keystead_domain::Error;
use keystead_domain::audit::{AuditFilter, Event, ViaKind};
use uuid::Uuid;

use super::caller;
use super::connection::PageInfo;
use super::key::DateTime;
use super::query::{PAGE, items};

/// Through what kind of proof something was done.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ViaKind")]
pub(super) enum AuditVia {
    /// A console session.
    Session,
    /// An API key.
    Key,
    /// A session that an impersonation key minted.
    Impersonation,
    /// An app that somebody connected.
    Connection,
    /// The operator's command line.
    Operator,
    /// Somebody who was just signing in.
    SignIn,
    /// Somebody who was just setting the deployment up.
    SetUp,
    /// Somebody who was just accepting an invitation.
    Invitation,
    /// Somebody who was just setting a new password by a link.
    PasswordReset,
}

#[derive(Default)]
pub(super) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// A page of the organization's audit log, newest first. All filters must hold. Needs the permission `audit:read`.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for what is wrong with a filter, `first` or `after`.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    #[graphql(complexity = "100 + items(first) * child_complexity")]
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only what was done as this user.")] user_id: Option<ID>,
        #[graphql(desc = "Only these actions, such as `key.revoked`.")] actions: Option<Vec<String>>,
        #[graphql(desc = "Only what was done to the thing with this id.")] target_id: Option<ID>,
        #[graphql(desc = "Only what was done through this kind of proof.")] via: Option<AuditVia>,
        #[graphql(desc = "Only what was done at or after this instant.")] from: Option<DateTime>,
        #[graphql(desc = "Only what was done before this instant.")] to: Option<DateTime>,
        #[graphql(default_with = "Some(PAGE)", desc = "How many: 1 to 100.")] first: Option<i64>,
        #[graphql(desc = "Only events older than this cursor, which the same list gave.")] after: Option<
            String,
        >,
    ) -> Result<AuditEventConnection, Error> {
        let caller = caller(context)?;
        // Before anything is said about the filter.
        caller.actor.audit_log()?;
        let filter = AuditFilter::parse(
            user_id.as_ref().map_or("", |id| id.as_str()),
            &actions.unwrap_or_default(),
            target_id.as_ref().map_or("", |id| id.as_str()),
            via.map_or("", |via| ViaKind::from(via).name()),
            "",
            "",
        )?
        .between(from.map(|from| from.0), to.map(|to| to.0))?;
        let first = first.unwrap_or(PAGE);
        let page = caller.app.audit_events(&caller.actor, &filter, first, after.as_deref()).await?;
        Ok(AuditEventConnection { page, continued: after.is_some() })
    }
}

/// A page of the audit log.
pub(super) struct AuditEventConnection {
    page: AuditPage,
    /// Whether the page begins behind a cursor.
    continued: bool,
}

impl AuditEventConnection {
    fn events(&self) -> impl Iterator<Item = AuditEvent> {
        self.page.events.iter().map(|event| AuditEvent::of(event, &self.page))
    }
}

/// A page of the audit log, newest first. It is not counted: a log only grows.
#[Object]
impl AuditEventConnection {
    /// The events, each with its cursor.
    async fn edges(&self) -> Vec<AuditEventEdge> {
        let cursors = self.page.cursors.iter().cloned();
        cursors.zip(self.events()).map(|(cursor, node)| AuditEventEdge { cursor, node }).collect()
    }

    /// The events alone.
    async fn nodes(&self) -> Vec<AuditEvent> {
        self.events().collect()
    }

    /// Whether there is more, and from where.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.page.cursors, self.page.has_more, self.continued)
    }
}

/// An event in a list.
#[derive(SimpleObject)]
pub(super) struct AuditEventEdge {
    /// The place after this event, for `after`. Good for the same list only: the same filters.
    cursor: String,
    /// The event.
    node: AuditEvent,
}

/// Something that was done. Events never change.
#[derive(SimpleObject)]
pub(super) struct AuditEvent {
    /// Its number in the organization's log, from 1, without gaps.
    sequence: i64,
    /// When it was done.
    at: DateTime,
    /// Whom it was done as; null for the operator's command line, and for somebody who was not signed in.
    user: Option<AuditUser>,
    /// Through what kind of proof: `session`, `key`, `impersonation`, `operator`, `sign_in`, `set_up`, `invitation` or `password_reset`.
    via: String,
    /// The id of that session or key; for `impersonation`, of the key that minted the session.
    via_id: Option<ID>,
    /// The key's name, as of now.
    via_name: Option<String>,
    /// From which address, as far as it is known.
    address: Option<String>,
    /// What was done, such as `key.revoked`.
    action: String,
    /// To what: the id of the key, the user or whatever else.
    target_id: Option<ID>,
    /// The rest, as JSON. Never a token.
    details: String,
}

/// A user as the log knows them; perhaps deleted since.
#[derive(SimpleObject)]
pub(super) struct AuditUser {
    /// The user's id.
    id: ID,
    /// How others see them, as of now; null if nobody has that id any more.
    name: Option<String>,
    /// Their address, as of now; null if nobody has that id any more.
    email: Option<String>,
    /// Whether they were deleted since.
    deleted: bool,
}

impl AuditEvent {
    fn of(event: &Event, page: &AuditPage) -> Self {
        let id = |id: [u8; 16]| ID::from(Uuid::from_bytes(id).to_string());
        let user = event.user.map(|user| {
            let named = page.names.user(user.as_bytes());
            AuditUser {
                id: user.to_string().into(),
                name: named.map(|named| named.name.clone()),
                email: named.map(|named| named.email.clone()),
                deleted: named.is_none_or(|named| named.deleted),
            }
        });
        Self {
            sequence: event.sequence,
            at: DateTime(event.at),
            user,
            via: event.via.clone(),
            via_id: event.via_id.map(id),
            via_name: page.names.via(event).map(str::to_owned),
            address: event.address.clone(),
            action: event.action.clone(),
            target_id: event.target.map(id),
            details: event.details.clone(),
        }
    }
}
