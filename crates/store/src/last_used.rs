//! When keys were last used: written in batches, apart from verification (promise 9).

use jiff::Timestamp;
use keystead_domain::KeyId;

use crate::{StoreError, Transaction};

impl Transaction {
    /// Writes when keys were last used. Forward only: an older time never replaces a newer one. Not a change that anybody
    /// made, so it leaves no trace in the audit log and none in the feed.
    pub async fn set_last_used(&mut self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let connection = self.connection()?;
        for (key, at) in used {
            sqlx::query("UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)")
                .bind(at.as_millisecond())
                .bind(&key.as_bytes()[..])
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}
