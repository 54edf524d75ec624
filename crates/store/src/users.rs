//! Users: reading and changing one.

use keystead_domain::audit::Action;
use keystead_domain::{
    Assignments, Email, KeyScope, OrganizationId, PeopleGrant, PersonName, SearchText, UserAttributes,
    UserGrant, UserId, UserRecord,
};
use serde_json::json;
use sqlx::{AnyConnection, Row as _};

use crate::keys::changed_one;
use crate::{Store, StoreError, Transaction, roles, rows};

/// A user to be written.
#[derive(Debug)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// How they sign in.
    pub email: Email,
    /// How others see them.
    pub name: PersonName,
    /// Argon2id of their password, as a PHC string; `None` if they have none.
    pub password_hash: Option<String>,
    /// Their roles.
    pub assignments: Assignments,
    /// Facts that a product keeps about them.
    pub attributes: UserAttributes,
}

/// What signing in needs to know of one of the users that have an address.
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// Argon2id of the password; `None` if they have none.
    pub password_hash: Option<String>,
}

impl Store {
    /// What signing in with an address needs: of every organization in which somebody has it, the one used last first.
    pub async fn credentials(&self, email: &Email) -> Result<Vec<Credentials>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, password_hash FROM users WHERE email_folded = $1 AND deleted_at IS NULL \
             ORDER BY active DESC, COALESCE(last_seen_at, 0) DESC, id LIMIT 100",
        )
        .bind(email.folded())
        .fetch(&self.readers);
        rows::readable("users", rows)
            .await?
            .iter()
            .map(|row| {
                Ok(Credentials {
                    user: rows::id("users", row.try_get::<&[u8], _>(0)?, UserId::from_slice)?,
                    password_hash: row.try_get(1)?,
                })
            })
            .collect()
    }
}

pub(crate) async fn read(
    connection: &mut AnyConnection,
    id: &[u8],
) -> Result<Option<UserRecord>, StoreError> {
    let row = sqlx::query(
        "SELECT id, organization_id, email, name, active, created_at FROM users WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let assignments = Transaction::assignments_of(&mut *connection, id).await?;
    let groups = Transaction::groups_of(connection, id).await?;
    rows::user(
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
        assignments,
        groups,
    )
    .map(Some)
}

impl Transaction {
    /// A user as they are inside this transaction: nobody else can change them before the commit.
    pub async fn user(&mut self, id: UserId) -> Result<Option<UserRecord>, StoreError> {
        read(self.connection()?, id.as_bytes()).await
    }

    /// The user of an organization who has an address, as they are inside this transaction.
    pub async fn user_by_email(
        &mut self,
        organization: OrganizationId,
        email: &Email,
    ) -> Result<Option<UserRecord>, StoreError> {
        let connection = self.connection()?;
        let row = sqlx::query("SELECT id FROM users WHERE organization_id = $1 AND email_folded = $2")
            .bind(&organization.as_bytes()[..])
            .bind(email.folded())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(None) };
        read(connection, row.try_get(0)?).await
    }

    /// The addresses of those who hold a role everywhere, themselves or through a group, and are not deactivated.
    pub async fn active_holders(
        &mut self,
        organization: OrganizationId,
        role: &keystead_domain::RoleId,
    ) -> Result<Vec<Email>, StoreError> {
        let rows = sqlx::query(
            // From the few who hold the role to what they are: `CROSS` keeps SQLite from going through all users instead.
            "SELECT u.email FROM user_roles r CROSS JOIN users u \
             WHERE r.role = $1 AND r.scopes = '[]' AND u.id = r.user_id \
             AND u.organization_id = $2 AND u.active = 1 AND u.deleted_at IS NULL \
             UNION SELECT u.email FROM user_group_roles r CROSS JOIN user_group_members m CROSS JOIN users u \
             WHERE r.role = $1 AND r.scopes = '[]' AND m.group_id = r.group_id AND u.id = m.user_id \
             AND u.organization_id = $2 AND u.active = 1 AND u.deleted_at IS NULL",
        )
        .bind(role.as_str())
        .bind(&organization.as_bytes()[..])
        .fetch(self.connection()?);
        let rows = rows::readable("users", rows).await?;
        // An address that cannot be read is nobody's who could sign in.
        Ok(rows.iter().filter_map(|row| row.try_get(0).ok().map(Email::from_stored)).collect())
    }

    /// Writes a new user. `false` if the organization has one with that address; nothing was written then.
    pub async fn create_user(&mut self, grant: &PeopleGrant, user: &NewUser) -> Result<bool, StoreError> {
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let written = sqlx::query(
            "INSERT INTO users (id, organization_id, email, email_folded, name, password_hash, active, created_at, attributes, \
             search_text) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9) ON CONFLICT (organization_id, email_folded) DO NOTHING",
        )
        .bind(&user.id.as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .bind(user.email.as_str())
        .bind(user.email.folded())
        .bind(user.name.as_str())
        .bind(user.password_hash.as_deref())
        .bind(now)
        .bind(attributes(&user.attributes))
        .bind(SearchText::of_user(&user.name, &user.email).as_str())
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if written == 0 {
            return Ok(false);
        }
        self.write_roles(user.id, &user.assignments).await?;
        self.announce_user(user.id).await?;
        let details = json!({
            "email": user.email.as_str(),
            "name": user.name.as_str(),
            "roles": roles::told(&user.assignments),
        });
        self.record(grant.organization(), Action::UserCreated, *user.id.as_bytes(), details).await?;
        Ok(true)
    }

    /// Replaces the roles that a user was assigned themselves.
    pub async fn set_assignments(
        &mut self,
        grant: &UserGrant,
        before: &Assignments,
        after: &Assignments,
    ) -> Result<(), StoreError> {
        self.check_is_there(grant).await?;
        sqlx::query("DELETE FROM user_roles WHERE user_id = $1")
            .bind(&grant.user().as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        self.write_roles(grant.user(), after).await?;
        self.announce_user(grant.user()).await?;
        let details = json!({ "before": roles::told(before), "after": roles::told(after) });
        self.record(grant.organization(), Action::UserRolesSet, *grant.user().as_bytes(), details).await
    }

    /// Deactivates or reactivates a user. Deactivating ends their sessions for good; their keys stop, and work again on
    /// reactivation.
    pub async fn set_active(&mut self, grant: &UserGrant, active: bool) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "UPDATE users SET active = $1 WHERE id = $2 AND organization_id = $3 AND deleted_at IS NULL",
        )
        .bind(i64::from(active))
        .bind(&grant.user().as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        if !active {
            self.end_all_ways_in(grant.user()).await?;
        }
        self.announce_user(grant.user()).await?;
        let action = if active { Action::UserReactivated } else { Action::UserDeactivated };
        self.record(grant.organization(), action, *grant.user().as_bytes(), json!({})).await
    }

    /// Changes a user's name and address. `false` if the organization has another user with that address; nothing was changed then.
    pub async fn update_user(
        &mut self,
        grant: &UserGrant,
        before: &UserRecord,
        name: &PersonName,
        email: &Email,
    ) -> Result<bool, StoreError> {
        let written = sqlx::query(
            "UPDATE users SET name = $1, email = $2, email_folded = $3, search_text = $4 \
             WHERE id = $5 AND organization_id = $6 AND deleted_at IS NULL AND NOT EXISTS \
             (SELECT 1 FROM users o WHERE o.organization_id = $6 AND o.email_folded = $3 AND o.id <> $5)",
        )
        .bind(name.as_str())
        .bind(email.as_str())
        .bind(email.folded())
        .bind(SearchText::of_user(name, email).as_str())
        .bind(&grant.user().as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        if written == 0 {
            return Ok(false);
        }
        self.announce_user(grant.user()).await?;
        let details = json!({
            "before": { "name": before.name.as_str(), "email": before.email.as_str() },
            "after": { "name": name.as_str(), "email": email.as_str() },
        });
        self.record(grant.organization(), Action::UserUpdated, *grant.user().as_bytes(), details).await?;
        Ok(true)
    }

    /// Replaces a user's attributes. The log keeps their names, not their values: those are the product's.
    pub async fn set_attributes(
        &mut self,
        grant: &UserGrant,
        after: &UserAttributes,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "UPDATE users SET attributes = $1 WHERE id = $2 AND organization_id = $3 AND deleted_at IS NULL",
        )
        .bind(attributes(after))
        .bind(&grant.user().as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        let details = json!({ "keys": after.iter().map(|(key, _)| key).collect::<Vec<_>>() });
        self.record(grant.organization(), Action::UserAttributesSet, *grant.user().as_bytes(), details).await
    }

    /// Deletes a user, for good: their keys are revoked, their sessions end. How many keys were revoked. The row stays, because
    /// keys and the log name it; whoever comes back with the address is somebody new.
    pub async fn delete_user(
        &mut self,
        grant: &UserGrant,
        user: &UserRecord,
        keys: &KeyScope,
    ) -> Result<usize, StoreError> {
        self.check_is_there(grant).await?;
        let revoked = self.revoke_all_keys(keys).await?.len();
        self.end_all_ways_in(grant.user()).await?;
        let user_id = grant.user();
        let id = &user_id.as_bytes()[..];
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        for sql in
            ["DELETE FROM user_roles WHERE user_id = $1", "DELETE FROM user_group_members WHERE user_id = $1"]
        {
            sqlx::query(sql).bind(id).execute(&mut *connection).await?;
        }
        sqlx::query(
            "UPDATE users SET active = 0, deleted_at = $1, email_folded = $2, password_hash = NULL, attributes = '{}' \
             WHERE id = $3 AND organization_id = $4",
        )
        .bind(now)
        // No address: it has no `@`.
        .bind(format!("deleted {}", grant.user()))
        .bind(id)
        .bind(&grant.organization().as_bytes()[..])
        .execute(connection)
        .await?;
        self.announce_user(grant.user()).await?;
        let details =
            json!({ "email": user.email.as_str(), "name": user.name.as_str(), "keysRevoked": revoked });
        self.record(grant.organization(), Action::UserDeleted, *grant.user().as_bytes(), details).await?;
        Ok(revoked)
    }

    /// The row was read in the same transaction, so that it is not there is a fault.
    pub(crate) async fn check_is_there(&mut self, grant: &UserGrant) -> Result<(), StoreError> {
        sqlx::query("SELECT id FROM users WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL")
            .bind(&grant.user().as_bytes()[..])
            .bind(&grant.organization().as_bytes()[..])
            .fetch_one(self.connection()?)
            .await?;
        Ok(())
    }

    /// Ends every session of a user, every right to switch to them, and every link that lets them in.
    async fn end_all_ways_in(&mut self, user: UserId) -> Result<(), StoreError> {
        let connection = self.connection()?;
        for sql in [
            "DELETE FROM sessions WHERE user_id = $1",
            "DELETE FROM session_users WHERE user_id = $1",
            "DELETE FROM one_time_links WHERE user_id = $1",
        ] {
            sqlx::query(sql).bind(&user.as_bytes()[..]).execute(&mut *connection).await?;
        }
        self.end_connections_of(user).await
    }

    async fn write_roles(&mut self, user: UserId, assignments: &Assignments) -> Result<(), StoreError> {
        for (role, scopes) in assignments.iter() {
            sqlx::query("INSERT INTO user_roles (user_id, role, scopes) VALUES ($1, $2, $3)")
                .bind(&user.as_bytes()[..])
                .bind(role.as_str())
                .bind(roles::scopes(scopes))
                .execute(self.connection()?)
                .await?;
        }
        Ok(())
    }
}

fn attributes(attributes: &UserAttributes) -> String {
    json!(attributes.as_map()).to_string()
}
