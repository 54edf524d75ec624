//! Refresh tokens: each is used once, and the used ones are remembered, so that one that comes back gives a thief away.

use jiff::Timestamp;
use keystead_domain::{AuthorizedClient, RefreshStanding};
use keystead_token::TokenHash;
use sqlx::Row as _;

use super::connections::authorized_client;
use crate::keys::changed_one;
use crate::rows::{instant, optional_instant};
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "refresh_tokens";

/// What is known of a refresh token.
#[derive(Debug, Clone)]
pub struct RefreshRecord {
    /// Whose it is.
    pub client: AuthorizedClient,
    /// The first instant at which it no longer counts.
    pub expires_at: Timestamp,
    /// Its place among the connection's.
    pub standing: RefreshStanding,
}

impl Store {
    /// Whether there is such a refresh token, used or not.
    pub async fn knows_refresh_token(&self, hash: &TokenHash) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT connection_id FROM refresh_tokens WHERE token_hash = $1")
            .bind(&hash.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }
}

impl Transaction {
    /// What is known of a refresh token.
    pub async fn refresh_token(&mut self, hash: &TokenHash) -> Result<Option<RefreshRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT c.id, c.organization_id, c.user_id, c.client_id, c.ends_at, c.ended_at, r.expires_at, r.used_at, r.generation, \
             c.generation, (SELECT COUNT(*) FROM refresh_tokens s WHERE s.connection_id = c.id AND s.generation = c.generation) \
             FROM refresh_tokens r JOIN connections c ON c.id = r.connection_id WHERE r.token_hash = $1",
        )
        .bind(&hash.as_bytes()[..])
        .fetch_optional(self.connection()?)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let record = RefreshRecord {
            client: authorized_client(&row)?,
            expires_at: instant(TABLE, row.try_get(6)?)?,
            standing: RefreshStanding {
                used_at: optional_instant(TABLE, row.try_get(7)?)?,
                generation: row.try_get(8)?,
                latest: row.try_get(9)?,
                siblings: row.try_get(10)?,
            },
        };
        self.trace_to(&record.client);
        Ok(Some(record))
    }

    /// Keeps a refresh token for a connection, of its latest generation.
    pub async fn add_refresh_token(
        &mut self,
        client: &AuthorizedClient,
        hash: &TokenHash,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.check_issuing().await?;
        let rows = sqlx::query(
            "INSERT INTO refresh_tokens (token_hash, connection_id, generation, expires_at) \
             SELECT $1, id, generation, $3 FROM connections WHERE id = $2",
        )
        .bind(&hash.as_bytes()[..])
        .bind(&client.connection.as_bytes()[..])
        .bind(expires_at.as_millisecond())
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)
    }

    /// Uses up a refresh token that was read in this transaction: the next generation begins.
    pub async fn use_refresh_token(
        &mut self,
        client: &AuthorizedClient,
        hash: &TokenHash,
    ) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let rows =
            sqlx::query("UPDATE refresh_tokens SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL")
                .bind(now)
                .bind(&hash.as_bytes()[..])
                .execute(&mut *connection)
                .await?
                .rows_affected();
        changed_one(rows)?;
        let rows = sqlx::query(
            "UPDATE connections SET last_used_at = $1, generation = generation + 1 WHERE id = $2",
        )
        .bind(now)
        .bind(&client.connection.as_bytes()[..])
        .execute(connection)
        .await?
        .rows_affected();
        changed_one(rows)
    }

    /// Forgets up to `limit` refresh tokens that have run out: they are refused, used or not.
    pub async fn forget_refresh_tokens(&mut self, limit: i64) -> Result<u64, StoreError> {
        let now = self.trace.at.as_millisecond();
        let forgotten = sqlx::query(
            "DELETE FROM refresh_tokens WHERE token_hash IN \
             (SELECT token_hash FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)",
        )
        .bind(now)
        .bind(limit)
        .execute(self.connection()?)
        .await?;
        Ok(forgotten.rows_affected())
    }
}
