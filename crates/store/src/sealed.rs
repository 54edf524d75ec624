//! What only the nodes of a shared store can read: the keys that sign, sealed before they come here. Of a store in a folder they are
//! [files](crate::PrivateFile).

use keystead_domain::SealedKeys;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::{Store, StoreError, Transaction, rows};

/// Which keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedName {
    /// Those that sign session tokens.
    SessionSigning,
    /// The one that signs the ends of audit logs.
    AuditSigning,
}

impl SealedName {
    /// The name of their row, which is that of the file in a store that is not shared.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionSigning => "session-signing.keys",
            Self::AuditSigning => crate::signing_key::SIGNING_KEY,
        }
    }
}

const TABLE: &str = "sealed";

impl Store {
    /// The keys that sign session tokens, as they are now.
    ///
    /// # Errors
    /// There are none, which is no state that a store comes to.
    pub async fn session_signing_keys(&self) -> Result<SealedKeys, StoreError> {
        let mut connection = self.readers.acquire().await?;
        session_signing_keys(&mut connection).await
    }
}

impl Transaction {
    /// Keys as they are now, and until this transaction ends.
    pub async fn sealed(&mut self, name: SealedName) -> Result<Option<SealedKeys>, StoreError> {
        read(self.connection()?, name).await
    }

    /// Keeps the first keys of a name. Nobody is told: no node serves before it has them.
    pub async fn keep_sealed(&mut self, name: SealedName, keys: &SealedKeys) -> Result<(), StoreError> {
        keep(self.connection()?, name, keys).await
    }

    /// Replaces the keys that sign session tokens, and appends that to the feed.
    pub async fn replace_session_signing_keys(&mut self, keys: SealedKeys) -> Result<(), StoreError> {
        let replaced = sqlx::query("UPDATE sealed SET version = $2, content = $3 WHERE name = $1")
            .bind(SealedName::SessionSigning.as_str())
            .bind(keys.version)
            .bind(&keys.content[..])
            .execute(self.connection()?)
            .await?;
        if replaced.rows_affected() != 1 {
            return Err(missing());
        }
        self.announce_session_signing_keys(keys).await
    }
}

pub(crate) async fn session_signing_keys(connection: &mut AnyConnection) -> Result<SealedKeys, StoreError> {
    read(connection, SealedName::SessionSigning).await?.ok_or_else(missing)
}

pub(crate) async fn keep(
    connection: &mut AnyConnection,
    name: SealedName,
    keys: &SealedKeys,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO sealed (name, version, content) VALUES ($1, $2, $3)")
        .bind(name.as_str())
        .bind(keys.version)
        .bind(&keys.content[..])
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn read(
    connection: &mut AnyConnection,
    name: SealedName,
) -> Result<Option<SealedKeys>, StoreError> {
    let row = sqlx::query("SELECT version, content FROM sealed WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    let keys = |row: AnyRow| Ok(SealedKeys { version: row.try_get(0)?, content: row.try_get(1)? });
    row.map(keys).transpose()
}

fn missing() -> StoreError {
    rows::corrupt(TABLE, "the keys that sign session tokens are gone")
}
