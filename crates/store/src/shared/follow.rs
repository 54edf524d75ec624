//! Following the feed: what was committed since, in order, without a gap.

use std::collections::HashMap;

use keystead_domain::{Change, ConnectionId, ConnectionRecord, NodeId, NodeStatus, OrganizationId, UserId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{NodeRecord, Reconnecting, Woken, members};
use crate::engine::DatabaseUrl;
use crate::upgrade::newest;
use crate::{OpenError, StoreError, issuing, organizations, rows, sealed, users};
use jiff::Timestamp;

/// Changes that are read at once. What is no key is asked about one by one, and whoever follows gives up a look that takes long: what
/// it has read by then counts only in whole steps of these.
const AT_ONCE: i64 = 50;
/// Feed rows kept behind the last one, for nodes that were away for a moment.
const KEPT: i64 = 10_000;

/// Up to where the feed is known, and of which history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The number of the last change that is known.
    pub sequence: u64,
    epoch: String,
    /// What tells that change from another that took its number.
    mark: Option<String>,
}

/// What the feed says after a position.
#[derive(Debug)]
pub enum Following {
    /// This, in order. Nothing, if that was the last.
    Changes(Vec<(u64, Change)>),
    /// It begins only later: what is known is too old to go on from.
    TooFarBehind,
    /// The store was restored: what is known is of a history that is over.
    Restored,
    /// What was known to be committed is not there any more: this.
    Lost(String),
    /// Somebody found that, or an operator wants it so: nobody may serve, because of this.
    Halted(String),
}

/// What a node is told that asked for a lease.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// How far the feed is: until the node knows it that far, what it knows may be old.
    pub committed: u64,
    /// What time it is, by the database's clock.
    pub at: Timestamp,
}

/// Follows the feed for one node.
pub struct Follower {
    connection: Reconnecting,
    node: NodeRecord,
    /// How often it has asked for a lease: counted here, since a row that was lost or forgotten would begin again.
    renewals: i64,
    /// The newest schema that it knows.
    schema: i64,
}

impl Follower {
    /// Of a node. Nothing is connected yet.
    pub fn new(url: &DatabaseUrl, node: NodeRecord) -> Result<Self, OpenError> {
        let schema = newest(url.migrations());
        Ok(Self { connection: Reconnecting::new(url)?, node, renewals: 0, schema })
    }

    /// Where the feed is now, from where to go on after a load that begins later; and what time it is, by the database's clock.
    ///
    /// # Errors
    /// [`StoreError::Halted`] and [`StoreError::Unfinished`], besides what the database says.
    pub async fn position(&mut self) -> Result<(Position, Timestamp), StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        let row = sqlx::query(
            "SELECT f.sequence, CAST(f.epoch AS TEXT), CAST(c.mark AS TEXT), f.halted, f.copying, f.oldest_schema, \
             CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) FROM feed f \
             LEFT JOIN changes c ON c.sequence = f.sequence WHERE f.id = 1",
        )
        .fetch_one(&mut connection)
        .await?;
        self.connection.put_back(connection);
        if let Some(why) = row.try_get::<Option<String>, _>(3)? {
            return Err(StoreError::Halted(why));
        }
        if row.try_get::<Option<&str>, _>(4)?.is_some() {
            return Err(StoreError::Unfinished);
        }
        self.require_known(row.try_get(5)?)?;
        let position = Position {
            sequence: row.try_get::<i64, _>(0)?.unsigned_abs(),
            epoch: row.try_get(1)?,
            mark: row.try_get(2)?,
        };
        Ok((position, rows::instant("feed", row.try_get(6)?)?))
    }

    /// Says that the node is there, how far it is and how many keys it holds, and *then* asks how far the feed is.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] besides what the database says: this node gets no lease any more.
    pub async fn renew(
        &mut self,
        position: &Position,
        keys: usize,
        now: Timestamp,
    ) -> Result<Asked, StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        self.renewals += 1;
        let counts = (keys, self.renewals);
        self.node.write(&mut connection, position.sequence, counts, now, self.schema).await?;
        // A statement of its own: it sees all that was committed before it began, and so before anybody saw the one above.
        let row = sqlx::query(
            "SELECT sequence, oldest_schema, CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) FROM feed WHERE id = 1",
        )
        .fetch_one(&mut connection)
        .await?;
        self.connection.put_back(connection);
        self.require_known(row.try_get(1)?)?;
        Ok(Asked {
            committed: row.try_get::<i64, _>(0)?.unsigned_abs(),
            at: rows::instant("feed", row.try_get(2)?)?,
        })
    }

    fn require_known(&self, needed: i64) -> Result<(), StoreError> {
        let known = self.schema;
        if needed > known { Err(StoreError::Outdated { needed, known }) } else { Ok(()) }
    }

    /// What was committed after a position, which moves along.
    pub async fn changes_after(&mut self, position: &mut Position) -> Result<Following, StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        let following = changes_after(&mut connection, position).await?;
        self.connection.put_back(connection);
        Ok(following)
    }

    /// Says how far the node is, so that whoever waits for it goes on.
    pub async fn acknowledge(&mut self, position: &Position) -> Result<(), StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        let applied = i64::try_from(position.sequence).unwrap_or(i64::MAX);
        sqlx::query("UPDATE nodes SET applied = $1 WHERE id = $2")
            .bind(applied)
            .bind(&self.node.id.as_bytes()[..])
            .execute(&mut connection)
            .await?;
        // It only saves them the time until they look by themselves.
        _ = sqlx::query("SELECT pg_notify($1, '')")
            .bind(Woken::Acknowledged.channel())
            .fetch_one(&mut connection)
            .await;
        self.connection.put_back(connection);
        Ok(())
    }

    /// What each node has written.
    pub async fn nodes(&mut self) -> Result<Vec<NodeStatus>, StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        let nodes = members::statuses(&mut connection).await?;
        self.connection.put_back(connection);
        Ok(nodes)
    }

    /// Forgets nodes that are gone, unless one asked for a lease again meanwhile, and feed rows that every other is past.
    pub async fn tidy(&mut self, gone: &[NodeStatus]) -> Result<(), StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        for node in gone {
            sqlx::query("DELETE FROM nodes WHERE id = $1 AND renewals = $2")
                .bind(&node.id.as_bytes()[..])
                .bind(i64::try_from(node.renewals).unwrap_or(i64::MAX))
                .execute(&mut connection)
                .await?;
        }
        sqlx::query(
            "DELETE FROM changes WHERE sequence <= (SELECT sequence FROM feed WHERE id = 1) - $1 \
             AND sequence <= (SELECT MIN(applied) FROM nodes)",
        )
        .bind(KEPT)
        .execute(&mut connection)
        .await?;
        self.connection.put_back(connection);
        Ok(())
    }

    /// Says that what was committed has been lost, so that no node serves from what is left.
    pub async fn halt(&mut self, why: &str) -> Result<(), StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        sqlx::query("UPDATE feed SET halted = COALESCE(halted, $1) WHERE id = 1")
            .bind(why)
            .execute(&mut connection)
            .await?;
        self.connection.put_back(connection);
        Ok(())
    }

    /// The node serves no more: nobody needs to wait for it. Its lease must have ended.
    pub async fn leave(&mut self) -> Result<(), StoreError> {
        let (mut connection, _) = self.connection.take().await?;
        sqlx::query("DELETE FROM nodes WHERE id = $1")
            .bind(&self.node.id.as_bytes()[..])
            .execute(&mut connection)
            .await?;
        Ok(())
    }

    /// The node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.node.id
    }
}

async fn changes_after(
    connection: &mut AnyConnection,
    position: &mut Position,
) -> Result<Following, StoreError> {
    let from = i64::try_from(position.sequence).unwrap_or(i64::MAX);
    let feed = sqlx::query("SELECT sequence, CAST(epoch AS TEXT), halted FROM feed WHERE id = 1")
        .fetch_one(&mut *connection)
        .await?;
    if let Some(why) = feed.try_get::<Option<String>, _>(2)? {
        return Ok(Following::Halted(why));
    }
    if feed.try_get::<String, _>(1)? != position.epoch {
        return Ok(Following::Restored);
    }
    if feed.try_get::<i64, _>(0)? < from {
        return Ok(lost(position));
    }
    // With the last that is known: it must still be the same.
    let rows = sqlx::query(
        "SELECT sequence, kind, entity_id, CAST(mark AS TEXT) FROM changes WHERE sequence >= $1 ORDER BY sequence LIMIT $2",
    )
    .bind(from)
    .bind(AT_ONCE)
    .fetch_all(&mut *connection)
    .await?;
    let mut rows = rows.into_iter();
    if from > 0 {
        let Some(known) = rows.next() else { return Ok(lost(position)) };
        if known.try_get::<i64, _>(0)? > from {
            return Ok(Following::TooFarBehind);
        }
        if position.mark != Some(known.try_get(3)?) {
            return Ok(lost(position));
        }
    }
    let mut changes = Vec::new();
    let (mut sequence, mut mark) = (position.sequence, position.mark.clone());
    let until = position.sequence + u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let keys = if rows.len() == 0 { HashMap::new() } else { keys(connection, from, until).await? };
    for row in rows {
        let next = row.try_get::<i64, _>(0)?.unsigned_abs();
        if next != sequence + 1 {
            return Ok(Following::TooFarBehind);
        }
        (sequence, mark) = (next, Some(row.try_get(3)?));
        let (kind, id): (&str, &[u8]) = (row.try_get(1)?, row.try_get(2)?);
        let change = match kind {
            "key" => match keys.get(id) {
                Some(row) => key(row)?,
                // Keys are never deleted, so its row of the feed was, by somebody who took this node for gone.
                None => return Ok(Following::TooFarBehind),
            },
            _ => as_it_is(connection, kind, id).await?,
        };
        changes.extend(change.map(|change| (next, change)));
    }
    *position = Position { sequence, mark, epoch: position.epoch.clone() };
    Ok(Following::Changes(changes))
}

fn lost(position: &Position) -> Following {
    let sequence = position.sequence;
    Following::Lost(format!("change {sequence}, which was committed, is not in the database any more"))
}

/// How the thing that changed is now, if it is no key.
async fn as_it_is(
    connection: &mut AnyConnection,
    kind: &str,
    id: &[u8],
) -> Result<Option<Change>, StoreError> {
    const TABLE: &str = "changes";
    match kind {
        "user" => {
            let user = rows::id(TABLE, id, UserId::from_slice)?;
            Ok(Some(match users::read(connection, id).await {
                Ok(Some(user)) => Change::User(user),
                Ok(None) => Change::UserGone(user),
                Err(error) if error.is_unreadable() => {
                    tracing::error!(?error, %user, "a user cannot be read; their keys are refused");
                    Change::UserGone(user)
                }
                Err(error) => return Err(error),
            }))
        }
        "organization" => {
            let organization = rows::id(TABLE, id, OrganizationId::from_slice)?;
            let record = organizations::read(connection, organization).await?;
            Ok(record.map(|record| Change::Organization(Box::new(record))))
        }
        "connection" => {
            let id = rows::id(TABLE, id, ConnectionId::from_slice)?;
            let row = sqlx::query(
                "SELECT user_id, ends_at FROM connections WHERE id = $1 AND redeemed_at IS NOT NULL AND ended_at IS NULL",
            )
            .bind(&id.as_bytes()[..])
            .fetch_optional(connection)
            .await?;
            let Some(row) = row else { return Ok(Some(Change::ConnectionEnded(id))) };
            Ok(Some(Change::Connection(ConnectionRecord {
                id,
                user: rows::id("connections", row.try_get(0)?, UserId::from_slice)?,
                ends_at: rows::instant("connections", row.try_get(1)?)?,
            })))
        }
        "signing_keys" => Ok(Some(Change::SigningKeys(sealed::session_signing_keys(connection).await?))),
        "issuing" => Ok(Some(Change::Issuing(issuing::read(connection).await?))),
        _ => Err(rows::corrupt(TABLE, "a kind of thing that this release does not know")),
    }
}

/// Keys as they are now, by their ids: of those that changed behind a number, up to another.
async fn keys(
    connection: &mut AnyConnection,
    after: i64,
    until: u64,
) -> Result<HashMap<Vec<u8>, AnyRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, token_hash, creator_id, allow_impersonation, expires_at, session_epoch, last_used_at, revoked_at \
         FROM api_keys WHERE id IN (SELECT entity_id FROM changes WHERE kind = 'key' AND sequence > $1 AND sequence <= $2)",
    )
    .bind(after)
    .bind(i64::try_from(until).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok((row.try_get::<Vec<u8>, _>(0)?, row))).collect()
}

/// A key as it is now. One that cannot be read fails by itself: it is refused, as far as it can be told which token is meant.
fn key(row: &AnyRow) -> Result<Option<Change>, StoreError> {
    const TABLE: &str = "api_keys";
    let read = || {
        if row.try_get::<Option<i64>, _>(7)?.is_some() {
            return Ok(Change::KeyRevoked(rows::hash(TABLE, row.try_get(1)?)?));
        }
        crate::impersonation::key_record(row).map(Change::Key)
    };
    match read() {
        Ok(change) => Ok(Some(change)),
        Err(error) if error.is_unreadable() => {
            tracing::error!(?error, "a key cannot be read; it is refused");
            let hash = row.try_get(1).ok().and_then(|hash| rows::hash(TABLE, hash).ok());
            Ok(hash.map(Change::KeyRevoked))
        }
        Err(error) => Err(error),
    }
}
