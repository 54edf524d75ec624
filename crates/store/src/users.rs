//! Organizations and users.

use keystead_domain::audit::Action;
use keystead_domain::{Email, Organization, PersonName, Role, User, UserId};
use serde_json::json;
use sqlx::{AnyConnection, Row as _};

use crate::keys::changed_one;
use crate::rows::{self, role};
use crate::{Store, StoreError, Transaction};

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
    pub roles: Vec<Role>,
}

/// What signing in needs to know.
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// Argon2id of the password; `None` if they have none.
    pub password_hash: Option<String>,
}

impl Store {
    /// Whether there is any organization yet: if not, this is a first start.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query("SELECT id FROM organizations LIMIT 1").fetch_optional(&self.readers).await?.is_none())
    }

    /// The organization of a user.
    pub async fn organization(&self, user: &User) -> Result<Organization, StoreError> {
        let row = sqlx::query("SELECT name, created_at FROM organizations WHERE id = $1")
            .bind(&user.organization.as_bytes()[..])
            .fetch_one(&self.readers)
            .await?;
        Ok(Organization {
            id: user.organization,
            name: keystead_domain::OrganizationName::from_stored(row.try_get(0)?),
            created_at: rows::instant("organizations", row.try_get(1)?)?,
        })
    }

    /// The oldest organization: the one that set-up made.
    pub async fn first_organization(&self) -> Result<Option<Organization>, StoreError> {
        const TABLE: &str = "organizations";
        let row = sqlx::query("SELECT id, name, created_at FROM organizations ORDER BY id LIMIT 1")
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| {
            Ok(Organization {
                id: rows::id(
                    TABLE,
                    row.try_get::<&[u8], _>(0)?,
                    keystead_domain::OrganizationId::from_slice,
                )?,
                name: keystead_domain::OrganizationName::from_stored(row.try_get(1)?),
                created_at: rows::instant(TABLE, row.try_get(2)?)?,
            })
        })
        .transpose()
    }

    /// What signing in with an address needs. An address that several organizations have means the oldest user
    /// who is active.
    pub async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(
            "SELECT id, password_hash FROM users WHERE email_folded = $1 ORDER BY active DESC, id LIMIT 1",
        )
        .bind(email.folded())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| {
            Ok(Credentials {
                user: rows::id("users", row.try_get::<&[u8], _>(0)?, UserId::from_slice)?,
                password_hash: row.try_get(1)?,
            })
        })
        .transpose()
    }
}

pub(crate) async fn read(connection: &mut AnyConnection, id: &[u8]) -> Result<Option<User>, StoreError> {
    let roles = sqlx::query("SELECT role FROM user_roles WHERE user_id = $1")
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
    let roles = roles.iter().filter_map(|row| row.try_get(0).ok().and_then(role)).collect();
    let row =
        sqlx::query("SELECT id, organization_id, email, name, active, created_at FROM users WHERE id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    row.map(|row| {
        rows::user(
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
            row.try_get(4)?,
            row.try_get(5)?,
            roles,
        )
    })
    .transpose()
}

impl Transaction {
    /// Whether there is any organization, as of this transaction: two set-ups at once make one.
    pub async fn is_empty(&mut self) -> Result<bool, StoreError> {
        Ok(sqlx::query("SELECT id FROM organizations LIMIT 1")
            .fetch_optional(self.connection()?)
            .await?
            .is_none())
    }

    /// Writes a new organization.
    pub async fn create_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)")
            .bind(&organization.id.as_bytes()[..])
            .bind(organization.name.as_str())
            .bind(organization.created_at.as_millisecond())
            .execute(self.connection()?)
            .await?;
        let details = json!({ "name": organization.name.as_str() });
        self.record(organization.id, Action::OrganizationCreated, *organization.id.as_bytes(), details).await
    }

    /// Writes a new user. `false` if the organization has one with that address; nothing was written then.
    pub async fn create_user(
        &mut self,
        organization: &Organization,
        user: &NewUser,
    ) -> Result<bool, StoreError> {
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let written = sqlx::query(
            "INSERT INTO users (id, organization_id, email, email_folded, name, password_hash, active, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 1, $7) ON CONFLICT (organization_id, email_folded) DO NOTHING",
        )
        .bind(&user.id.as_bytes()[..])
        .bind(&organization.id.as_bytes()[..])
        .bind(user.email.as_str())
        .bind(user.email.folded())
        .bind(user.name.as_str())
        .bind(user.password_hash.as_deref())
        .bind(now)
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if written == 0 {
            return Ok(false);
        }
        self.write_roles(user.id, &user.roles).await?;
        self.announce_user(user.id).await?;
        let details = json!({ "email": user.email.as_str(), "name": user.name.as_str(), "roles": role_names(&user.roles) });
        self.record(organization.id, Action::UserCreated, *user.id.as_bytes(), details).await?;
        Ok(true)
    }

    /// Replaces a user's roles.
    pub async fn set_roles(&mut self, user: &User, roles: &[Role]) -> Result<(), StoreError> {
        sqlx::query("SELECT id FROM users WHERE id = $1 AND organization_id = $2")
            .bind(&user.id.as_bytes()[..])
            .bind(&user.organization.as_bytes()[..])
            .fetch_one(self.connection()?)
            .await?;
        sqlx::query("DELETE FROM user_roles WHERE user_id = $1")
            .bind(&user.id.as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        self.write_roles(user.id, roles).await?;
        self.announce_user(user.id).await?;
        let details = json!({ "before": role_names(user.roles()), "after": role_names(roles) });
        self.record(user.organization, Action::UserRolesSet, *user.id.as_bytes(), details).await
    }

    /// Deactivates or reactivates a user. Deactivating ends their sessions for good; their keys stop, and work again on
    /// reactivation.
    pub async fn set_active(&mut self, user: &User, active: bool) -> Result<(), StoreError> {
        let id = &user.id.as_bytes()[..];
        let connection = self.connection()?;
        let rows = sqlx::query("UPDATE users SET active = $1 WHERE id = $2 AND organization_id = $3")
            .bind(i64::from(active))
            .bind(id)
            .bind(&user.organization.as_bytes()[..])
            .execute(&mut *connection)
            .await?
            .rows_affected();
        changed_one(rows)?;
        if !active {
            sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id).execute(&mut *connection).await?;
            sqlx::query("DELETE FROM one_time_links WHERE user_id = $1").bind(id).execute(connection).await?;
        }
        self.announce_user(user.id).await?;
        let action = if active { Action::UserReactivated } else { Action::UserDeactivated };
        self.record(user.organization, action, *user.id.as_bytes(), json!({})).await
    }

    async fn write_roles(&mut self, user: UserId, roles: &[Role]) -> Result<(), StoreError> {
        for role in roles {
            sqlx::query("INSERT INTO user_roles (user_id, role) VALUES ($1, $2) ON CONFLICT (user_id, role) DO NOTHING")
                .bind(&user.as_bytes()[..])
                .bind(role.name())
                .execute(self.connection()?)
                .await?;
        }
        Ok(())
    }
}

fn role_names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| role.name()).collect()
}
