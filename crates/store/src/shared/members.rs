//! The nodes of a store.

use jiff::Timestamp;
use keystead_domain::{NodeId, NodeStatus};
use sqlx::{AnyConnection, Row as _};

use super::Reconnecting;
use crate::engine::DatabaseUrl;
use crate::{OpenError, StoreError, rows};

/// A node as it describes itself.
#[derive(Debug, Clone)]
pub struct NodeRecord {
    /// This run of it.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// When it was started.
    pub started_at: Timestamp,
}

impl NodeRecord {
    pub(super) async fn write(
        &self,
        connection: &mut AnyConnection,
        applied: u64,
        (keys, renewals): (usize, i64),
        now: Timestamp,
        schema: i64,
    ) -> Result<(), StoreError> {
        // One that is too old for the store holds nobody up.
        sqlx::query(
            "INSERT INTO nodes (id, name, version, started_at, seen_at, renewals, applied, keys, schema) \
             SELECT $1, $2, $3, $4, $5, $8, $6, $7, $9 FROM feed WHERE id = 1 AND oldest_schema <= $9 ON CONFLICT (id) DO UPDATE \
             SET seen_at = $5, renewals = $8, applied = $6, keys = $7",
        )
        .bind(&self.id.as_bytes()[..])
        .bind(&self.name)
        .bind(&self.version)
        .bind(self.started_at.as_millisecond())
        .bind(now.as_millisecond())
        .bind(i64::try_from(applied).unwrap_or(i64::MAX))
        .bind(i64::try_from(keys).unwrap_or(i64::MAX))
        .bind(renewals)
        .bind(schema)
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Looks at the nodes, and wakes them.
pub struct Members {
    connection: Reconnecting,
    /// The timeline of a server that may have taken over without the last of what nodes had written.
    doubted: Option<String>,
}

impl Members {
    /// Of the store at a URL. Nothing is connected yet.
    pub fn new(url: &DatabaseUrl) -> Result<Self, OpenError> {
        Ok(Self { connection: Reconnecting::new(url)?, doubted: None })
    }

    /// What each has written, and whether that was asked, for the first time, of a server that may have taken over without all of it.
    pub async fn statuses(&mut self) -> Result<(Vec<NodeStatus>, bool), StoreError> {
        let (mut connection, is_new) = self.connection.take().await?;
        let took_over = is_new && self.took_over(&mut connection).await?;
        let statuses = statuses(&mut connection).await?;
        self.connection.put_back(connection);
        Ok((statuses, took_over))
    }

    /// All leases of another server's have ended: this one is the one to believe, for nodes that come as well.
    pub async fn believe(&mut self) -> Result<(), StoreError> {
        let Some(timeline) = &self.doubted else { return Ok(()) };
        let (mut connection, is_new) = self.connection.take().await?;
        if !is_new {
            note_timeline(&mut connection, timeline).await?;
            self.connection.put_back(connection);
            self.doubted = None;
        }
        Ok(())
    }

    /// Whether the server is not known to be the one that all leases are of. One without any change is: nobody knows anything
    /// that could be taken away from them.
    async fn took_over(&mut self, connection: &mut AnyConnection) -> Result<bool, StoreError> {
        let feed = sqlx::query("SELECT sequence, timeline FROM feed WHERE id = 1")
            .fetch_one(&mut *connection)
            .await?;
        let (sequence, known) = (feed.try_get::<i64, _>(0)?, feed.try_get::<Option<String>, _>(1)?);
        let timeline = timeline(connection).await;
        if known.is_some() && timeline == known {
            return Ok(false);
        }
        if sequence == 0 {
            if let Some(timeline) = timeline {
                note_timeline(connection, &timeline).await?;
            }
            return Ok(false);
        }
        self.doubted = timeline;
        Ok(true)
    }

    /// Tells the others that there is something to read. It only saves them the time until they look by themselves: a database that
    /// cannot do it is not asked again on this connection.
    pub async fn wake(&mut self, channel: &'static str) -> Result<(), StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        sqlx::query("SELECT pg_notify($1, '')").bind(channel).fetch_one(&mut connection).await?;
        self.connection.put_back(connection);
        Ok(())
    }
}

/// What each node has written.
pub(super) async fn statuses(connection: &mut AnyConnection) -> Result<Vec<NodeStatus>, StoreError> {
    let found = sqlx::query("SELECT id, renewals, applied FROM nodes").fetch_all(connection).await?;
    let statuses = found.iter().map(|row| {
        Ok(NodeStatus {
            id: rows::id("nodes", row.try_get(0)?, NodeId::from_slice)?,
            renewals: row.try_get::<i64, _>(1)?.unsigned_abs(),
            applied: row.try_get::<i64, _>(2)?.unsigned_abs(),
        })
    });
    statuses.collect()
}

/// What changes whenever another PostgreSQL server takes over, or is made of a backup: the beginning of the name of what it writes
/// now (<https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES>). An engine that has no such thing is never known to be
/// the same.
async fn timeline(connection: &mut AnyConnection) -> Option<String> {
    let row = sqlx::query("SELECT substring(pg_walfile_name(pg_current_wal_lsn()) FROM 1 FOR 8)");
    row.fetch_one(connection).await.ok()?.try_get(0).ok()
}

async fn note_timeline(connection: &mut AnyConnection, timeline: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE feed SET timeline = $1 WHERE id = 1").bind(timeline).execute(connection).await?;
    Ok(())
}
