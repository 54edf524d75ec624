//! Signed checkpoints, and what the operator needs to check all logs by them.

use jiff::Timestamp;
use keystead_domain::audit::{Checkpoint, End};
use keystead_domain::{AuditScope, Operator, OrganizationId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::link;
use crate::rows::{id, instant};
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "audit_checkpoints";

impl Transaction {
    /// Keeps a checkpoint. One at the same event is kept instead, if there is one.
    pub async fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let signature = [&checkpoint.key_id[..], &checkpoint.signature[..]].concat();
        sqlx::query(
            "INSERT INTO audit_checkpoints (organization_id, sequence, link, at, signature) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (organization_id, sequence) DO NOTHING",
        )
        .bind(&checkpoint.organization.as_bytes()[..])
        .bind(checkpoint.sequence)
        .bind(&checkpoint.link[..])
        .bind(checkpoint.at.as_millisecond())
        .bind(signature)
        .execute(self.connection()?)
        .await?;
        Ok(())
    }
}

impl Store {
    /// The logs that have grown since they were last signed.
    pub async fn unsigned_audit_logs(&self, _: Operator) -> Result<Vec<OrganizationId>, StoreError> {
        let rows = sqlx::query(
            "SELECT o.id FROM organizations o WHERE EXISTS (SELECT 1 FROM audit_events e WHERE e.organization_id = o.id \
             AND e.sequence > COALESCE((SELECT MAX(c.sequence) FROM audit_checkpoints c WHERE c.organization_id = o.id), 0))",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| id(TABLE, row.try_get(0)?, OrganizationId::from_slice)).collect()
    }

    /// A log's last checkpoint up to an event.
    pub async fn last_checkpoint(
        &self,
        scope: &AuditScope,
        until: i64,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let row = sqlx::query(
            "SELECT sequence, link, at, signature FROM audit_checkpoints WHERE organization_id = $1 AND sequence <= $2 \
             ORDER BY sequence DESC LIMIT 1",
        )
        .bind(&scope.organization().as_bytes()[..])
        .bind(until)
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| checkpoint(&row, scope.organization())).transpose()
    }

    /// Up to `limit` checkpoints of a log behind an event, each with the link of the event that it names, if the log has it.
    pub async fn checkpoints(
        &self,
        scope: &AuditScope,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(Checkpoint, Option<[u8; 32]>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.sequence, c.link, c.at, c.signature, e.link FROM audit_checkpoints c LEFT JOIN audit_events e \
             ON e.organization_id = c.organization_id AND e.sequence = c.sequence \
             WHERE c.organization_id = $1 AND c.sequence > $2 ORDER BY c.sequence LIMIT $3",
        )
        .bind(&scope.organization().as_bytes()[..])
        .bind(after)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let read = |row: &AnyRow| {
            let there = row.try_get::<Option<Vec<u8>>, _>(4)?.is_some();
            Ok((checkpoint(row, scope.organization())?, if there { Some(link(row, 4)?) } else { None }))
        };
        rows.iter().map(read).collect()
    }

    /// The link of an event.
    pub async fn audit_link(
        &self,
        scope: &AuditScope,
        sequence: i64,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        let row = sqlx::query("SELECT link FROM audit_events WHERE organization_id = $1 AND sequence = $2")
            .bind(&scope.organization().as_bytes()[..])
            .bind(sequence)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| link(&row, 0)).transpose()
    }

    /// The last event of a log.
    pub async fn audit_end(&self, scope: &AuditScope) -> Result<End, StoreError> {
        let row = sqlx::query(
            "SELECT sequence, link, at FROM audit_events WHERE organization_id = $1 ORDER BY sequence DESC LIMIT 1",
        )
        .bind(&scope.organization().as_bytes()[..])
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(End::NONE) };
        let at = instant(TABLE, row.try_get(2)?)?;
        Ok(End { sequence: row.try_get(0)?, link: link(&row, 1)?, at: Some(at) })
    }

    /// Every organization that has a log or ought to, with its name if it has one.
    pub async fn audited_organizations(
        &self,
        _: Operator,
    ) -> Result<Vec<(OrganizationId, Option<String>)>, StoreError> {
        // Somebody who tampers may have removed an organization, and left its log.
        let rows = sqlx::query(
            "SELECT a.id, o.name FROM (SELECT id FROM organizations UNION SELECT organization_id FROM audit_events \
             UNION SELECT organization_id FROM audit_checkpoints) a LEFT JOIN organizations o ON o.id = a.id ORDER BY a.id",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| Ok((id(TABLE, row.try_get(0)?, OrganizationId::from_slice)?, row.try_get(1)?)))
            .collect()
    }
}

/// What is not as it should be was tampered with, and is as zeros: no signature fits it, and the rest can be read.
pub(crate) fn checkpoint(row: &AnyRow, organization: OrganizationId) -> Result<Checkpoint, StoreError> {
    let signed: &[u8] = row.try_get(3)?;
    let (key_id, signature) = signed.split_at_checked(8).unwrap_or_default();
    Ok(Checkpoint {
        organization,
        sequence: row.try_get(0)?,
        link: row.try_get::<&[u8], _>(1)?.try_into().unwrap_or_default(),
        at: Timestamp::from_millisecond(row.try_get(2)?).unwrap_or_default(),
        key_id: key_id.try_into().unwrap_or_default(),
        signature: signature.try_into().unwrap_or([0; 64]),
    })
}
