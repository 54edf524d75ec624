//! Names for the ids that events hold.

use std::collections::HashMap;

use keystead_domain::audit::Event;
use keystead_domain::{AuditScope, Email, UserId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::rows::corrupt;
use crate::{Store, StoreError};

/// A user whom an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedUser {
    /// How others see them, as of now.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether they were deleted since.
    pub deleted: bool,
}

/// What is known of ids, as of now. What belongs to another organization is not known (promise 6).
#[derive(Debug, Clone, Default)]
pub struct AuditNames {
    users: HashMap<[u8; 16], NamedUser>,
    keys: HashMap<[u8; 16], String>,
    connections: HashMap<[u8; 16], String>,
}

impl AuditNames {
    /// A user's.
    #[must_use]
    pub fn user(&self, id: &[u8; 16]) -> Option<&NamedUser> {
        self.users.get(id)
    }

    /// An API key's, revoked ones included.
    #[must_use]
    pub fn key(&self, id: &[u8; 16]) -> Option<&str> {
        self.keys.get(id).map(String::as_str)
    }

    /// The API key's or the connected app's through which an event was done.
    #[must_use]
    pub fn via(&self, event: &Event) -> Option<&str> {
        let key = event.via_key().and_then(|id| self.keys.get(&id));
        let connection = || event.via_connection().and_then(|id| self.connections.get(&id));
        key.or_else(connection).map(String::as_str)
    }
}

/// Ids in one query.
const BATCH: usize = 16;

/// An organization and the batch.
macro_rules! of_batch {
    ($select:literal) => {
        concat!(
            $select,
            " WHERE organization_id = $1 AND id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        )
    };
}

impl Store {
    /// The names behind ids of users, keys and connected apps, whichever they are.
    pub async fn audit_names(&self, scope: &AuditScope, ids: &[[u8; 16]]) -> Result<AuditNames, StoreError> {
        let mut names = AuditNames::default();
        for batch in ids.chunks(BATCH) {
            for row in self.named(scope, batch, USERS).await? {
                let user = NamedUser {
                    name: row.try_get(1)?,
                    email: row.try_get(2)?,
                    deleted: row.try_get::<i64, _>(3)? != 0,
                };
                names.users.insert(id(&row)?, user);
            }
            for row in self.named(scope, batch, KEYS).await? {
                names.keys.insert(id(&row)?, row.try_get(1)?);
            }
            for row in self.named(scope, batch, CONNECTIONS).await? {
                names.connections.insert(id(&row)?, row.try_get(1)?);
            }
        }
        Ok(names)
    }

    /// Who has an address in the organization now.
    pub async fn audit_user(&self, scope: &AuditScope, email: &Email) -> Result<Option<UserId>, StoreError> {
        let row = sqlx::query("SELECT id FROM users WHERE organization_id = $1 AND email_folded = $2")
            .bind(&scope.organization().as_bytes()[..])
            .bind(email.folded())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| Ok(UserId::from_u128(u128::from_be_bytes(id(&row)?)))).transpose()
    }

    async fn named(
        &self,
        scope: &AuditScope,
        batch: &[[u8; 16]],
        statement: &'static str,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut query = sqlx::query(statement).bind(&scope.organization().as_bytes()[..]);
        for at in 0..BATCH {
            query = query.bind(batch.get(at).map_or(&[][..], |id| &id[..]));
        }
        Ok(query.fetch_all(&self.readers).await?)
    }
}

const USERS: &str =
    of_batch!("SELECT id, name, email, CASE WHEN deleted_at IS NULL THEN 0 ELSE 1 END FROM users");
const KEYS: &str = of_batch!("SELECT id, name FROM api_keys");
const CONNECTIONS: &str = of_batch!("SELECT id, client_name FROM connections");

fn id(row: &AnyRow) -> Result<[u8; 16], StoreError> {
    row.try_get::<&[u8], _>(0)?.try_into().map_err(|_| corrupt("users", "an id that is not 16 bytes"))
}
