//! Which logs have grown, and up to where each was shipped.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keystead_domain::{Operator, OrganizationId};
use sqlx::Row as _;
use tokio::sync::Notify;

use crate::rows::id;
use crate::{Store, StoreError, Transaction};

/// The organizations whose logs have grown since somebody last took them from here. Writers add to it and wait for nobody.
#[derive(Debug, Default)]
pub struct Audited {
    organizations: Mutex<BTreeSet<OrganizationId>>,
    grown: Notify,
}

impl Audited {
    /// After the commit.
    pub(crate) fn add(&self, mut organizations: BTreeSet<OrganizationId>) {
        if !organizations.is_empty() {
            self.lock().append(&mut organizations);
            self.grown.notify_one();
        }
    }

    /// Those that have grown, and starts over.
    #[must_use]
    pub fn take(&self) -> BTreeSet<OrganizationId> {
        std::mem::take(&mut *self.lock())
    }

    /// Until one grows. One waits at a time.
    pub async fn grown(&self) {
        self.grown.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<OrganizationId>> {
        self.organizations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// The logs that have grown.
    #[must_use]
    pub fn audited(&self) -> &Audited {
        &self.committer.audited
    }

    /// Up to which event each log was shipped, of those that have further ones.
    pub async fn unshipped_audit_logs(&self, _: Operator) -> Result<Vec<(OrganizationId, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT o.id, COALESCE(s.sequence, 0) FROM organizations o LEFT JOIN audit_shipped s ON s.organization_id = o.id \
             WHERE EXISTS (SELECT 1 FROM audit_events e WHERE e.organization_id = o.id AND e.sequence > COALESCE(s.sequence, 0))",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok((id("organizations", row.try_get(0)?, OrganizationId::from_slice)?, row.try_get(1)?))
            })
            .collect()
    }

    /// Up to which event a log was shipped.
    pub async fn shipped(&self, _: Operator, organization: OrganizationId) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT sequence FROM audit_shipped WHERE organization_id = $1")
            .bind(&organization.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
    }
}

impl Transaction {
    /// Notes up to which event a log was shipped.
    pub async fn set_shipped(
        &mut self,
        _: Operator,
        organization: OrganizationId,
        sequence: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO audit_shipped (organization_id, sequence) VALUES ($1, $2) \
             ON CONFLICT (organization_id) DO UPDATE SET sequence = excluded.sequence",
        )
        .bind(&organization.as_bytes()[..])
        .bind(sequence)
        .execute(self.connection()?)
        .await?;
        Ok(())
    }
}
