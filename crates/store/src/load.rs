//! Reading everything that verification needs, at start.

mod postgres;
mod sqlite;

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr as _;

use jiff::Timestamp;
use keystead_domain::{Assignment, Change, ConnectionId, ConnectionRecord, GroupId, UserId, UserRecord};
use sqlx::any::AnyRow;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyConnection, Row as _};

use crate::engine::DatabaseUrl;
use crate::{Store, StoreError, issuing, organizations, roles, rows};

/// Where keys are read from in bulk, by the database's own means.
pub(crate) enum Source {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Source {
    pub(crate) fn postgres(url: &DatabaseUrl) -> Result<Self, sqlx::Error> {
        Ok(Self::Postgres(Box::new(PgConnectOptions::from_str(url.expose())?)))
    }
}

impl Store {
    /// Tells `sink` whether credentials are issued, every organization, every user, every connection in force and every key that was not revoked, in this order, and
    /// returns the number up to which that includes the feed. On PostgreSQL, where other nodes write meanwhile, some of it may be newer:
    /// what the feed says next is told again. `progress` is told how many keys there are, first.
    ///
    /// A row that cannot be read is left out, which refuses that one key, and logged: it never stops the start.
    pub async fn load(&self, progress: impl Fn(u64), sink: impl Fn(Change)) -> Result<u64, StoreError> {
        let sequence = match &self.bulk {
            Source::Sqlite(file) => {
                let (mut rest, keys) = {
                    let _held = self.committer.hold().await;
                    let mut rest = self.readers.begin().await?;
                    // A transaction sees what it first reads, and everything as of then.
                    committed(&mut rest).await?;
                    (rest, sqlite::Snapshots::begin(file).await?)
                };
                let sequence = committed(&mut rest).await?;
                all_but_keys(&mut rest, &sink).await?;
                keys.keys(progress, &sink).await?;
                sequence
            }
            Source::Postgres(options) => {
                let mut rest = self.readers.acquire().await?;
                // Before all else: what is read after it is as of then, or newer.
                let sequence = committed(&mut rest).await?;
                all_but_keys(&mut rest, &sink).await?;
                postgres::keys(options, progress, &sink).await?;
                sequence
            }
        };
        self.committer.found_committed(sequence);
        Ok(sequence)
    }
}

async fn committed(connection: &mut AnyConnection) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT sequence FROM feed WHERE id = 1").fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
}

async fn all_but_keys(connection: &mut AnyConnection, sink: &impl Fn(Change)) -> Result<(), StoreError> {
    sink(Change::Issuing(issuing::read(connection).await?));
    for record in organizations::read_some(connection, None).await? {
        sink(Change::Organization(Box::new(record)));
    }
    users(connection, sink).await?;
    connections(connection, sink).await
}

async fn users(connection: &mut AnyConnection, sink: &impl Fn(Change)) -> Result<(), StoreError> {
    let mut assignments: HashMap<Vec<u8>, Vec<Assignment>> = HashMap::new();
    let mut rows = sqlx::query("SELECT user_id, role, scopes FROM user_roles").fetch(&mut *connection);
    while let Some(row) = rows::next_readable("user_roles", &mut rows).await? {
        let assignment = roles::assignment("user_roles", row.try_get(1).ok(), row.try_get(2).ok());
        if let (Ok(user), Some(assignment)) = (row.try_get(0), assignment) {
            assignments.entry(user).or_default().push(assignment);
        }
    }
    drop(rows);
    let mut groups: HashMap<Vec<u8>, Vec<GroupId>> = HashMap::new();
    let mut rows = sqlx::query("SELECT user_id, group_id FROM user_group_members").fetch(&mut *connection);
    while let Some(row) = rows::next_readable("user_group_members", &mut rows).await? {
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
    while let Some(row) = rows::next_readable("users", &mut rows).await? {
        match user(&row, &mut assignments, &mut groups) {
            Ok(user) => sink(Change::User(user)),
            Err(error) => tracing::error!(?error, "a user cannot be read; their keys are refused"),
        }
    }
    Ok(())
}

async fn connections(connection: &mut AnyConnection, sink: &impl Fn(Change)) -> Result<(), StoreError> {
    // Of those who hold it, and what a person is shown of it: none is in force that nobody sees, and so nobody ends.
    let mut rows = sqlx::query(
        "SELECT c.id, c.user_id, c.ends_at, c.client_id, c.client_name, c.client_host, c.created_at, c.last_used_at \
         FROM connections c JOIN users u ON u.id = c.user_id AND u.organization_id = c.organization_id \
         WHERE c.redeemed_at IS NOT NULL AND c.ended_at IS NULL",
    )
    .fetch(connection);
    while let Some(row) = rows::next_readable("connections", &mut rows).await? {
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

fn user(
    row: &AnyRow,
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
