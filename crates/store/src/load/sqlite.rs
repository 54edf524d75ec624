//! A million keys are read by SQLite's own means: the driver hands over each row through a channel, which costs more than
//! SQLite's work on it, so a query packs the keys of a thousand rows into one text. And on two connections, each with a half of
//! the table, since packing takes a core.

use std::path::Path;

use futures_util::future::try_join;
use keystead_domain::{Change, KeyId, KeyRecord, UserId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::{StoreError, rows};

/// Rows that come as one: some hundred kilobytes.
const TOGETHER: i64 = 1_000;

/// Two connections that see the same moment.
pub(super) struct Snapshots([SqliteConnection; 2]);

impl Snapshots {
    /// Of now; commits must be kept out meanwhile.
    pub(super) async fn begin(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).disable_statement_logging();
        let mut connections = [options.connect().await?, options.connect().await?];
        for connection in &mut connections {
            // A transaction sees what it first reads, and everything as of then.
            sqlx::query("BEGIN").execute(&mut *connection).await?;
            sqlx::query("SELECT sequence FROM feed").fetch_one(connection).await?;
        }
        Ok(Self(connections))
    }

    /// Tells every key that was not revoked.
    pub(super) async fn keys(self, progress: impl Fn(u64), sink: &impl Fn(Change)) -> Result<(), StoreError> {
        let Self([mut first, mut second]) = self;
        let row = sqlx::query(
            "SELECT COUNT(*), (MIN(rowid) + MAX(rowid)) / 2 FROM api_keys WHERE revoked_at IS NULL",
        )
        .fetch_one(&mut first)
        .await?;
        progress(row.try_get::<i64, _>(0)?.unsigned_abs());
        let middle: i64 = row.try_get::<Option<i64>, _>(1)?.unwrap_or(0);
        try_join(keys(&mut first, (i64::MIN, middle), sink), keys(&mut second, (middle, i64::MAX), sink))
            .await?;
        first.close().await?;
        second.close().await?;
        Ok(())
    }
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
