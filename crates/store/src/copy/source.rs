//! The store that is copied: as of one moment, not changed, and not served meanwhile.

use std::fs::File;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use keystead_domain::{LeaseTerms, SealedKeys, hex};
use sha2::{Digest as _, Sha256};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection as _, Row as _};

use super::CopyError;
use crate::engine::{DatabaseUrl, Engine, Location};
use crate::{OpenError, SealedName, open, rows, sealed};

/// A store that is copied. As long as it is open, nobody else can write to it.
pub struct CopySource {
    pub(super) connection: AnyConnection,
    /// Tells this store, as it is, from any other.
    pub(super) digest: String,
    pub(super) feed: Feed,
    nodes: Option<Nodes>,
    _lock: Option<File>,
}

/// What goes with a store's tables.
pub(super) struct Feed {
    pub(super) issuing_stopped_at: Option<i64>,
    pub(super) issuing_stopped_why: Option<String>,
    /// On PostgreSQL.
    pub(super) lease_ms: Option<i64>,
}

impl CopySource {
    /// Opens a store to copy it.
    ///
    /// # Errors
    /// There is none, it is in use, or it is of another release.
    pub async fn open(location: &Location) -> Result<Self, CopyError> {
        sqlx::any::install_default_drivers();
        match location {
            Location::Folder(folder) => Self::open_folder(folder).await,
            Location::Postgres(url) => Self::open_postgres(url).await,
        }
    }

    async fn open_folder(folder: &Path) -> Result<Self, CopyError> {
        if !folder.join("keystead.db").exists() {
            return Err(CopyError::NoStore);
        }
        let (lock, file) = open::own(folder).map_err(CopyError::From)?;
        let options = AnyConnectOptions::from_str(&open::url(&file))?;
        let mut connection = AnyConnection::connect_with(&options).await?;
        open::check_version(&mut connection).await.map_err(CopyError::From)?;
        Engine::Sqlite.configure_reader(&mut connection).await?;
        require_schema(Engine::Sqlite, &mut connection).await?;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        Self::read(connection, None, None, Some(lock)).await
    }

    /// The lock of the feed's row keeps writers out, nodes that start among them. Nodes that run already would go on to answer, so
    /// there must be none.
    async fn open_postgres(url: &DatabaseUrl) -> Result<Self, CopyError> {
        let options = AnyConnectOptions::from_str(url.expose())
            .map_err(|error| CopyError::From(OpenError::of_postgres(error)))?;
        let mut connection = open::primary(&options).await.map_err(CopyError::From)?;
        require_schema(Engine::Postgres, &mut connection).await?;
        // It waits in its transaction for whatever the other side takes.
        sqlx::query("SELECT set_config('idle_in_transaction_session_timeout', '0', false), set_config('statement_timeout', '0', false)")
            .fetch_one(&mut connection)
            .await?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut connection).await?;
        let feed = sqlx::query("SELECT halted, lease_ms FROM feed WHERE id = 1 FOR UPDATE")
            .fetch_one(&mut connection)
            .await?;
        if let Some(why) = feed.try_get(0)? {
            return Err(CopyError::Store(crate::StoreError::Halted(why)));
        }
        let lease_ms: i64 = feed.try_get(1)?;
        let lease = LeaseTerms::new(Duration::from_millis(lease_ms.unsigned_abs()))
            .ok_or_else(|| rows::corrupt("feed", "the length of a lease"))?;
        // Beside the transaction, which sees one moment.
        let nodes = Nodes::none(Engine::Postgres.connect(&options).await?, lease).await?;
        Self::read(connection, Some(nodes), Some(lease_ms), None).await
    }

    async fn read(
        mut connection: AnyConnection,
        nodes: Option<Nodes>,
        lease_ms: Option<i64>,
        lock: Option<File>,
    ) -> Result<Self, CopyError> {
        let row = sqlx::query(
            "SELECT sequence, issuing_stopped_at, issuing_stopped_why, copying FROM feed WHERE id = 1",
        )
        .fetch_one(&mut connection)
        .await?;
        if row.try_get::<Option<&str>, _>(3)?.is_some() {
            return Err(CopyError::From(OpenError::Unfinished));
        }
        let feed =
            Feed { issuing_stopped_at: row.try_get(1)?, issuing_stopped_why: row.try_get(2)?, lease_ms };
        let digest = digest(&mut connection, row.try_get(0)?).await?;
        Ok(Self { connection, digest, feed, nodes, _lock: lock })
    }

    /// Keys that are sealed in it.
    pub async fn sealed(&mut self, name: SealedName) -> Result<Option<SealedKeys>, CopyError> {
        Ok(sealed::read(&mut self.connection, name).await?)
    }

    /// Makes sure that no node has served from it since it was opened.
    pub(super) async fn check_nodes(&mut self) -> Result<(), CopyError> {
        match &mut self.nodes {
            Some(nodes) => nodes.check().await,
            None => Ok(()),
        }
    }
}

/// All that happens in a store goes into its feed or its audit logs.
async fn digest(connection: &mut AnyConnection, sequence: i64) -> Result<String, CopyError> {
    let mut digest = Sha256::new_with_prefix(sequence.to_be_bytes());
    let ends = sqlx::query(
        "SELECT o.id, e.sequence, e.link FROM organizations o LEFT JOIN audit_events e ON e.organization_id = o.id \
         AND e.sequence = (SELECT MAX(sequence) FROM audit_events WHERE organization_id = o.id) ORDER BY o.id",
    )
    .fetch_all(connection)
    .await?;
    for end in &ends {
        digest.update(end.try_get::<&[u8], _>(0)?);
        digest.update(end.try_get::<Option<i64>, _>(1)?.unwrap_or(0).to_be_bytes());
        digest.update(end.try_get::<Option<&[u8]>, _>(2)?.unwrap_or_default());
    }
    Ok(hex::encode(&digest.finalize()))
}

/// A copy is of this release's schema: bringing the store up to it would change what must not be changed.
async fn require_schema(engine: Engine, connection: &mut AnyConnection) -> Result<(), CopyError> {
    let found = open::schema(engine, connection).await?.ok_or(CopyError::NoStore)?;
    let known = open::known_schema(engine);
    match found {
        found if found < known => Err(CopyError::Older { found, known }),
        found if found > known => Err(CopyError::From(OpenError::Newer { found, known })),
        _ => Ok(()),
    }
}

/// The nodes of a store, none of which may serve.
struct Nodes {
    connection: AnyConnection,
    /// Those that were there and do not renew their leases: they crashed.
    gone: Vec<(Vec<u8>, i64)>,
}

impl Nodes {
    /// Waits until all leases have ended that are not renewed, if there may be any.
    async fn none(connection: AnyConnection, lease: LeaseTerms) -> Result<Self, CopyError> {
        let mut nodes = Self { connection, gone: Vec::new() };
        nodes.gone = nodes.list().await?.into_iter().map(|(id, renewals, _)| (id, renewals)).collect();
        if !nodes.gone.is_empty() {
            tokio::time::sleep(lease.surely_ended(Duration::ZERO)).await;
            nodes.check().await?;
        }
        Ok(nodes)
    }

    async fn check(&mut self) -> Result<(), CopyError> {
        let mut serving = self.list().await?;
        serving.retain(|(id, renewals, _)| !self.gone.contains(&(id.clone(), *renewals)));
        if serving.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = serving.into_iter().map(|(.., name)| name).collect();
        Err(CopyError::Serving(names.join(", ")))
    }

    async fn list(&mut self) -> Result<Vec<(Vec<u8>, i64, String)>, CopyError> {
        let found = sqlx::query("SELECT id, renewals, name FROM nodes ORDER BY name");
        let found = found.fetch_all(&mut self.connection).await?;
        found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    }
}
