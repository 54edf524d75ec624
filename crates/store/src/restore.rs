//! What a restored store starts anew.

use keystead_domain::audit::Action;
use keystead_domain::{GroupId, Operator, OrganizationId, UserGrant, UserId};
use serde_json::json;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::keys::changed_one;
use crate::rows::id;
use crate::{StoreError, Transaction};

/// What was ended, in all organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ended {
    /// Sessions of people at the console.
    pub sessions: u64,
    /// One-time links.
    pub links: u64,
    /// Connected apps, those whose code was not redeemed included.
    pub connections: u64,
    /// Impersonation keys whose sessions were ended.
    pub impersonation_keys: u64,
}

impl Transaction {
    /// Ends what counts on a history that a restored store does not have. A sign-out, a link that was used, a refresh token that was
    /// replaced, sessions that were ended: all of it may have happened after the backup, and cannot be told from what did not.
    pub async fn end_what_was_open(&mut self, _: Operator) -> Result<Ended, StoreError> {
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let mut changed = Vec::new();
        for sql in [
            "DELETE FROM session_users",
            "DELETE FROM refresh_tokens",
            "DELETE FROM impersonated_sessions",
            "DELETE FROM sessions",
            "DELETE FROM one_time_links",
            "UPDATE api_keys SET session_epoch = session_epoch + 1 \
             WHERE allow_impersonation = 1 AND revoked_at IS NULL AND session_epoch < 4294967295",
        ] {
            changed.push(sqlx::query(sql).execute(&mut *connection).await?.rows_affected());
        }
        let connections = sqlx::query("UPDATE connections SET ended_at = $1 WHERE ended_at IS NULL")
            .bind(now)
            .execute(connection)
            .await?
            .rows_affected();
        Ok(Ended { sessions: changed[3], links: changed[4], connections, impersonation_keys: changed[5] })
    }

    /// Appends to an organization's log that the store was restored: what comes after it follows the backup, whatever came after the
    /// backup elsewhere.
    pub async fn record_restored(
        &mut self,
        _: Operator,
        organization: OrganizationId,
        details: serde_json::Value,
    ) -> Result<(), StoreError> {
        self.record(organization, Action::StoreRestored, *organization.as_bytes(), details).await
    }

    /// Takes a user's password away, which was replaced by one that nobody knows here.
    pub async fn remove_password(&mut self, grant: &UserGrant) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "UPDATE users SET password_hash = NULL WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL",
        )
        .bind(&grant.user().as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        let details = json!({ "removed": true });
        self.record(grant.organization(), Action::PasswordChanged, *grant.user().as_bytes(), details).await
    }

    /// The users of a group, of whom one was taken out and it is not known who.
    pub async fn members_of(
        &mut self,
        organization: OrganizationId,
        group: GroupId,
    ) -> Result<Vec<UserId>, StoreError> {
        let rows = sqlx::query(
            "SELECT user_id FROM user_group_members WHERE group_id = $1 AND organization_id = $2 ORDER BY user_id",
        )
        .bind(&group.as_bytes()[..])
        .bind(&organization.as_bytes()[..])
        .fetch_all(self.connection()?)
        .await?;
        let user = |row: &AnyRow| id("user_group_members", row.try_get::<&[u8], _>(0)?, UserId::from_slice);
        rows.iter().map(user).collect()
    }
}
