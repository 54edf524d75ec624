//! The store that a copy becomes. Until it is complete, it says of what it is a part, and nobody serves from it.

use std::fs::File;
use std::path::Path;
use std::str::FromStr as _;

use keystead_domain::SealedKeys;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection as _, Row as _};

use super::tables::Table;
use super::{CopyError, CopySource, rows};
use crate::engine::{DatabaseUrl, Engine, Location};
use crate::{OpenError, SealedName, open};

/// A copy in the making.
pub struct CopyTarget {
    engine: Engine,
    pub(super) connection: AnyConnection,
    /// Of what it is a copy.
    digest: String,
    _lock: Option<File>,
}

impl CopyTarget {
    /// Begins a copy in an empty place, or goes on with one.
    ///
    /// # Errors
    /// There is a store already, or a part of something else; that is left as it is.
    pub async fn open(location: &Location, source: &CopySource) -> Result<Self, CopyError> {
        let (engine, connection, lock) = match location {
            Location::Folder(folder) => {
                let (lock, connection) = in_folder(folder).await?;
                (Engine::Sqlite, connection, Some(lock))
            }
            Location::Postgres(url) => (Engine::Postgres, on_postgres(url).await?, None),
        };
        let mut target = Self { engine, connection, digest: source.digest.clone(), _lock: lock };
        target.claim().await?;
        Ok(target)
    }

    /// Brings an empty place up to this release's schema, and says whose copy it will be.
    async fn claim(&mut self) -> Result<(), CopyError> {
        let known = open::known_schema(self.engine);
        match open::schema(self.engine, &mut self.connection).await? {
            Some(found) if found > known => return Err(CopyError::To(OpenError::Newer { found, known })),
            Some(found) if found < known && !self.is_empty().await? => return Err(CopyError::HasStore),
            _ => {}
        }
        if self.engine == Engine::Sqlite {
            self.engine.configure(&mut self.connection).await?;
        }
        open::migrate(self.engine, &mut self.connection).await.map_err(CopyError::To)?;
        // A node that starts now, or another copy, comes before this or after it.
        match self.begin().await? {
            Some(other) if other != self.digest => return Err(CopyError::OtherCopy),
            Some(_) => {}
            None if !self.is_empty().await? => return Err(CopyError::HasStore),
            None => {
                sqlx::query("UPDATE feed SET copying = $1 WHERE id = 1")
                    .bind(&self.digest)
                    .execute(&mut self.connection)
                    .await?;
            }
        }
        self.commit().await
    }

    /// Whether nobody has used the store. Whoever served from one has left keys that sign in it, or beside it.
    async fn is_empty(&mut self) -> Result<bool, CopyError> {
        let used = match self.engine {
            Engine::Sqlite => {
                "SELECT (SELECT sequence FROM feed) + (SELECT COUNT(*) FROM organizations) + (SELECT COUNT(*) FROM one_time_links)"
            }
            Engine::Postgres => {
                "SELECT (SELECT sequence FROM feed) + (SELECT COUNT(*) FROM organizations) + (SELECT COUNT(*) FROM one_time_links) \
                 + (SELECT COUNT(*) FROM sealed) + (SELECT COUNT(*) FROM nodes)"
            }
        };
        let row = sqlx::query(used).fetch_one(&mut self.connection).await?;
        Ok(row.try_get::<i64, _>(0)? == 0)
    }

    /// Begins a transaction that nobody else writes beside; of what the store is a copy.
    async fn begin(&mut self) -> Result<Option<String>, CopyError> {
        let (begin, copying) = match self.engine {
            Engine::Sqlite => ("BEGIN IMMEDIATE", "SELECT copying FROM feed WHERE id = 1"),
            Engine::Postgres => ("BEGIN", "SELECT copying FROM feed WHERE id = 1 FOR UPDATE"),
        };
        sqlx::query(begin).execute(&mut self.connection).await?;
        Ok(sqlx::query(copying).fetch_one(&mut self.connection).await?.try_get(0)?)
    }

    async fn begin_own(&mut self) -> Result<(), CopyError> {
        let copying = self.begin().await?;
        if copying.as_ref() == Some(&self.digest) { Ok(()) } else { Err(CopyError::OtherCopy) }
    }

    async fn commit(&mut self) -> Result<(), CopyError> {
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(())
    }

    /// Writes rows: all of them or none.
    pub(super) async fn insert(&mut self, table: &Table, copied: &[rows::Values]) -> Result<(), CopyError> {
        let text = rows::to_json(table, copied);
        self.begin_own().await?;
        sqlx::query(table.insert(self.engine)).bind(text).execute(&mut self.connection).await?;
        self.commit().await
    }

    /// What goes with the tables, and that the store may be served from.
    pub(super) async fn complete(
        &mut self,
        source: &CopySource,
        sealed: &[(SealedName, SealedKeys)],
    ) -> Result<(), CopyError> {
        self.begin_own().await?;
        for (name, keys) in sealed {
            crate::sealed::keep(&mut self.connection, *name, keys).await?;
        }
        let feed = &source.feed;
        sqlx::query(
            "UPDATE feed SET issuing_stopped_at = $1, issuing_stopped_why = $2, copying = NULL WHERE id = 1",
        )
        .bind(feed.issuing_stopped_at)
        .bind(&feed.issuing_stopped_why)
        .execute(&mut self.connection)
        .await?;
        if let (Engine::Postgres, Some(lease_ms)) = (self.engine, feed.lease_ms) {
            sqlx::query("UPDATE feed SET lease_ms = $1 WHERE id = 1")
                .bind(lease_ms)
                .execute(&mut self.connection)
                .await?;
        }
        self.commit().await
    }

    pub(super) async fn close(self) -> Result<(), CopyError> {
        Ok(self.connection.close().await?)
    }
}

/// A folder, which is made if need be, and then is this process's alone.
async fn in_folder(folder: &Path) -> Result<(File, AnyConnection), CopyError> {
    let has = |name: &str| folder.join(name).exists();
    let names = [SealedName::SessionSigning, SealedName::AuditSigning].map(SealedName::as_str);
    let is_made = has("keystead.db");
    // Keys without their store are those of one that was moved away.
    if !is_made && names.into_iter().any(has) {
        return Err(CopyError::HasStore);
    }
    let (lock, file) = open::own(folder).map_err(CopyError::To)?;
    let options = AnyConnectOptions::from_str(&open::url(&file))?;
    let mut connection = AnyConnection::connect_with(&options).await?;
    open::check_version(&mut connection).await.map_err(CopyError::To)?;
    Ok((lock, connection))
}

async fn on_postgres(url: &DatabaseUrl) -> Result<AnyConnection, CopyError> {
    let options = AnyConnectOptions::from_str(url.expose())
        .map_err(|error| CopyError::To(OpenError::of_postgres(error)))?;
    open::primary(&options).await.map_err(CopyError::To)
}
