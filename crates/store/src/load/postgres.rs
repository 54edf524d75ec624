//! Keys as PostgreSQL sends them, on a connection of their own: without the time limit of others, and read as they come.

use futures_util::TryStreamExt as _;
use keystead_domain::{Change, KeyId, KeyRecord, UserId};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::{StoreError, rows};

/// Tells every key that was not revoked.
pub(super) async fn keys(
    options: &PgConnectOptions,
    progress: impl Fn(u64),
    sink: &impl Fn(Change),
) -> Result<(), StoreError> {
    let mut connection = options.clone().disable_statement_logging().connect().await?;
    let count: i64 = sqlx::query("SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL")
        .fetch_one(&mut connection)
        .await?
        .try_get(0)?;
    progress(count.unsigned_abs());
    let mut rows = sqlx::query(
        "SELECT id, token_hash, creator_id, allow_impersonation, expires_at, session_epoch, last_used_at \
         FROM api_keys WHERE revoked_at IS NULL",
    )
    .fetch(&mut connection);
    while let Some(row) = rows.try_next().await? {
        match key(&row) {
            Ok(key) => sink(Change::Key(key)),
            Err(error) => tracing::error!(?error, "a key cannot be read; it is refused"),
        }
    }
    drop(rows);
    connection.close().await?;
    Ok(())
}

fn key(row: &PgRow) -> Result<KeyRecord, StoreError> {
    const TABLE: &str = "api_keys";
    Ok(KeyRecord {
        id: rows::id(TABLE, row.try_get(0)?, KeyId::from_slice)?,
        hash: rows::hash(TABLE, row.try_get(1)?)?,
        creator: rows::id(TABLE, row.try_get(2)?, UserId::from_slice)?,
        allow_impersonation: rows::flag(TABLE, row.try_get(3)?)?,
        expires_at: rows::optional_instant(TABLE, row.try_get(4)?)?,
        session_epoch: rows::epoch(TABLE, row.try_get(5)?)?,
        last_used_at: rows::optional_instant(TABLE, row.try_get(6)?)?,
    })
}
