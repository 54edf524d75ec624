//! Links that work once: set-up, sign-in, invitation, password reset. Kept as SHA-256 only.

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{UserGrant, UserId};
use serde_json::json;
use sqlx::Row as _;

use crate::rows::{corrupt, id};
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "one_time_links";

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Making the first organization and its administrator.
    SetUp,
    /// Something of a user's.
    User(LinkKind, UserId),
}

/// What a user's link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Signing in as they are.
    SignIn,
    /// Choosing a name and a first password.
    Invitation,
    /// Choosing another password.
    PasswordReset,
}

impl LinkKind {
    fn code(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    fn action(self) -> Action {
        match self {
            Self::SignIn => Action::SignInLinkCreated,
            Self::Invitation => Action::InvitationCreated,
            Self::PasswordReset => Action::PasswordResetCreated,
        }
    }
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

    /// Makes a link for a user. Earlier ones of theirs that are for the same no longer work.
    pub async fn create_user_link(
        &mut self,
        grant: &UserGrant,
        kind: LinkKind,
        hash: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.check_is_there(grant).await?;
        sqlx::query("DELETE FROM one_time_links WHERE user_id = $1 AND purpose = $2")
            .bind(&grant.user().as_bytes()[..])
            .bind(kind.code())
            .execute(self.connection()?)
            .await?;
        self.write_link(hash, kind.code(), Some(grant.user()), expires_at).await?;
        self.record(grant.organization(), kind.action(), *grant.user().as_bytes(), json!({})).await
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
    let kind = match row.try_get::<&str, _>(0)? {
        "set_up" => return Ok(Purpose::SetUp),
        "sign_in" => LinkKind::SignIn,
        "invitation" => LinkKind::Invitation,
        "password_reset" => LinkKind::PasswordReset,
        _ => return Err(corrupt(TABLE, "an unknown purpose")),
    };
    Ok(Purpose::User(kind, id(TABLE, row.try_get::<&[u8], _>(1)?, UserId::from_slice)?))
}
