//! Sessions that impersonation keys mint: what is kept of them, and ending them.

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{
    ApiKey, Change, Email, KeyId, KeyRecord, KeyScope, NewImpersonation, OrganizationId, UserAttributes,
    UserId,
};
use serde_json::json;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::keys::creator;
use crate::people::attributes;
use crate::{Store, StoreError, Transaction, rows};

/// The sessions of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySessions {
    /// When the key last minted one.
    pub last_minted_at: Option<Timestamp>,
    /// How many have neither run out nor been ended.
    pub live: u64,
}

impl Store {
    /// Whoever has an address in an organization, with their attributes.
    pub async fn user_to_impersonate(
        &self,
        organization: OrganizationId,
        email: &Email,
    ) -> Result<Option<(UserId, UserAttributes)>, StoreError> {
        let row = sqlx::query(
            "SELECT id, attributes FROM users WHERE organization_id = $1 AND email_folded = $2 AND deleted_at IS NULL",
        )
        .bind(&organization.as_bytes()[..])
        .bind(email.folded())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| {
            let id = rows::id("users", row.try_get::<&[u8], _>(0)?, UserId::from_slice)?;
            Ok((id, attributes(row.try_get(1)?)?))
        })
        .transpose()
    }

    /// What one key of the scope has minted; its live sessions counted up to a bound.
    pub async fn key_sessions(
        &self,
        scope: &KeyScope,
        key: KeyId,
        now: Timestamp,
        at_most: i64,
    ) -> Result<KeySessions, StoreError> {
        let row = sqlx::query(
            "SELECT k.last_minted_at, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM impersonated_sessions s JOIN users u \
             ON u.id = s.user_id WHERE s.key_id = k.id AND s.expires_at > $4 AND u.active = 1 LIMIT $5) AS counted) \
             FROM api_keys k WHERE k.id = $3 AND k.organization_id = $1 AND (k.creator_id = $2 OR length($2) = 0)",
        )
        .bind(&scope.organization().as_bytes()[..])
        .bind(creator(scope))
        .bind(&key.as_bytes()[..])
        .bind(now.as_millisecond())
        .bind(at_most)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(KeySessions::default()) };
        let live: i64 = row.try_get(1)?;
        let last_minted_at = rows::optional_instant("api_keys", row.try_get(0)?).unwrap_or_else(|error| {
            // Only shown: the list that it stands in does not fail for it.
            tracing::error!(?error, %key, "when a key last minted a session cannot be read");
            None
        });
        Ok(KeySessions { last_minted_at, live: live.unsigned_abs() })
    }
}

impl Transaction {
    /// Keeps that a session was minted. `false`: its key was revoked, or its sessions were ended, since somebody looked at it, so
    /// the session would not count; nothing was kept. Of its attributes the log has the names only: the values are facts about a
    /// person.
    pub async fn record_impersonation(&mut self, session: &NewImpersonation) -> Result<bool, StoreError> {
        self.check_issuing().await?;
        let now = self.trace.at.as_millisecond();
        let (impersonator, user) = (session.impersonator(), session.user());
        let connection = self.connection()?;
        let minted = sqlx::query(
            "UPDATE api_keys SET last_minted_at = $1 WHERE id = $2 AND session_epoch = $3 AND revoked_at IS NULL",
        )
        .bind(now)
        .bind(&impersonator.key().as_bytes()[..])
        .bind(i64::from(impersonator.epoch()))
        .execute(&mut *connection)
        .await?;
        if minted.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO impersonated_sessions (id, key_id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&session.id.as_bytes()[..])
        .bind(&impersonator.key().as_bytes()[..])
        .bind(&user.id.as_bytes()[..])
        .bind(now)
        .bind(session.expires_at.as_millisecond())
        .execute(connection)
        .await?;
        let details = json!({
            "session": session.id,
            "expiresAt": session.expires_at.to_string(),
            "attributes": session.attributes().as_map().keys().collect::<Vec<_>>(),
        });
        self.record(impersonator.organization(), Action::SessionMinted, *user.id.as_bytes(), details).await?;
        Ok(true)
    }

    /// Ends all sessions that a key, which was read in this transaction, has minted. The key goes on working.
    pub async fn end_impersonated_sessions(
        &mut self,
        scope: &KeyScope,
        key: &ApiKey,
    ) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let row = sqlx::query(
            "UPDATE api_keys SET session_epoch = session_epoch + 1 \
             WHERE id = $1 AND organization_id = $2 AND (creator_id = $3 OR length($3) = 0) AND revoked_at IS NULL \
             RETURNING id, token_hash, creator_id, allow_impersonation, expires_at, session_epoch, last_used_at",
        )
        .bind(&key.id.as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .bind(creator(scope))
        .fetch_one(&mut *connection)
        .await?;
        let record = key_record(&row)?;
        sqlx::query("DELETE FROM impersonated_sessions WHERE key_id = $1")
            .bind(&key.id.as_bytes()[..])
            .execute(connection)
            .await?;
        self.announce_key(key.id, Change::Key(record)).await?;
        let details = json!({ "name": key.name.as_str(), "maskedToken": key.masked.as_str() });
        self.record(scope.organization(), Action::KeySessionsEnded, *key.id.as_bytes(), details).await
    }

    /// A key that was not revoked, as it is inside this transaction: whether what it minted still counts.
    pub async fn key_record(&mut self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT id, token_hash, creator_id, allow_impersonation, expires_at, session_epoch, last_used_at \
             FROM api_keys WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(self.connection()?)
        .await?;
        row.as_ref().map(key_record).transpose()
    }

    /// Forgets up to `limit` sessions that have run out, and says how many. Not a change that anybody made: it leaves no trace.
    pub async fn forget_ended_sessions(&mut self, limit: i64) -> Result<u64, StoreError> {
        let now = self.trace.at.as_millisecond();
        let forgotten = sqlx::query(
            "DELETE FROM impersonated_sessions WHERE id IN \
             (SELECT id FROM impersonated_sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        )
        .bind(now)
        .bind(limit)
        .execute(self.connection()?)
        .await?;
        Ok(forgotten.rows_affected())
    }
}

pub(crate) fn key_record(row: &AnyRow) -> Result<KeyRecord, StoreError> {
    const TABLE: &str = "api_keys";
    Ok(KeyRecord {
        id: rows::id(TABLE, row.try_get::<&[u8], _>(0)?, KeyId::from_slice)?,
        hash: rows::hash(TABLE, row.try_get(1)?)?,
        creator: rows::id(TABLE, row.try_get::<&[u8], _>(2)?, UserId::from_slice)?,
        allow_impersonation: rows::flag(TABLE, row.try_get(3)?)?,
        expires_at: rows::optional_instant(TABLE, row.try_get(4)?)?,
        session_epoch: rows::epoch(TABLE, row.try_get(5)?)?,
        last_used_at: rows::optional_instant(TABLE, row.try_get(6)?)?,
    })
}
