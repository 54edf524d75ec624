//! Keys: list, look up, create, edit, revoke. Every query takes a [`KeyScope`] or a [`NewKeyGrant`], and those only an actor
//! hands out.

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{
    ApiKey, Cursor, Description, EXPIRING_SOON, KeyEdit, KeyFilter, KeyId, KeyName, KeyScope, NewKeyGrant,
    PageRequest, SearchText, Status,
};
use keystead_token::{MaskedToken, TokenHash};
use serde_json::json;
use sqlx::Row as _;

use crate::feed::Entity;
use crate::rows::{NEVER, api_key};
use crate::{Store, StoreError, Transaction};

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

/// A page of keys.
#[derive(Debug, Clone)]
pub struct KeyPage {
    /// The keys, in the list's order.
    pub keys: Vec<ApiKey>,
    /// Where the next page begins; `None` if this was the last.
    pub next: Option<Cursor>,
    /// The moment that decided which keys count as expired.
    pub as_of: Timestamp,
}

/// The columns of [`api_key`]. An expiry is compared as [`NEVER`] when there is none, so that a range tells every status.
macro_rules! key_query {
    ($select:literal, $creator:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM api_keys k JOIN users u ON u.id = k.creator_id ",
            "WHERE k.organization_id = $1 AND ",
            $creator,
            " AND k.revoked_at IS NULL",
            $rest
        )
    };
}
macro_rules! columns {
    ($creator:literal, $rest:literal) => {
        key_query!(
            "k.id, k.name, k.description, k.masked_token, k.allow_impersonation, k.creator_id, u.name, k.created_at, k.expires_at, k.last_used_at",
            $creator, $rest
        )
    };
}

/// `$2` stands for the creator; without one it is still bound, as the type of every parameter must be the same in both forms.
const LIST_OF_CREATOR: &str = columns!(
    "k.creator_id = $2",
    r" AND COALESCE(k.expires_at, 9223372036854775807) > $3 AND COALESCE(k.expires_at, 9223372036854775807) <= $4 AND k.search_text LIKE $5 ESCAPE '\' AND k.id < $6 ORDER BY k.id DESC LIMIT $7"
);
const LIST_OF_ALL: &str = columns!(
    "length($2) >= 0",
    r" AND COALESCE(k.expires_at, 9223372036854775807) > $3 AND COALESCE(k.expires_at, 9223372036854775807) <= $4 AND k.search_text LIKE $5 ESCAPE '\' AND k.id < $6 ORDER BY k.id DESC LIMIT $7"
);
const COUNT_OF_CREATOR: &str = key_query!(
    "COUNT(*)",
    "k.creator_id = $2",
    r" AND COALESCE(k.expires_at, 9223372036854775807) > $3 AND COALESCE(k.expires_at, 9223372036854775807) <= $4 AND k.search_text LIKE $5 ESCAPE '\'"
);
const COUNT_OF_ALL: &str = key_query!(
    "COUNT(*)",
    "length($2) >= 0",
    r" AND COALESCE(k.expires_at, 9223372036854775807) > $3 AND COALESCE(k.expires_at, 9223372036854775807) <= $4 AND k.search_text LIKE $5 ESCAPE '\'"
);
const ONE_OF_CREATOR: &str = columns!("k.creator_id = $2", " AND k.id = $3");
const ONE_OF_ALL: &str = columns!("length($2) >= 0", " AND k.id = $3");

/// The range of expiries, first exclusive and last inclusive, that a filter allows at a moment among the keys that work or
/// among those that expired. `None` if it allows none.
fn range(status: Option<Status>, expired: bool, as_of: Timestamp) -> Option<(i64, i64)> {
    let now = as_of.as_millisecond();
    // To the second at both borders, as `Status::at` has it: within 7 days includes the seventh to the millisecond.
    let soon = now.saturating_add(EXPIRING_SOON.as_secs() * 1000);
    match (status, expired) {
        (None | Some(Status::Expired), true) => Some((i64::MIN, now)),
        (None, false) => Some((now, NEVER)),
        (Some(Status::ExpiringSoon), false) => Some((now, soon)),
        (Some(Status::Active), false) => Some((soon, NEVER)),
        (Some(Status::Expired), false) | (Some(Status::Active | Status::ExpiringSoon), true) => None,
    }
}

fn pattern(filter: &KeyFilter) -> String {
    filter.search.as_ref().map_or_else(|| "%".to_owned(), SearchText::like_pattern)
}

fn creator(scope: &KeyScope) -> Vec<u8> {
    scope.creator().map_or_else(Vec::new, |creator| creator.as_bytes().to_vec())
}

impl Store {
    /// A page of the keys in the scope: those that work, newest first, then expired ones, newest first.
    pub async fn keys(
        &self,
        scope: &KeyScope,
        filter: &KeyFilter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<KeyPage, StoreError> {
        let as_of = page.after.map_or(now, |after| after.as_of);
        let wanted = i64::from(page.first) + 1;
        let mut keys = Vec::new();
        for expired in [false, true] {
            let left = wanted - i64::try_from(keys.len()).unwrap_or(wanted);
            let before = match page.after {
                Some(after) if after.expired == expired => *after.last.as_bytes(),
                Some(after) if after.expired => continue,
                _ => [0xff; 16],
            };
            let Some((from, to)) = range(filter.status, expired, as_of).filter(|_| left > 0) else {
                continue;
            };
            let sql = if scope.creator().is_some() { LIST_OF_CREATOR } else { LIST_OF_ALL };
            let rows = sqlx::query(sql)
                .bind(&scope.organization().as_bytes()[..])
                .bind(creator(scope))
                .bind(from)
                .bind(to)
                .bind(pattern(filter))
                .bind(&before[..])
                .bind(left)
                .fetch_all(&self.readers)
                .await?;
            for row in &rows {
                keys.push((api_key(row)?, expired));
            }
        }
        let first = usize::try_from(page.first).unwrap_or(usize::MAX);
        let more = keys.len() > first;
        keys.truncate(first);
        let next = keys.last().filter(|_| more).map(|(key, expired)| Cursor {
            as_of,
            expired: *expired,
            last: key.id,
        });
        Ok(KeyPage { keys: keys.into_iter().map(|(key, _)| key).collect(), next, as_of })
    }

    /// How many keys of the scope the filter lets through.
    pub async fn count_keys(
        &self,
        scope: &KeyScope,
        filter: &KeyFilter,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut count = 0;
        for (from, to) in [false, true].into_iter().filter_map(|expired| range(filter.status, expired, now)) {
            let sql = if scope.creator().is_some() { COUNT_OF_CREATOR } else { COUNT_OF_ALL };
            let row = sqlx::query(sql)
                .bind(&scope.organization().as_bytes()[..])
                .bind(creator(scope))
                .bind(from)
                .bind(to)
                .bind(pattern(filter))
                .fetch_one(&self.readers)
                .await?;
            count += row.try_get::<i64, _>(0)?.unsigned_abs();
        }
        Ok(count)
    }

    /// A key of the scope, by its id.
    pub async fn key(&self, scope: &KeyScope, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        find(&mut connection, scope, id).await
    }
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

    /// Writes a new key.
    pub async fn create_key(&mut self, grant: &NewKeyGrant, key: &NewKey) -> Result<Recorded, StoreError> {
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
            return Ok(Recorded::Before(crate::rows::id(
                "api_keys",
                row.try_get::<&[u8], _>(0)?,
                KeyId::from_slice,
            )?));
        }
        self.announce(Entity::Key(key.id)).await?;
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
             WHERE id = $4 AND organization_id = $5 AND revoked_at IS NULL",
        )
        .bind(edit.name.as_str())
        .bind(edit.description.as_str())
        .bind(SearchText::of_key(&edit.name, &edit.description, key.masked.as_str()).as_str())
        .bind(&key.id.as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
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

    /// Revokes a key that was read in this transaction. It cannot be undone.
    pub async fn revoke_key(&mut self, scope: &KeyScope, key: &ApiKey) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        let rows = sqlx::query(
            "UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND organization_id = $3 AND revoked_at IS NULL",
        )
        .bind(now)
        .bind(&key.id.as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        self.announce(Entity::Key(key.id)).await?;
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
