//! Writing passwords. Each ends whatever else would let somebody in who knew what went before.

use keystead_domain::audit::Action;
use keystead_domain::{PersonName, SearchText, UserGrant, UserRecord};
use serde_json::json;

use crate::keys::changed_one;
use crate::{StoreError, Transaction};

impl Transaction {
    /// Replaces a user's password (`hash`: Argon2id as a PHC string), if it still is what it was when the caller looked: of two
    /// at once, one wins. Their one-time links no longer work. `false` if it was another; nothing was changed then.
    pub async fn change_password(
        &mut self,
        grant: &UserGrant,
        before: Option<&str>,
        hash: &str,
    ) -> Result<bool, StoreError> {
        let written = sqlx::query(
            "UPDATE users SET password_hash = $1 WHERE id = $2 AND organization_id = $3 AND deleted_at IS NULL \
             AND COALESCE(password_hash, '') = $4",
        )
        .bind(hash)
        .bind(&grant.user().as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .bind(before.unwrap_or_default())
        .execute(self.connection()?)
        .await?
        .rows_affected();
        if written == 0 {
            return Ok(false);
        }
        self.password_is_written(grant, Action::PasswordChanged).await?;
        Ok(true)
    }

    /// Sets a user's password, whatever it was: they have used a link that lets them.
    pub async fn reset_password(&mut self, grant: &UserGrant, hash: &str) -> Result<(), StoreError> {
        self.write_password(grant, hash).await?;
        self.password_is_written(grant, Action::PasswordChanged).await
    }

    /// Gives an invited user the name and the password that they chose.
    pub async fn accept_invitation(
        &mut self,
        grant: &UserGrant,
        invited: &UserRecord,
        name: &PersonName,
        hash: &str,
    ) -> Result<(), StoreError> {
        self.write_password(grant, hash).await?;
        sqlx::query("UPDATE users SET name = $1, search_text = $2 WHERE id = $3 AND organization_id = $4")
            .bind(name.as_str())
            .bind(SearchText::of_user(name, &invited.email).as_str())
            .bind(&grant.user().as_bytes()[..])
            .bind(&grant.organization().as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        self.announce_user(grant.user()).await?;
        self.password_is_written(grant, Action::InvitationAccepted).await
    }

    async fn write_password(&mut self, grant: &UserGrant, hash: &str) -> Result<(), StoreError> {
        let written = sqlx::query(
            "UPDATE users SET password_hash = $1 WHERE id = $2 AND organization_id = $3 AND deleted_at IS NULL",
        )
        .bind(hash)
        .bind(&grant.user().as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(written)
    }

    /// Links that were given out before would undo it.
    async fn password_is_written(&mut self, grant: &UserGrant, action: Action) -> Result<(), StoreError> {
        self.trace.user = Some(grant.user());
        sqlx::query("DELETE FROM one_time_links WHERE user_id = $1")
            .bind(&grant.user().as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        self.record(grant.organization(), action, *grant.user().as_bytes(), json!({})).await
    }
}
