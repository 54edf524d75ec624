//! Appending to the audit log, and reading it from its beginning. Its parts list it for people, sign it, and ship it.

mod checkpoints;
mod list;
mod names;
mod shipping;

use futures_util::StreamExt as _;
use keystead_domain::audit::{Action, CHAIN_START, Event};
use keystead_domain::{AuditScope, OrganizationId, UserId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::rows::{corrupt, id, instant};
use crate::{Store, StoreError, Transaction};

pub(crate) use checkpoints::checkpoint;
pub use names::{AuditNames, NamedUser};
pub use shipping::Audited;

const TABLE: &str = "audit_events";

impl Transaction {
    /// Appends what was done, in the transaction that does it: neither is there without the other (promise 10).
    pub(crate) async fn record(
        &mut self,
        organization: OrganizationId,
        action: Action,
        target: [u8; 16],
        details: serde_json::Value,
    ) -> Result<(), StoreError> {
        let trace = self.trace.clone();
        let connection = self.connection()?;
        let last = sqlx::query(
            "SELECT sequence, link FROM audit_events WHERE organization_id = $1 ORDER BY sequence DESC LIMIT 1",
        )
        .bind(&organization.as_bytes()[..])
        .fetch_optional(&mut *connection)
        .await?;
        let (sequence, previous) = match last {
            Some(row) => (row.try_get::<i64, _>(0)?, link(&row, 1)?),
            None => (0, CHAIN_START),
        };
        let event = Event {
            organization,
            sequence: sequence + 1,
            // The store keeps milliseconds, and the link covers what is kept.
            at: instant(TABLE, trace.at.as_millisecond())?,
            user: trace.user,
            via: trace.via.to_owned(),
            via_id: trace.via_id,
            address: trace.address.map(|address| address.to_string()),
            action: action.name().to_owned(),
            target: Some(target),
            details: details.to_string(),
        };
        sqlx::query(
            "INSERT INTO audit_events (organization_id, sequence, at, user_id, via, via_id, address, action, target, details, link) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&event.organization.as_bytes()[..])
        .bind(event.sequence)
        .bind(event.at.as_millisecond())
        .bind(event.user.as_ref().map(|id| id.as_bytes().to_vec()))
        .bind(&event.via)
        .bind(event.via_id.map(Vec::from))
        .bind(event.address.as_deref())
        .bind(&event.action)
        .bind(event.target.map(Vec::from))
        .bind(&event.details)
        .bind(Vec::from(event.link(&previous)))
        .execute(connection)
        .await?;
        self.appends_to_log_of(organization);
        Ok(())
    }

    /// Appends that somebody took a copy of the log along.
    pub async fn record_audit_export(
        &mut self,
        scope: &AuditScope,
        details: serde_json::Value,
    ) -> Result<(), StoreError> {
        let organization = scope.organization();
        self.record(organization, Action::AuditLogExported, *organization.as_bytes(), details).await
    }
}

impl Store {
    /// Up to `limit` events of a log after a number, oldest first, each with its link.
    pub async fn audit_events(
        &self,
        scope: &AuditScope,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(Event, [u8; 32])>, StoreError> {
        let events = self.audit_rows(scope, after, limit).await?;
        events.into_iter().map(|event| event.ok_or(corrupt(TABLE, "an event that is no event"))).collect()
    }

    /// The same, for whoever looks for tampering: an event that cannot be read is `None`.
    pub async fn audit_rows(
        &self,
        scope: &AuditScope,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Option<(Event, [u8; 32])>>, StoreError> {
        let mut rows = sqlx::query(
            "SELECT sequence, at, user_id, via, via_id, address, action, target, details, link FROM audit_events \
             WHERE organization_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        )
            .bind(&scope.organization().as_bytes()[..])
            .bind(after)
            .bind(limit)
            .fetch(&self.readers);
        let mut events = Vec::new();
        while let Some(row) = rows.next().await {
            match row.map_err(StoreError::from).and_then(|row| linked_event(&row, scope.organization())) {
                Ok(event) => events.push(Some(event)),
                Err(error) if error.is_unreadable() => events.push(None),
                Err(error) => return Err(error),
            }
        }
        Ok(events)
    }
}

/// From the columns sequence, at, `user_id`, via, `via_id`, address, action, target, details, link.
pub(crate) fn linked_event(
    row: &AnyRow,
    organization: OrganizationId,
) -> Result<(Event, [u8; 32]), StoreError> {
    // One of another length was tampered with: as zeros, it breaks the chain where it stands, and the rest can be read.
    let bytes = |at: usize| -> Result<Option<[u8; 16]>, StoreError> {
        Ok(row.try_get::<Option<Vec<u8>>, _>(at)?.map(|bytes| bytes.try_into().unwrap_or_default()))
    };
    let event = Event {
        organization,
        sequence: row.try_get(0)?,
        at: instant(TABLE, row.try_get(1)?)?,
        user: bytes(2)?.map(|bytes| id(TABLE, &bytes, UserId::from_slice)).transpose()?,
        via: row.try_get(3)?,
        via_id: bytes(4)?,
        address: row.try_get(5)?,
        action: row.try_get(6)?,
        target: bytes(7)?,
        details: row.try_get(8)?,
    };
    Ok((event, link(row, 9)?))
}

pub(crate) fn link(row: &AnyRow, at: usize) -> Result<[u8; 32], StoreError> {
    let bytes: &[u8] = row.try_get(at)?;
    bytes.try_into().map_err(|_| corrupt(TABLE, "a link that is not 32 bytes"))
}
