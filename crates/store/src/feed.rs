//! The change feed: the only way in which the directory learns anything.

use futures_util::TryStreamExt as _;
use keystead_domain::{Change, KeyId, Role, UserId};
use sqlx::{AnyConnection, Connection as _, Row as _};
use std::collections::HashMap;

use crate::rows::{self, role};
use crate::{Store, StoreError, Transaction};

/// What is told each change, with its number, in commit order. It must not block.
pub type Subscriber = Box<dyn Fn(u64, Change) + Send + Sync>;

/// Feed rows kept behind the last one. One node reads each before it commits, so they are kept only for people who look.
const KEPT: i64 = 10_000;

#[derive(Clone, Copy)]
pub(crate) enum Entity {
    Key(KeyId),
    User(UserId),
}

impl Transaction {
    /// Appends to the feed. Taking the number locks it to the commit: numbers have no gaps and are in commit order.
    pub(crate) async fn announce(&mut self, entity: Entity) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let sequence: i64 =
            sqlx::query("UPDATE feed SET sequence = sequence + 1 WHERE id = 1 RETURNING sequence")
                .fetch_one(&mut *connection)
                .await?
                .try_get(0)?;
        let (kind, id) = match &entity {
            Entity::Key(id) => ("key", id.as_bytes()),
            Entity::User(id) => ("user", id.as_bytes()),
        };
        sqlx::query("INSERT INTO changes (sequence, kind, entity_id) VALUES ($1, $2, $3)")
            .bind(sequence)
            .bind(kind)
            .bind(&id[..])
            .execute(&mut *connection)
            .await?;
        if sequence % 1000 == 0 {
            sqlx::query("DELETE FROM changes WHERE sequence <= $1")
                .bind(sequence - KEPT)
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

impl Store {
    /// Tells `sink` every live key and every user, and returns the number up to which that includes the feed. `progress` is
    /// told how many keys there are, first.
    ///
    /// A row that cannot be read is left out, which refuses that one key, and logged: it never stops the start.
    pub async fn load(&self, progress: impl Fn(u64), sink: impl Fn(Change)) -> Result<u64, StoreError> {
        let mut connection = self.readers.acquire().await?;
        let mut snapshot = connection.begin().await?;
        let sequence = sequence(&mut snapshot).await?;
        let keys: i64 = sqlx::query("SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL")
            .fetch_one(&mut *snapshot)
            .await?
            .try_get(0)?;
        progress(keys.unsigned_abs());

        let mut roles: HashMap<Vec<u8>, Vec<Role>> = HashMap::new();
        let mut rows = sqlx::query("SELECT user_id, role FROM user_roles").fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await? {
            roles.entry(row.try_get(0)?).or_default().extend(role(row.try_get(1)?));
        }
        drop(rows);
        let mut rows = sqlx::query("SELECT id, organization_id, email, name, active, created_at FROM users")
            .fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await? {
            let roles = row.try_get::<&[u8], _>(0).ok().and_then(|id| roles.remove(id)).unwrap_or_default();
            match rows::user(&row, roles) {
                Ok(user) => sink(Change::User(user)),
                Err(error) => tracing::error!(?error, "a user cannot be read; their keys are refused"),
            }
        }
        drop(rows);
        let mut rows = sqlx::query(
            "SELECT id, token_hash, creator_id, allow_impersonation, expires_at, last_used_at FROM api_keys WHERE revoked_at IS NULL",
        )
        .fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await? {
            match rows::key_record(&row, 0) {
                Ok(key) => sink(Change::Key(key)),
                Err(error) => tracing::error!(?error, "a key cannot be read; it is refused"),
            }
        }
        drop(rows);
        Ok(sequence.unsigned_abs())
    }
}

pub(crate) async fn sequence(connection: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    sqlx::query("SELECT sequence FROM feed WHERE id = 1").fetch_one(connection).await?.try_get(0)
}

/// The changes after a number, each with the state of its key or user as of now.
pub(crate) async fn changes_after(
    connection: &mut AnyConnection,
    after: i64,
) -> Result<Vec<(i64, Change)>, StoreError> {
    let rows =
        sqlx::query("SELECT sequence, kind, entity_id FROM changes WHERE sequence > $1 ORDER BY sequence")
            .bind(after)
            .fetch_all(&mut *connection)
            .await?;
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        let sequence: i64 = row.try_get(0)?;
        let id: Vec<u8> = row.try_get(2)?;
        let change = match row.try_get::<&str, _>(1)? {
            "key" => key_change(connection, &id).await?,
            _ => user_change(connection, &id).await?,
        };
        changes.push((sequence, change));
    }
    Ok(changes)
}

async fn key_change(connection: &mut AnyConnection, id: &[u8]) -> Result<Change, StoreError> {
    let row = sqlx::query(
        "SELECT id, token_hash, creator_id, allow_impersonation, expires_at, last_used_at, revoked_at FROM api_keys WHERE id = $1",
    )
    .bind(id)
    .fetch_one(connection)
    .await?;
    if row.try_get::<Option<i64>, _>(6)?.is_some() {
        return Ok(Change::KeyRevoked(rows::hash("api_keys", row.try_get::<&[u8], _>(1)?)?));
    }
    Ok(Change::Key(rows::key_record(&row, 0)?))
}

async fn user_change(connection: &mut AnyConnection, id: &[u8]) -> Result<Change, StoreError> {
    match crate::users::read(connection, id).await? {
        Some(user) => Ok(Change::User(user)),
        None => Ok(Change::UserGone(rows::id("changes", id, UserId::from_slice)?)),
    }
}
