//! What only the operator may look up: across organizations.

use keystead_domain::{KeyId, Operator, OrganizationId};
use sqlx::Row as _;

use crate::rows::id;
use crate::{Store, StoreError};

impl Store {
    /// The organization that a live key belongs to. Nobody but the operator may ask this without naming an organization.
    pub async fn organization_of_key(
        &self,
        _: Operator,
        key: KeyId,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let row = sqlx::query("SELECT organization_id FROM api_keys WHERE id = $1 AND revoked_at IS NULL")
            .bind(&key.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| id("api_keys", row.try_get::<&[u8], _>(0)?, OrganizationId::from_slice)).transpose()
    }
}
