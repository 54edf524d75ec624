//! Links that work once: set-up and sign-in. Kept as SHA-256 only.

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{User, UserId};
use serde_json::json;
use sqlx::Row as _;

use crate::{Store, StoreError, Transaction};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Making the first organization and its administrator.
    SetUp,
    /// Signing in as a user.
    SignIn(UserId),
}

impl Store {
    /// What a link is for, if it can still be used. Does not use it.
    pub async fn link(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<Purpose>, StoreError> {
        let row = sqlx::query(
            "SELECT purpose, user_id FROM one_time_links WHERE token_hash = $1 AND expires_at > $2",
        )
        .bind(&hash[..])
        .bind(now.as_millisecond())
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(purpose).transpose()
    }
}

impl Transaction {
    /// Makes a set-up link; earlier ones no longer work.
    pub async fn create_set_up_link(
        &mut self,
        hash: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM one_time_links WHERE purpose = 'set_up'")
            .execute(self.connection()?)
            .await?;
        self.write_link(hash, "set_up", None, expires_at).await
    }

    /// Makes a sign-in link for a user.
    pub async fn create_sign_in_link(
        &mut self,
        hash: &[u8; 32],
        user: &User,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_link(hash, "sign_in", Some(user.id), expires_at).await?;
        self.record(user.organization, Action::SignInLinkCreated, *user.id.as_bytes(), json!({})).await
    }

    /// Uses a link: of many at once, one succeeds. `None` if it was used, has run out or never was.
    pub async fn use_link(&mut self, hash: &[u8; 32]) -> Result<Option<Purpose>, StoreError> {
        let now = self.trace.at.as_millisecond();
        let row = sqlx::query(
            "DELETE FROM one_time_links WHERE token_hash = $1 AND expires_at > $2 RETURNING purpose, user_id",
        )
        .bind(&hash[..])
        .bind(now)
        .fetch_optional(self.connection()?)
        .await?;
        row.as_ref().map(purpose).transpose()
    }

    async fn write_link(
        &mut self,
        hash: &[u8; 32],
        purpose: &'static str,
        user: Option<UserId>,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        sqlx::query("DELETE FROM one_time_links WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "INSERT INTO one_time_links (token_hash, purpose, user_id, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(&hash[..])
        .bind(purpose)
        .bind(user.map(|user| user.as_bytes().to_vec()))
        .bind(expires_at.as_millisecond())
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn purpose(row: &sqlx::any::AnyRow) -> Result<Purpose, StoreError> {
    match row.try_get::<&str, _>(0)? {
        "set_up" => Ok(Purpose::SetUp),
        _ => Ok(Purpose::SignIn(crate::rows::id(
            "one_time_links",
            row.try_get::<&[u8], _>(1)?,
            UserId::from_slice,
        )?)),
    }
}
