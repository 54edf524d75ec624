//! The operator's switch that stops all issuing. It is looked at inside each transaction that issues something, and changed in one:
//! writers take turns, so nothing is issued in a turn after the one that stopped it.

use jiff::Timestamp;
use keystead_domain::{Issuing, IssuingStop, Operator, StopReason};
use sqlx::{AnyConnection, Row as _};

use crate::{StoreError, Transaction};

/// What is shown of a stop whose reason is not readable: it stays stopped.
const UNREADABLE: &str = "The reason cannot be read.";

/// Whether credentials are issued.
pub(crate) async fn read(connection: &mut AnyConnection) -> Result<Issuing, StoreError> {
    let row = sqlx::query("SELECT issuing_stopped_at, issuing_stopped_why FROM feed WHERE id = 1")
        .fetch_one(connection)
        .await
        .map_err(StoreError::from);
    let (since, why) = match row {
        Ok(row) => (row.try_get::<Option<i64>, _>(0)?, row.try_get::<Option<String>, _>(1)?),
        Err(error) if error.is_unreadable() => (Some(0), None),
        Err(error) => return Err(error),
    };
    Ok(Issuing::new(since.map(|since| IssuingStop {
        since: Timestamp::from_millisecond(since).unwrap_or_default(),
        why: StopReason::from_stored(why.unwrap_or_else(|| UNREADABLE.to_owned())),
    })))
}

impl Transaction {
    /// Whether credentials are issued, as of this transaction.
    pub async fn issuing(&mut self) -> Result<Issuing, StoreError> {
        read(self.connection()?).await
    }

    /// Asked by whatever writes down a new credential.
    pub(crate) async fn check_issuing(&mut self) -> Result<(), StoreError> {
        self.issuing().await?.check().map_err(|_| StoreError::IssuingStopped)
    }

    /// Stops or starts it, for all nodes.
    pub async fn set_issuing(&mut self, _: Operator, issuing: &Issuing) -> Result<(), StoreError> {
        let stop = issuing.stop();
        sqlx::query("UPDATE feed SET issuing_stopped_at = $1, issuing_stopped_why = $2 WHERE id = 1")
            .bind(stop.map(|stop| stop.since.as_millisecond()))
            .bind(stop.map(|stop| stop.why.as_str()))
            .execute(self.connection()?)
            .await?;
        self.announce_issuing(issuing.clone()).await
    }
}
