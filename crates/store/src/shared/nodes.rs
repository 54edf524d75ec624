//! The nodes of a store, for people.

use std::time::Duration;

use keystead_domain::NodeId;
use sqlx::Row as _;

use super::NodeRecord;
use crate::{Store, StoreError, rows};

/// A node as the store shows it.
#[derive(Debug, Clone)]
pub struct NodeRow {
    /// How it describes itself.
    pub node: NodeRecord,
    /// How long ago it asked for a lease, by the database's clock.
    pub asked_ago: Duration,
    /// Up to which number it has applied the feed.
    pub applied: u64,
    /// How many keys it holds.
    pub keys: u64,
}

impl Store {
    /// The nodes of a store that many share, by name.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        const TABLE: &str = "nodes";
        let found = sqlx::query(
            "SELECT id, name, version, started_at, applied, keys, \
             CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - seen_at FROM nodes ORDER BY name, id",
        )
        .fetch_all(&self.readers)
        .await?;
        let nodes = found.iter().map(|row| {
            Ok(NodeRow {
                node: NodeRecord {
                    id: rows::id(TABLE, row.try_get(0)?, NodeId::from_slice)?,
                    name: row.try_get(1)?,
                    version: row.try_get(2)?,
                    started_at: rows::instant(TABLE, row.try_get(3)?)?,
                },
                applied: row.try_get::<i64, _>(4)?.unsigned_abs(),
                keys: row.try_get::<i64, _>(5)?.unsigned_abs(),
                asked_ago: Duration::from_millis(u64::try_from(row.try_get::<i64, _>(6)?).unwrap_or(0)),
            })
        });
        nodes.collect()
    }
}
