//! Keys: list, look up, create, edit, revoke. Every query takes a [`KeyScope`] or a [`NewKeyGrant`], and those only an actor
//! hands out.

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{
    ApiKey, Change, Cursor, Description, EXPIRING_SOON, KeyEdit, KeyFilter, KeyId, KeyName, KeyRecord,
    KeyScope, NewKeyGrant, PageRequest, SearchText, Status,
};
use keystead_token::{MaskedToken, TokenHash};
use serde_json::json;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::rows::{self, NEVER, api_key};
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
/// An expiry is compared as [`NEVER`] when there is none, so that a range tells every status. The indexes hold it, and the
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
const ONE_OF_CREATOR: &str = columns!("k.creator_id = $2", "k.id = $3");
const ONE_OF_ALL: &str = columns!("length($2) >= 0", "k.id = $3");

/// The expiries, first exclusive and last inclusive, that mean a status at a moment: to the millisecond that the store keeps,
/// as [`Status::at`] has it.
fn expiries(status: Option<Status>, as_of: Timestamp) -> (i64, i64) {
    let now = as_of.as_millisecond();
    let soon = now.saturating_add(EXPIRING_SOON.as_secs() * 1000);
    match status {
        None => (i64::MIN, NEVER),
        Some(Status::Active) => (soon, NEVER),
        Some(Status::ExpiringSoon) => (now, soon),
        Some(Status::Expired) => (i64::MIN, now),
    }
}

fn pattern(filter: &KeyFilter) -> String {
    filter.search.as_ref().map_or_else(|| "%".to_owned(), SearchText::like_pattern)
}

fn creator(scope: &KeyScope) -> Vec<u8> {
    scope.creator().map_or_else(Vec::new, |creator| creator.as_bytes().to_vec())
}

impl Store {
    /// How many keys of the scope work now.
    pub async fn count_working_keys(&self, scope: &KeyScope, now: Timestamp) -> Result<u64, StoreError> {
        let sql = if scope.creator().is_some() { COUNT_OF_CREATOR } else { COUNT_OF_ALL };
        let count: i64 = sqlx::query(sql)
            .bind(&scope.organization().as_bytes()[..])
            .bind(creator(scope))
            .bind(now.as_millisecond())
            .bind(NEVER)
            .bind("%")
            .fetch_one(&self.readers)
            .await?
            .try_get(0)?;
        Ok(count.unsigned_abs())
    }

    /// Up to `limit` keys of the scope that work now and were used since some moment, those used last first.
    pub async fn keys_used_since(
        &self,
        scope: &KeyScope,
        since: Timestamp,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let sql = if scope.creator().is_some() { USED_OF_CREATOR } else { USED_OF_ALL };
        let mut connection = self.readers.acquire().await?;
        let rows = sqlx::query(sql)
            .bind(&scope.organization().as_bytes()[..])
            .bind(creator(scope))
            .bind(since.as_millisecond())
            .bind(now.as_millisecond())
            .bind(limit)
            .fetch(&mut *connection);
        let mut list = List { keys: Vec::new(), left: limit };
        list.read(rows).await?;
        Ok(list.keys)
    }
    /// A page of the keys in the scope: those that work, newest first, then expired ones, newest first.
    pub async fn keys(
        &self,
        scope: &KeyScope,
        filter: &KeyFilter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<KeyPage, StoreError> {
        let as_of = page.after.map_or(now, |after| after.as_of);
        let (from, to) = expiries(filter.status, as_of);
        let end = as_of.as_millisecond();
        let first = usize::try_from(page.first).unwrap_or(usize::MAX);
        let mut list = List { keys: Vec::new(), left: i64::from(page.first) + 1 };
        let mut connection = self.readers.acquire().await?;
        for (expired, from, to) in [(false, from.max(end), to), (true, from, to.min(end))] {
            let before = match page.after {
                Some(after) if after.expired == expired => *after.last.as_bytes(),
                Some(after) if after.expired => continue,
                _ => [0xff; 16],
            };
            if from >= to || list.left == 0 {
                continue;
            }
            let sql = if scope.creator().is_some() { LIST_OF_CREATOR } else { LIST_OF_ALL };
            let rows = sqlx::query(sql)
                .bind(&scope.organization().as_bytes()[..])
                .bind(creator(scope))
                .bind(from)
                .bind(to)
                .bind(pattern(filter))
                .bind(&before[..])
                .bind(list.left)
                .fetch(&mut *connection);
            list.read(rows).await?;
        }
        list.keys.truncate(first);
        let next = list.keys.last().filter(|_| list.left == 0).map(|key| Cursor::after(key, as_of));
        Ok(KeyPage { keys: list.keys, next, as_of })
    }

    /// How many keys of the scope the filter lets through.
    pub async fn count_keys(
        &self,
        scope: &KeyScope,
        filter: &KeyFilter,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let (from, to) = expiries(filter.status, now);
        let sql = if scope.creator().is_some() { COUNT_OF_CREATOR } else { COUNT_OF_ALL };
        let row = sqlx::query(sql)
            .bind(&scope.organization().as_bytes()[..])
            .bind(creator(scope))
            .bind(from)
            .bind(to)
            .bind(pattern(filter))
            .fetch_one(&self.readers)
            .await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    /// The same, counted up to a bound: what a page says of a million keys must not cost looking at each.
    pub async fn count_keys_up_to(
        &self,
        scope: &KeyScope,
        filter: &KeyFilter,
        now: Timestamp,
        at_most: i64,
    ) -> Result<u64, StoreError> {
        let (from, to) = expiries(filter.status, now);
        let sql = if scope.creator().is_some() { BOUNDED_COUNT_OF_CREATOR } else { BOUNDED_COUNT_OF_ALL };
        let row = sqlx::query(sql)
            .bind(&scope.organization().as_bytes()[..])
            .bind(creator(scope))
            .bind(from)
            .bind(to)
            .bind(pattern(filter))
            .bind(at_most)
            .fetch_one(&self.readers)
            .await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    /// A key of the scope, by its id.
    pub async fn key(&self, scope: &KeyScope, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        find(&mut connection, scope, id).await
    }
}

/// A page while it is being read.
struct List {
    keys: Vec<ApiKey>,
    /// Rows that may still be read; none if there is a next page.
    left: i64,
}

impl List {
    /// A row that cannot be read is left out, and logged: the others' owners can still see and revoke theirs.
    async fn read(
        &mut self,
        mut rows: impl Stream<Item = Result<AnyRow, sqlx::Error>> + Unpin,
    ) -> Result<(), StoreError> {
        while let Some(row) = rows.next().await {
            self.left -= 1;
            match row.map_err(StoreError::from).and_then(|row| api_key(&row)) {
                Ok(key) => self.keys.push(key),
                Err(error) if error.is_unreadable() => {
                    tracing::error!(?error, "a key cannot be read; it is not listed");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
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

    /// Writes a new key, or finds the one that the same form made. Commit in either case: only then is that one on disk too.
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
