//! Reading everything that verification needs, at start.
//!
//! A million keys are read through SQLite's own driver, not through `Any`, which converts each value a second time; and on two
//! connections, each with a half of the table, because stepping through it is most of the work. What a key has
//! of fixed length comes as one value, since the driver copies each value of each row to memory of its own.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join;
use keystead_domain::{Change, KeyId, KeyRecord, Role, User, UserId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::rows::{self, role};
use crate::{Store, StoreError};

/// Rows that a connection reads ahead.
const READ_AHEAD: usize = 1024;

impl Store {
    /// Tells `sink` every user and every key that was not revoked, users first, and returns the number up to which that
    /// includes the feed. `progress` is told how many keys there are, first.
    ///
    /// A row that cannot be read is left out, which refuses that one key, and logged: it never stops the start.
    pub async fn load(&self, progress: impl Fn(u64), sink: impl Fn(Change)) -> Result<u64, StoreError> {
        let [mut first, mut second] = self.snapshots().await?;
        let sequence: i64 =
            sqlx::query("SELECT sequence FROM feed WHERE id = 1").fetch_one(&mut first).await?.try_get(0)?;
        let row = sqlx::query(
            "SELECT COUNT(*), (MIN(rowid) + MAX(rowid)) / 2 FROM api_keys WHERE revoked_at IS NULL",
        )
        .fetch_one(&mut first)
        .await?;
        progress(row.try_get::<i64, _>(0)?.unsigned_abs());
        let middle: i64 = row.try_get::<Option<i64>, _>(1)?.unwrap_or(0);

        users(&mut first, &sink).await?;
        try_join(keys(&mut first, (i64::MIN, middle), &sink), keys(&mut second, (middle, i64::MAX), &sink))
            .await?;
        first.close().await?;
        second.close().await?;
        self.committer.found_committed(sequence.unsigned_abs());
        Ok(sequence.unsigned_abs())
    }

    /// Two connections that see the same moment.
    async fn snapshots(&self) -> Result<[SqliteConnection; 2], StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .read_only(true)
            .row_buffer_size(READ_AHEAD)
            .disable_statement_logging();
        let mut connections = [options.connect().await?, options.connect().await?];
        let _held = self.committer.hold().await;
        for connection in &mut connections {
            // A transaction sees what it first reads, and everything as of then.
            sqlx::query("BEGIN").execute(&mut *connection).await?;
            sqlx::query("SELECT sequence FROM feed").fetch_one(connection).await?;
        }
        Ok(connections)
    }
}

async fn users(connection: &mut SqliteConnection, sink: &impl Fn(Change)) -> Result<(), StoreError> {
    let mut roles: HashMap<Vec<u8>, Vec<Role>> = HashMap::new();
    let mut rows = sqlx::query("SELECT user_id, role FROM user_roles").fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        if let (Ok(user), Ok(name)) = (row.try_get(0), row.try_get(1)) {
            roles.entry(user).or_default().extend(role(name));
        }
    }
    drop(rows);
    let mut rows = sqlx::query("SELECT id, organization_id, email, name, active, created_at FROM users")
        .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        match user(&row, &mut roles) {
            Ok(user) => sink(Change::User(user)),
            Err(error) => tracing::error!(?error, "a user cannot be read; their keys are refused"),
        }
    }
    Ok(())
}

/// The keys of a range of rows, its lower end not included.
async fn keys(
    connection: &mut SqliteConnection,
    (after, to): (i64, i64),
    sink: &impl Fn(Change),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query(
        "SELECT CAST(id || token_hash || creator_id AS BLOB), allow_impersonation, expires_at, last_used_at FROM api_keys \
         WHERE rowid > $1 AND rowid <= $2 AND revoked_at IS NULL",
    )
    .bind(after)
    .bind(to)
    .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        match key(&row) {
            Ok(key) => sink(Change::Key(key)),
            Err(error) => tracing::error!(?error, "a key cannot be read; it is refused"),
        }
    }
    Ok(())
}

fn user(row: &SqliteRow, roles: &mut HashMap<Vec<u8>, Vec<Role>>) -> Result<User, StoreError> {
    let id: &[u8] = row.try_get(0)?;
    rows::user(
        id,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
        roles.remove(id).unwrap_or_default(),
    )
}

fn key(row: &SqliteRow) -> Result<KeyRecord, StoreError> {
    const TABLE: &str = "api_keys";
    let bytes: &[u8; 16 + 32 + 16] = row
        .try_get::<&[u8], _>(0)?
        .try_into()
        .map_err(|_| rows::corrupt(TABLE, "an id or a hash of another length"))?;
    let (id, rest) = bytes.split_at(16);
    let (hash, creator) = rest.split_at(32);
    Ok(KeyRecord {
        id: rows::id(TABLE, id, KeyId::from_slice)?,
        hash: rows::hash(TABLE, hash)?,
        creator: rows::id(TABLE, creator, UserId::from_slice)?,
        allow_impersonation: rows::flag(TABLE, row.try_get(1)?)?,
        expires_at: rows::optional_instant(TABLE, row.try_get(2)?)?,
        last_used_at: rows::optional_instant(TABLE, row.try_get(3)?)?,
    })
}
