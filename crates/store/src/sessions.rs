//! Console sessions. A cookie is kept as its SHA-256 only.

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{Lifetimes, Session, SessionId, User, UserId};
use serde_json::json;
use sqlx::Row as _;

use crate::keys::changed_one;
use crate::rows::{id, instant};
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "sessions";

impl Store {
    /// The session of a cookie, whether it still counts or not.
    pub async fn session(&self, cookie_hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        let row =
            sqlx::query("SELECT id, user_id, created_at, last_seen_at FROM sessions WHERE token_hash = $1")
                .bind(&cookie_hash[..])
                .fetch_optional(&self.readers)
                .await?;
        row.map(|row| {
            Ok(Session {
                id: id(TABLE, row.try_get::<&[u8], _>(0)?, SessionId::from_slice)?,
                user: id(TABLE, row.try_get::<&[u8], _>(1)?, UserId::from_slice)?,
                created_at: instant(TABLE, row.try_get(2)?)?,
                last_seen_at: instant(TABLE, row.try_get(3)?)?,
            })
        })
        .transpose()
    }
}

impl Transaction {
    /// Starts a session, and clears away those that have ended by themselves.
    pub async fn start_session(
        &mut self,
        session: SessionId,
        user: &User,
        cookie_hash: &[u8; 32],
    ) -> Result<(), StoreError> {
        self.trace.user = Some(user.id);
        let at = self.trace.at;
        let now = at.as_millisecond();
        let before = |age: jiff::SignedDuration| now.saturating_sub(age.as_secs() * 1000);
        let connection = self.connection()?;
        sqlx::query("DELETE FROM sessions WHERE created_at <= $1 OR last_seen_at <= $2")
            .bind(before(Lifetimes::ABSOLUTE))
            .bind(before(Lifetimes::IDLE))
            .execute(&mut *connection)
            .await?;
        // Whoever was deactivated since the caller looked gets none: it would come alive on reactivation.
        let rows = sqlx::query(
            "INSERT INTO sessions (id, user_id, token_hash, created_at, last_seen_at) \
             SELECT $1, id, $2, $3, $3 FROM users WHERE id = $4 AND organization_id = $5 AND active = 1",
        )
        .bind(&session.as_bytes()[..])
        .bind(&cookie_hash[..])
        .bind(now)
        .bind(&user.id.as_bytes()[..])
        .bind(&user.organization.as_bytes()[..])
        .execute(connection)
        .await?
        .rows_affected();
        changed_one(rows)?;
        self.record(user.organization, Action::SessionStarted, *session.as_bytes(), json!({})).await
    }

    /// Ends a session. Ending one that has ended does nothing.
    pub async fn end_session(&mut self, session: SessionId, user: &User) -> Result<(), StoreError> {
        let rows = sqlx::query("DELETE FROM sessions WHERE id = $1 AND user_id = $2")
            .bind(&session.as_bytes()[..])
            .bind(&user.id.as_bytes()[..])
            .execute(self.connection()?)
            .await?
            .rows_affected();
        if rows == 0 {
            return Ok(());
        }
        self.record(user.organization, Action::SessionEnded, *session.as_bytes(), json!({})).await
    }

    /// Writes that a session was used, forward only. Not a change that anybody made: no trace.
    pub async fn touch_session(&mut self, session: SessionId, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1")
            .bind(at.as_millisecond())
            .bind(&session.as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        Ok(())
    }
}
