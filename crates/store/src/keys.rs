//! Keys: list, look up, create, edit, revoke. Every query takes a [`KeyScope`] or a [`NewKeyGrant`], and those only an actor
//! hands out.

mod list;

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{
    ApiKey, Change, Description, KeyEdit, KeyId, KeyName, KeyRecord, KeyScope, NewKeyGrant, SearchText,
};
use keystead_token::{MaskedToken, TokenHash};
use serde_json::json;
use sqlx::Row as _;

use crate::rows::{self, api_key};
use crate::{StoreError, Transaction};

pub use list::KeyPage;

/// A key to be written. Its token is not here: only what may be kept of it.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Its name.
    pub name: KeyName,
    /// Its description.
    pub description: Description,
    /// SHA-256 of its token.
    pub hash: TokenHash,
    /// The fragment that may be shown.
    pub masked: MaskedToken,
    /// The one-time id of the form that asked for it.
    pub request_id: Option<[u8; 16]>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// What became of a request to create a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was written.
    New,
    /// The same form had made this key before; nothing was written.
    Before(KeyId),
}

/// The columns of [`api_key`]. Without one creator, `$2` is still bound and used: both forms take the same parameters.
macro_rules! keys {
    ($select:literal, $creator:literal, $rest:expr) => {
        concat!(
            "SELECT ",
            $select,
            " FROM api_keys k WHERE k.organization_id = $1 AND ",
            $creator,
            " AND k.revoked_at IS NULL AND ",
            $rest
        )
    };
}
macro_rules! columns {
    ($creator:literal, $rest:expr) => {
        keys!(
            "k.id, k.name, k.description, k.masked_token, k.allow_impersonation, k.creator_id, \
             (SELECT u.name FROM users u WHERE u.id = k.creator_id), k.created_at, k.expires_at, k.last_used_at",
            $creator,
            $rest
        )
    };
}
/// An expiry is compared as [`NEVER`](rows::NEVER) when there is none, so that a range tells every status. The indexes hold it, and the
/// pattern is looked at last, and only if there is one: a list without a search reads no row that it does not show.
macro_rules! filtered {
    ($rest:literal) => {
        concat!(
            "COALESCE(k.expires_at, 9223372036854775807) > $3 AND COALESCE(k.expires_at, 9223372036854775807) <= $4 \
             AND ($5 = '%' OR k.search_text LIKE $5 ESCAPE '\\')",
            $rest
        )
    };
}

const LIST_OF_CREATOR: &str =
    columns!("k.creator_id = $2", filtered!(" AND k.id < $6 ORDER BY k.id DESC LIMIT $7"));
const LIST_OF_ALL: &str =
    columns!("length($2) >= 0", filtered!(" AND k.id < $6 ORDER BY k.id DESC LIMIT $7"));
const COUNT_OF_CREATOR: &str = keys!("COUNT(*)", "k.creator_id = $2", filtered!(""));
const COUNT_OF_ALL: &str = keys!("COUNT(*)", "length($2) >= 0", filtered!(""));
const BOUNDED_COUNT_OF_CREATOR: &str = concat!(
    "SELECT COUNT(*) FROM (",
    keys!("1 AS one", "k.creator_id = $2", filtered!(" LIMIT $6")),
    ") AS counted"
);
const BOUNDED_COUNT_OF_ALL: &str = concat!(
    "SELECT COUNT(*) FROM (",
    keys!("1 AS one", "length($2) >= 0", filtered!(" LIMIT $6")),
    ") AS counted"
);
const REVOCABLE_OF_CREATOR: &str = columns!("k.creator_id = $2", "length($2) >= 0 ORDER BY k.id");
const REVOCABLE_OF_ALL: &str = columns!("length($2) >= 0", "length($2) >= 0 ORDER BY k.id");
macro_rules! used {
    () => {
        "k.last_used_at >= $3 AND COALESCE(k.expires_at, 9223372036854775807) > $4 ORDER BY k.last_used_at DESC LIMIT $5"
    };
}
const USED_OF_CREATOR: &str = columns!("k.creator_id = $2", used!());
const USED_OF_ALL: &str = columns!("length($2) >= 0", used!());
macro_rules! expiring {
    () => {
        "k.expires_at > $3 AND k.expires_at <= $4 ORDER BY k.expires_at, k.id LIMIT $5"
    };
}
const EXPIRING_OF_CREATOR: &str = columns!("k.creator_id = $2", expiring!());
const EXPIRING_OF_ALL: &str = columns!("length($2) >= 0", expiring!());
const ONE_OF_CREATOR: &str = columns!("k.creator_id = $2", "k.id = $3");
const ONE_OF_ALL: &str = columns!("length($2) >= 0", "k.id = $3");

pub(crate) fn creator(scope: &KeyScope) -> Vec<u8> {
    scope.creator().map_or_else(Vec::new, |creator| creator.as_bytes().to_vec())
}

async fn find(
    connection: &mut sqlx::AnyConnection,
    scope: &KeyScope,
    id: KeyId,
) -> Result<Option<ApiKey>, StoreError> {
    let row = sqlx::query(if scope.creator().is_some() { ONE_OF_CREATOR } else { ONE_OF_ALL })
        .bind(&scope.organization().as_bytes()[..])
        .bind(creator(scope))
        .bind(&id.as_bytes()[..])
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(api_key).transpose()
}

impl Transaction {
    /// A key of the scope as it is inside this transaction: nobody else can change it before the commit.
    pub async fn key(&mut self, scope: &KeyScope, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        find(self.connection()?, scope, id).await
    }

    /// Writes a new key, or finds the one that the same form made. Commit in either case: only then is that one on disk too.
    pub async fn create_key(&mut self, grant: &NewKeyGrant, key: &NewKey) -> Result<Recorded, StoreError> {
        self.check_issuing().await?;
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let written = sqlx::query(
            "INSERT INTO api_keys (id, organization_id, creator_id, token_hash, masked_token, name, description, search_text, \
             allow_impersonation, request_id, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (creator_id, request_id) DO NOTHING",
        )
        .bind(&key.id.as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .bind(&grant.creator().as_bytes()[..])
        .bind(&key.hash.as_bytes()[..])
        .bind(key.masked.as_str())
        .bind(key.name.as_str())
        .bind(key.description.as_str())
        .bind(SearchText::of_key(&key.name, &key.description, key.masked.as_str()).as_str())
        .bind(i64::from(grant.allow_impersonation()))
        .bind(key.request_id.map(Vec::from))
        .bind(now)
        .bind(key.expires_at.map(Timestamp::as_millisecond))
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if written == 0 {
            let row = sqlx::query("SELECT id FROM api_keys WHERE creator_id = $1 AND request_id = $2")
                .bind(&grant.creator().as_bytes()[..])
                .bind(key.request_id.map(Vec::from))
                .fetch_one(connection)
                .await?;
            return Ok(Recorded::Before(rows::id(
                "api_keys",
                row.try_get::<&[u8], _>(0)?,
                KeyId::from_slice,
            )?));
        }
        let record = KeyRecord {
            id: key.id,
            hash: key.hash,
            creator: grant.creator(),
            allow_impersonation: grant.allow_impersonation(),
            expires_at: key.expires_at,
            session_epoch: 0,
            last_used_at: None,
        };
        self.announce_key(key.id, Change::Key(record)).await?;
        let details = json!({
            "name": key.name.as_str(),
            "description": key.description.as_str(),
            "maskedToken": key.masked.as_str(),
            "creator": grant.creator(),
            "allowImpersonation": grant.allow_impersonation(),
            "expiresAt": key.expires_at.map(|at| at.to_string()),
        });
        self.record(grant.organization(), Action::KeyCreated, *key.id.as_bytes(), details).await?;
        Ok(Recorded::New)
    }

    /// Changes name and description of a key that was read in this transaction. Nothing else of a key ever changes (promise 4).
    pub async fn update_key(
        &mut self,
        scope: &KeyScope,
        key: &ApiKey,
        edit: &KeyEdit,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "UPDATE api_keys SET name = $1, description = $2, search_text = $3 \
             WHERE id = $4 AND organization_id = $5 AND (creator_id = $6 OR length($6) = 0) AND revoked_at IS NULL",
        )
        .bind(edit.name.as_str())
        .bind(edit.description.as_str())
        .bind(SearchText::of_key(&edit.name, &edit.description, key.masked.as_str()).as_str())
        .bind(&key.id.as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .bind(creator(scope))
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        let details = json!({
            "before": { "name": key.name.as_str(), "description": key.description.as_str() },
            "after": { "name": edit.name.as_str(), "description": edit.description.as_str() },
        });
        self.record(scope.organization(), Action::KeyUpdated, *key.id.as_bytes(), details).await
    }

    /// Revokes every key of the scope, and returns their ids. Also those of which more than the id and the hash cannot be read:
    /// they may be known to verification all the same.
    pub async fn revoke_all_keys(&mut self, scope: &KeyScope) -> Result<Vec<KeyId>, StoreError> {
        let sql = if scope.creator().is_some() { REVOCABLE_OF_CREATOR } else { REVOCABLE_OF_ALL };
        let rows = sqlx::query(sql)
            .bind(&scope.organization().as_bytes()[..])
            .bind(creator(scope))
            .fetch(self.connection()?);
        let rows = rows::readable("api_keys", rows).await?;
        let mut revoked = Vec::with_capacity(rows.len());
        for key in rows.iter().filter_map(|row| api_key(row).ok()) {
            self.revoke_key(scope, &key).await?;
            revoked.push(key.id);
        }
        let unreadable = sqlx::query(
            "UPDATE api_keys SET revoked_at = $1 \
             WHERE organization_id = $2 AND (creator_id = $3 OR length($3) = 0) AND revoked_at IS NULL RETURNING id, token_hash",
        )
        .bind(self.trace.at.as_millisecond())
        .bind(&scope.organization().as_bytes()[..])
        .bind(creator(scope))
        .fetch_all(self.connection()?)
        .await?;
        for row in &unreadable {
            if let Ok(id) = rows::id("api_keys", row.try_get::<&[u8], _>(0)?, KeyId::from_slice) {
                self.announce_revoked(id, row.try_get(1)?).await?;
                self.record(scope.organization(), Action::KeyRevoked, *id.as_bytes(), json!({})).await?;
                revoked.push(id);
            }
        }
        Ok(revoked)
    }

    async fn announce_revoked(&mut self, id: KeyId, hash: &[u8]) -> Result<(), StoreError> {
        match rows::hash("api_keys", hash) {
            Ok(hash) => self.announce_key(id, Change::KeyRevoked(hash)).await,
            Err(error) => {
                // No verification knows this key, since it could not be loaded either.
                tracing::error!(?error, key = %id, "the hash of a revoked key cannot be read");
                Ok(())
            }
        }
    }

    /// Revokes a key that was read in this transaction. It cannot be undone.
    pub async fn revoke_key(&mut self, scope: &KeyScope, key: &ApiKey) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        let row = sqlx::query(
            "UPDATE api_keys SET revoked_at = $1 \
             WHERE id = $2 AND organization_id = $3 AND (creator_id = $4 OR length($4) = 0) AND revoked_at IS NULL \
             RETURNING token_hash",
        )
        .bind(now)
        .bind(&key.id.as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .bind(creator(scope))
        .fetch_one(self.connection()?)
        .await?;
        self.announce_revoked(key.id, row.try_get(0)?).await?;
        let details = json!({
            "name": key.name.as_str(),
            "maskedToken": key.masked.as_str(),
            "creator": key.creator,
        });
        self.record(scope.organization(), Action::KeyRevoked, *key.id.as_bytes(), details).await
    }
}

/// The row was read in the same transaction, so anything but one changed row is a fault.
pub(crate) fn changed_one(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Database(sqlx::Error::RowNotFound)) }
}
