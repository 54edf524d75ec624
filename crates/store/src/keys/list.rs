//! Lists, counts and look-ups of keys. They read from connections of their own, and wait for nobody.

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use keystead_domain::{
    ApiKey, Cursor, EXPIRING_SOON, KeyFilter, KeyId, KeyScope, PageRequest, SearchText, Status,
};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{
    BOUNDED_COUNT_OF_ALL, BOUNDED_COUNT_OF_CREATOR, COUNT_OF_ALL, COUNT_OF_CREATOR, EXPIRING_OF_ALL,
    EXPIRING_OF_CREATOR, LIST_OF_ALL, LIST_OF_CREATOR, USED_OF_ALL, USED_OF_CREATOR, creator, find,
};
use crate::rows::{NEVER, api_key};
use crate::{Store, StoreError};

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

    /// Up to `limit` keys of the scope that expire after `now` and until some moment, those that expire first first.
    pub async fn keys_expiring(
        &self,
        scope: &KeyScope,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let sql = if scope.creator().is_some() { EXPIRING_OF_CREATOR } else { EXPIRING_OF_ALL };
        let mut connection = self.readers.acquire().await?;
        let rows = sqlx::query(sql)
            .bind(&scope.organization().as_bytes()[..])
            .bind(creator(scope))
            .bind(now.as_millisecond())
            .bind(until.as_millisecond())
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
