//! The change feed: the only way in which the directory learns anything.

use futures_util::future::BoxFuture;
use keystead_domain::{
    Change, ConnectionId, ConnectionRecord, Issuing, KeyId, OrganizationId, SealedKeys, UserId,
};
use sqlx::Row as _;

use crate::{StoreError, Transaction};

/// How verification learns of a commit, before whoever committed is told that it is done.
pub enum Subscriber {
    /// Of a store with one owner: it is told each change with its number, in commit order. It must neither block nor panic: until it
    /// returns, nobody's commit does.
    Told(Box<dyn Fn(u64, Change) + Send + Sync>),
    /// Of a store that many nodes share, each of which follows the feed by itself: it is told the last number of a commit, and resolves
    /// when no node can be without it.
    Asked(Box<dyn Fn(u64) -> BoxFuture<'static, Reached> + Send + Sync>),
}

/// Why no node can be without a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Each that may answer knows it.
    Known,
    /// One had said nothing, and its lease had to end first.
    LeaseEnded,
}

/// Feed rows kept behind the last one. A store's one owner is told each change as it commits, so they are kept only for people who
/// look.
const KEPT: i64 = 10_000;

#[derive(Clone, Copy)]
enum Entity {
    Key(KeyId),
    User(UserId),
    Organization(OrganizationId),
    Connection(ConnectionId),
    SigningKeys,
    /// There is one only.
    Issuing,
}

impl Transaction {
    /// Appends to the feed that a key was made or revoked.
    pub(crate) async fn announce_key(&mut self, id: KeyId, change: Change) -> Result<(), StoreError> {
        self.announce(Entity::Key(id), change).await
    }

    /// Appends to the feed how a user is now. One whose row cannot be read is gone, so that taking something away from them
    /// always works.
    pub(crate) async fn announce_user(&mut self, id: UserId) -> Result<(), StoreError> {
        let change = match crate::users::read(self.connection()?, id.as_bytes()).await {
            Ok(Some(user)) => Change::User(user),
            Ok(None) => Change::UserGone(id),
            Err(error) if error.is_unreadable() => {
                tracing::error!(?error, user = %id, "a user cannot be read; their keys are refused");
                Change::UserGone(id)
            }
            Err(error) => return Err(error),
        };
        self.announce(Entity::User(id), change).await
    }

    /// Appends to the feed how an organization is now.
    pub(crate) async fn announce_organization(&mut self, id: OrganizationId) -> Result<(), StoreError> {
        // It was written in this transaction, so that it is not there is a fault.
        let record = crate::organizations::read(self.connection()?, id).await?;
        let record = record.ok_or(StoreError::Database(sqlx::Error::RowNotFound))?;
        self.announce(Entity::Organization(id), Change::Organization(Box::new(record))).await
    }

    /// Appends to the feed that an app may act for a user.
    pub(crate) async fn announce_connection(&mut self, record: ConnectionRecord) -> Result<(), StoreError> {
        self.announce(Entity::Connection(record.id), Change::Connection(record)).await
    }

    /// Appends to the feed that it no longer may.
    pub(crate) async fn announce_connection_ended(&mut self, id: ConnectionId) -> Result<(), StoreError> {
        self.announce(Entity::Connection(id), Change::ConnectionEnded(id)).await
    }

    /// Appends to the feed that other keys sign session tokens.
    pub(crate) async fn announce_session_signing_keys(&mut self, keys: SealedKeys) -> Result<(), StoreError> {
        self.announce(Entity::SigningKeys, Change::SigningKeys(keys)).await
    }

    /// Appends to the feed whether credentials are issued.
    pub(crate) async fn announce_issuing(&mut self, issuing: Issuing) -> Result<(), StoreError> {
        self.announce(Entity::Issuing, Change::Issuing(issuing)).await
    }

    /// Taking the number locks it to the commit: numbers have no gaps and are in commit order.
    async fn announce(&mut self, entity: Entity, change: Change) -> Result<(), StoreError> {
        let is_owned = self.is_of_one_owner();
        let connection = self.connection()?;
        let number = "UPDATE feed SET sequence = sequence + 1 WHERE id = 1 RETURNING sequence";
        #[cfg(feature = "planted-bugs")]
        let number = crate::planted::number(number);
        let sequence: i64 = sqlx::query(number).fetch_one(&mut *connection).await?.try_get(0)?;
        let (kind, id) = match &entity {
            Entity::Key(id) => ("key", id.as_bytes()),
            Entity::User(id) => ("user", id.as_bytes()),
            Entity::Organization(id) => ("organization", id.as_bytes()),
            Entity::Connection(id) => ("connection", id.as_bytes()),
            // There is only one of it.
            Entity::SigningKeys => ("signing_keys", &[0; 16]),
            Entity::Issuing => ("issuing", &[0; 16]),
        };
        sqlx::query("INSERT INTO changes (sequence, kind, entity_id) VALUES ($1, $2, $3)")
            .bind(sequence)
            .bind(kind)
            .bind(&id[..])
            .execute(&mut *connection)
            .await?;
        if is_owned && sequence % 1000 == 0 {
            sqlx::query("DELETE FROM changes WHERE sequence <= $1")
                .bind(sequence - KEPT)
                .execute(connection)
                .await?;
        }
        self.tell(sequence, change);
        Ok(())
    }
}
