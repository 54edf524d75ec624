//! Reading everything that verification needs, at start.
//!
//! A million keys are read by SQLite's own means: the driver hands over each row through a channel, which costs more than
//! SQLite's work on it, so a query packs the keys of a thousand rows into one text. And on two connections, each with a half of
//! the table, since packing takes a core.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join;
use jiff::Timestamp;
use keystead_domain::{
    Assignment, Change, ConnectionId, ConnectionRecord, GroupId, KeyId, KeyRecord, UserId, UserRecord,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::{Store, StoreError, organizations, roles, rows};

/// Rows that come as one: some hundred kilobytes.
const TOGETHER: i64 = 1_000;

impl Store {
    /// Tells `sink` every organization, every user, every connection in force and every key that was not revoked, in this order, and returns the number up to which that
    /// includes the feed. `progress` is told how many keys there are, first.
    ///
    /// A row that cannot be read is left out, which refuses that one key, and logged: it never stops the start.
    pub async fn load(&self, progress: impl Fn(u64), sink: impl Fn(Change)) -> Result<u64, StoreError> {
        let (organizations, [mut first, mut second]) = {
            let _held = self.committer.hold().await;
            let mut connection = self.readers.acquire().await?;
            (organizations::read_some(&mut connection, None).await?, self.snapshots().await?)
        };
        let sequence: i64 =
            sqlx::query("SELECT sequence FROM feed WHERE id = 1").fetch_one(&mut first).await?.try_get(0)?;
        let row = sqlx::query(
            "SELECT COUNT(*), (MIN(rowid) + MAX(rowid)) / 2 FROM api_keys WHERE revoked_at IS NULL",
        )
        .fetch_one(&mut first)
        .await?;
        progress(row.try_get::<i64, _>(0)?.unsigned_abs());
        let middle: i64 = row.try_get::<Option<i64>, _>(1)?.unwrap_or(0);

        for record in organizations {
            sink(Change::Organization(Box::new(record)));
        }
        users(&mut first, &sink).await?;
        connections(&mut first, &sink).await?;
        try_join(keys(&mut first, (i64::MIN, middle), &sink), keys(&mut second, (middle, i64::MAX), &sink))
            .await?;
        first.close().await?;
        second.close().await?;
        self.committer.found_committed(sequence.unsigned_abs());
        Ok(sequence.unsigned_abs())
    }

    /// Two connections that see the same moment, as long as commits are kept out while they begin.
    async fn snapshots(&self) -> Result<[SqliteConnection; 2], StoreError> {
        let options =
            SqliteConnectOptions::new().filename(&self.file).read_only(true).disable_statement_logging();
        let mut connections = [options.connect().await?, options.connect().await?];
        for connection in &mut connections {
            // A transaction sees what it first reads, and everything as of then.
            sqlx::query("BEGIN").execute(&mut *connection).await?;
            sqlx::query("SELECT sequence FROM feed").fetch_one(connection).await?;
        }
        Ok(connections)
    }
}

async fn users(connection: &mut SqliteConnection, sink: &impl Fn(Change)) -> Result<(), StoreError> {
    let mut assignments: HashMap<Vec<u8>, Vec<Assignment>> = HashMap::new();
    let mut rows = sqlx::query("SELECT user_id, role, scopes FROM user_roles").fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let assignment = roles::assignment("user_roles", row.try_get(1).ok(), row.try_get(2).ok());
        if let (Ok(user), Some(assignment)) = (row.try_get(0), assignment) {
            assignments.entry(user).or_default().push(assignment);
        }
    }
    drop(rows);
    let mut groups: HashMap<Vec<u8>, Vec<GroupId>> = HashMap::new();
    let mut rows = sqlx::query("SELECT user_id, group_id FROM user_group_members").fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let group = row.try_get(1).ok().and_then(GroupId::from_slice);
        if let (Ok(user), Some(group)) = (row.try_get(0), group) {
            groups.entry(user).or_default().push(group);
        }
    }
    drop(rows);
    let mut rows = sqlx::query(
        "SELECT id, organization_id, email, name, active, created_at FROM users WHERE deleted_at IS NULL",
    )
    .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        match user(&row, &mut assignments, &mut groups) {
            Ok(user) => sink(Change::User(user)),
            Err(error) => tracing::error!(?error, "a user cannot be read; their keys are refused"),
        }
    }
    Ok(())
}

async fn connections(connection: &mut SqliteConnection, sink: &impl Fn(Change)) -> Result<(), StoreError> {
    // Of those who hold it, and what a person is shown of it: none is in force that nobody sees, and so nobody ends.
    let mut rows = sqlx::query(
        "SELECT c.id, c.user_id, c.ends_at, c.client_id, c.client_name, c.client_host, c.created_at, c.last_used_at \
         FROM connections c JOIN users u ON u.id = c.user_id AND u.organization_id = c.organization_id \
         WHERE c.redeemed_at IS NOT NULL AND c.ended_at IS NULL",
    )
    .fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let record = || -> Option<ConnectionRecord> {
            for text in 3..=5 {
                row.try_get::<&str, _>(text).ok()?;
            }
            for moment in 6..=7 {
                Timestamp::from_millisecond(row.try_get(moment).ok()?).ok()?;
            }
            Some(ConnectionRecord {
                id: ConnectionId::from_slice(row.try_get(0).ok()?)?,
                user: UserId::from_slice(row.try_get(1).ok()?)?,
                ends_at: Timestamp::from_millisecond(row.try_get(2).ok()?).ok()?,
            })
        };
        if let Some(record) = record() {
            sink(Change::Connection(record));
        } else {
            tracing::error!("a connection cannot be read; its app is refused");
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
    let mut after = after;
    loop {
        let row = sqlx::query(
            "SELECT MAX(row), group_concat(hex(id) || hex(token_hash) || hex(creator_id) || ' ' || allow_impersonation || ' ' || \
             COALESCE(expires_at, '') || ' ' || session_epoch || ' ' || COALESCE(last_used_at, ''), ';') \
             FROM (SELECT rowid AS row, * FROM api_keys WHERE rowid > $1 AND rowid <= $2 AND revoked_at IS NULL \
             ORDER BY rowid LIMIT $3)",
        )
        .bind(after)
        .bind(to)
        .bind(TOGETHER)
        .fetch_one(&mut *connection)
        .await?;
        let Some(last) = row.try_get(0)? else { return Ok(()) };
        let packed: Option<&str> = row.try_get(1)?;
        for text in packed.iter().flat_map(|packed| packed.split(';')) {
            match key(text) {
                Ok(key) => sink(Change::Key(key)),
                Err(error) => tracing::error!(?error, "a key cannot be read; it is refused"),
            }
        }
        after = last;
    }
}

fn user(
    row: &SqliteRow,
    assignments: &mut HashMap<Vec<u8>, Vec<Assignment>>,
    groups: &mut HashMap<Vec<u8>, Vec<GroupId>>,
) -> Result<UserRecord, StoreError> {
    let id: &[u8] = row.try_get(0)?;
    rows::user(
        id,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
        assignments.remove(id).unwrap_or_default().into_iter().collect(),
        groups.remove(id).unwrap_or_default(),
    )
}

/// A key as the query above writes it.
fn key(text: &str) -> Result<KeyRecord, StoreError> {
    const TABLE: &str = "api_keys";
    let unreadable = || rows::corrupt(TABLE, "a value of another type or length");
    let mut parts = text.split(' ');
    let mut part = || parts.next().ok_or_else(unreadable);
    let bytes: [u8; 16 + 32 + 16] = unhex(part()?).ok_or_else(unreadable)?;
    let number = |text: &str| match text {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| unreadable()),
    };
    let (id, rest) = bytes.split_at(16);
    let (hash, creator) = rest.split_at(32);
    Ok(KeyRecord {
        id: rows::id(TABLE, id, KeyId::from_slice)?,
        hash: rows::hash(TABLE, hash)?,
        creator: rows::id(TABLE, creator, UserId::from_slice)?,
        allow_impersonation: rows::flag(TABLE, number(part()?)?.ok_or_else(unreadable)?)?,
        expires_at: rows::optional_instant(TABLE, number(part()?)?)?,
        session_epoch: rows::epoch(TABLE, number(part()?)?.ok_or_else(unreadable)?)?,
        last_used_at: rows::optional_instant(TABLE, number(part()?)?)?,
    })
}

/// Bytes from the digits that SQLite's `hex` writes.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
