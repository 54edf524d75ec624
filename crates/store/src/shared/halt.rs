//! A store that nobody may serve from, and how it comes back: as another history, which every node loads anew.

use keystead_domain::Operator;
use sqlx::Row as _;

use crate::{Store, StoreError, Transaction};

impl Store {
    /// Why nobody may serve from this store, if that is so.
    pub async fn halted(&self) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT halted FROM feed WHERE id = 1").fetch_one(&self.readers).await?;
        Ok(row.try_get(0)?)
    }
}

impl Transaction {
    /// Lets nobody serve or write any more, because of this or of what was found before.
    pub async fn halt(&mut self, _: Operator, why: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE feed SET halted = COALESCE(halted, $1) WHERE id = 1")
            .bind(why)
            .execute(self.connection()?)
            .await?;
        Ok(())
    }

    /// Begins another history with what is there now. Until leases of before have ended, nodes may answer by what they knew.
    pub async fn begin_epoch(&mut self, _: Operator) -> Result<(), StoreError> {
        sqlx::query("UPDATE feed SET epoch = gen_random_uuid(), halted = NULL WHERE id = 1")
            .execute(self.connection()?)
            .await?;
        Ok(())
    }
}
