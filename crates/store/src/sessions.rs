//! Console sessions. A cookie is kept as its SHA-256 only.

use jiff::Timestamp;
use keystead_domain::audit::{Action, Trace};
use keystead_domain::{Lifetimes, Session, SessionId, User, UserAgent, UserGrant, UserId};
use serde_json::json;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::keys::changed_one;
use crate::rows::{id, instant};
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "sessions";

/// A session, and where it was started.
#[derive(Debug, Clone)]
pub struct StartedSession {
    /// The session.
    pub session: Session,
    /// The address that it was started from.
    pub address: Option<String>,
    /// What the browser said of itself.
    pub user_agent: Option<UserAgent>,
}

impl Store {
    /// The session of a cookie, whether it still counts or not.
    pub async fn session(&self, cookie_hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        let row =
            sqlx::query("SELECT id, user_id, created_at, last_seen_at FROM sessions WHERE token_hash = $1")
                .bind(&cookie_hash[..])
                .fetch_optional(&self.readers)
                .await?;
        row.as_ref().map(session).transpose()
    }

    /// A user's sessions, the one used last first; at most 100. Some may have run out.
    pub async fn sessions_of(&self, grant: &UserGrant) -> Result<Vec<StartedSession>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.id, s.user_id, s.created_at, s.last_seen_at, s.address, s.user_agent FROM sessions s \
             JOIN users u ON u.id = s.user_id WHERE u.id = $1 AND u.organization_id = $2 \
             ORDER BY s.last_seen_at DESC, s.id DESC LIMIT 100",
        )
        .bind(&grant.user().as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(StartedSession {
                    session: session(row)?,
                    address: row.try_get(4)?,
                    user_agent: row.try_get::<Option<String>, _>(5)?.map(UserAgent::from_stored),
                })
            })
            .collect()
    }

    /// The same person's other users, of other organizations, whose password was proven for a session: those it may switch to.
    pub async fn session_users(&self, session: SessionId) -> Result<Vec<UserId>, StoreError> {
        let rows = sqlx::query(SESSION_USERS).bind(&session.as_bytes()[..]).fetch_all(&self.readers).await?;
        rows.iter().map(session_user).collect()
    }
}

const SESSION_USERS: &str = "SELECT user_id FROM session_users WHERE session_id = $1 ORDER BY user_id";

fn session_user(row: &AnyRow) -> Result<UserId, StoreError> {
    id("session_users", row.try_get::<&[u8], _>(0)?, UserId::from_slice)
}

fn session(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: id(TABLE, row.try_get::<&[u8], _>(0)?, SessionId::from_slice)?,
        user: id(TABLE, row.try_get::<&[u8], _>(1)?, UserId::from_slice)?,
        created_at: instant(TABLE, row.try_get(2)?)?,
        last_seen_at: instant(TABLE, row.try_get(3)?)?,
    })
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
        let now = self.trace.at.as_millisecond();
        let address = self.trace.address.map(|address| address.to_string());
        let before = |age: jiff::SignedDuration| now.saturating_sub(age.as_secs() * 1000);
        let connection = self.connection()?;
        sqlx::query("DELETE FROM sessions WHERE created_at <= $1 OR last_seen_at <= $2")
            .bind(before(Lifetimes::ABSOLUTE))
            .bind(before(Lifetimes::IDLE))
            .execute(&mut *connection)
            .await?;
        // Whoever was deactivated since the caller looked gets none: it would come alive on reactivation.
        let rows = sqlx::query(
            "INSERT INTO sessions (id, user_id, token_hash, created_at, last_seen_at, address) \
             SELECT $1, id, $2, $3, $3, $6 FROM users WHERE id = $4 AND organization_id = $5 AND active = 1",
        )
        .bind(&session.as_bytes()[..])
        .bind(&cookie_hash[..])
        .bind(now)
        .bind(&user.id.as_bytes()[..])
        .bind(&user.organization.as_bytes()[..])
        .bind(address)
        .execute(connection)
        .await?
        .rows_affected();
        changed_one(rows)?;
        self.touch_user(session).await?;
        self.record(user.organization, Action::SessionStarted, *session.as_bytes(), json!({})).await
    }

    /// Notes what a session's browser said of itself, and to which other users of the same person it may switch: those whose
    /// password was proven when it was started, never those who merely have the same address (promise 6).
    pub async fn describe_session(
        &mut self,
        session: SessionId,
        user_agent: Option<&UserAgent>,
        others: &[UserId],
    ) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let rows = sqlx::query("UPDATE sessions SET user_agent = $1 WHERE id = $2")
            .bind(user_agent.map(UserAgent::as_str))
            .bind(&session.as_bytes()[..])
            .execute(&mut *connection)
            .await?
            .rows_affected();
        changed_one(rows)?;
        for other in others {
            sqlx::query(
                "INSERT INTO session_users (session_id, user_id) \
                 SELECT $1, id FROM users WHERE id = $2 AND active = 1 AND deleted_at IS NULL",
            )
            .bind(&session.as_bytes()[..])
            .bind(&other.as_bytes()[..])
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }

    /// Those whom a session may switch to, as they are inside this transaction.
    pub async fn session_users(&mut self, session: SessionId) -> Result<Vec<UserId>, StoreError> {
        let connection = self.connection()?;
        let rows =
            sqlx::query(SESSION_USERS).bind(&session.as_bytes()[..]).fetch_all(&mut *connection).await?;
        rows.iter().map(session_user).collect()
    }

    /// Ends a session and starts another as another user of the same person's, who has proven to be both. The other is as old as
    /// the one that it follows: going to and fro does not make a session last longer than [`Lifetimes::ABSOLUTE`]. `false` if
    /// the session has ended already; nothing was done then.
    ///
    /// What follows is traced as a sign-in: the log of one organization names no session of another (promise 6).
    pub async fn switch_session(
        &mut self,
        (from, of): (SessionId, &User),
        (to, user): (SessionId, &User),
        cookie_hash: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let started = sqlx::query("SELECT created_at FROM sessions WHERE id = $1 AND user_id = $2")
            .bind(&from.as_bytes()[..])
            .bind(&of.id.as_bytes()[..])
            .fetch_optional(self.connection()?)
            .await?;
        let Some(started) = started else { return Ok(false) };
        let started: i64 = started.try_get(0)?;
        self.end_session(from, of).await?;
        self.trace = Trace::visitor("sign_in", self.trace.address, self.trace.at);
        self.start_session(to, user, cookie_hash).await?;
        sqlx::query("UPDATE sessions SET created_at = $1 WHERE id = $2")
            .bind(started)
            .bind(&to.as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        Ok(true)
    }

    /// Ends a session. Ending one that has ended does nothing. Whether there was one.
    pub async fn end_session(&mut self, session: SessionId, user: &User) -> Result<bool, StoreError> {
        let rows = sqlx::query("DELETE FROM sessions WHERE id = $1 AND user_id = $2")
            .bind(&session.as_bytes()[..])
            .bind(&user.id.as_bytes()[..])
            .execute(self.connection()?)
            .await?
            .rows_affected();
        if rows == 0 {
            return Ok(false);
        }
        self.record(user.organization, Action::SessionEnded, *session.as_bytes(), json!({})).await?;
        Ok(true)
    }

    /// Ends every session of a user, and the right of sessions of the same person's other users to switch to them. Which.
    pub async fn end_sessions_of(&mut self, grant: &UserGrant) -> Result<Vec<SessionId>, StoreError> {
        let connection = self.connection()?;
        let rows = sqlx::query("DELETE FROM sessions WHERE user_id = $1 RETURNING id")
            .bind(&grant.user().as_bytes()[..])
            .fetch_all(&mut *connection)
            .await?;
        sqlx::query("DELETE FROM session_users WHERE user_id = $1")
            .bind(&grant.user().as_bytes()[..])
            .execute(connection)
            .await?;
        let mut ended = Vec::with_capacity(rows.len());
        for row in &rows {
            let session = id(TABLE, row.try_get::<&[u8], _>(0)?, SessionId::from_slice)?;
            self.record(grant.organization(), Action::SessionEnded, *session.as_bytes(), json!({})).await?;
            ended.push(session);
        }
        Ok(ended)
    }

    /// Writes that a session was used, and with it its user, forward only. Not a change that anybody made: no trace.
    pub async fn touch_session(&mut self, session: SessionId, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1")
            .bind(at.as_millisecond())
            .bind(&session.as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        self.touch_user(session).await
    }

    async fn touch_user(&mut self, session: SessionId) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE users SET last_seen_at = s.last_seen_at FROM sessions s \
             WHERE s.id = $1 AND users.id = s.user_id AND COALESCE(users.last_seen_at, 0) < s.last_seen_at",
        )
        .bind(&session.as_bytes()[..])
        .execute(self.connection()?)
        .await?;
        Ok(())
    }
}
