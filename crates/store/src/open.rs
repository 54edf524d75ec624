//! Opening a store and bringing it up to this binary's schema: SQLite that keeps its promises, for one process at a time, or
//! PostgreSQL, for many nodes.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection as _, Row as _};

use crate::commit::Committer;
use crate::engine::{DatabaseUrl, Engine, Location};
use crate::feed::Subscriber;
use crate::upgrade::{newest, upgrade};
use crate::{OpenError, load};

/// The oldest SQLite that is trusted: those from 3.7.0 to 3.51.2 can corrupt a database when a checkpoint resets the WAL while
/// another connection writes.
pub const SQLITE_OLDEST: (u32, u32, u32) = (3, 51, 3);

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
pub(crate) static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that read, besides the one that writes and those that load.
const READERS: u32 = 4;

/// An open store. Cheap to share; the last one dropped lets go of the files.
pub struct Store {
    pub(crate) readers: AnyPool,
    pub(crate) committer: Arc<Committer>,
    pub(crate) bulk: load::Source,
    /// Held for as long as a store in a folder is open.
    _lock: Option<File>,
}

impl Store {
    /// Opens a store: in a folder, which is made if need be, readable by its owner alone, or on PostgreSQL. `subscriber` is told each
    /// change that a verification depends on, in commit order, before the call that made it returns.
    ///
    /// # Errors
    /// See [`OpenError`]; each says what stands in the way.
    pub async fn open(location: impl Into<Location>, subscriber: Subscriber) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        match location.into() {
            Location::Folder(folder) => Self::open_folder(&folder, subscriber).await,
            Location::Postgres(url) => Self::open_postgres(&url, subscriber).await,
        }
    }

    async fn open_folder(folder: &Path, subscriber: Subscriber) -> Result<Self, OpenError> {
        let (lock, file) = own(folder)?;
        let options = AnyConnectOptions::from_str(&url(&file))?;
        let mut connection = AnyConnection::connect_with(&options).await?;
        check_version(&mut connection).await?;
        Engine::Sqlite.configure(&mut connection).await?;
        migrate(Engine::Sqlite, &mut connection).await?;
        refuse_unfinished(&mut connection).await?;
        Self::assemble(
            Engine::Sqlite,
            connection,
            options,
            subscriber,
            load::Source::Sqlite(file),
            Some(lock),
        )
        .await
    }

    async fn open_postgres(url: &DatabaseUrl, subscriber: Subscriber) -> Result<Self, OpenError> {
        let options = AnyConnectOptions::from_str(url.expose()).map_err(OpenError::of_postgres)?;
        let source = load::Source::postgres(url).map_err(OpenError::of_postgres)?;
        let connection = ready_postgres(url, &options).await?;
        Self::assemble(Engine::Postgres, connection, options, subscriber, source, None).await
    }

    async fn assemble(
        engine: Engine,
        connection: AnyConnection,
        options: AnyConnectOptions,
        subscriber: Subscriber,
        bulk: load::Source,
        lock: Option<File>,
    ) -> Result<Self, OpenError> {
        let committer = Committer::new(engine, connection, options.clone(), subscriber);
        let readers = AnyPoolOptions::new()
            .max_connections(READERS)
            .after_connect(move |connection, _| Box::pin(engine.configure_reader(connection)))
            .connect_with(options)
            .await?;
        Ok(Self { readers, committer, bulk, _lock: lock })
    }

    /// The number of the last change that is committed, as of the load or a later commit. What is told lags behind it by what
    /// is being told.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.committer.committed()
    }

    /// Whether the database answers: what `/readyz` asks.
    pub async fn is_reachable(&self) -> bool {
        sqlx::query("SELECT sequence FROM feed").fetch_one(&self.readers).await.is_ok()
    }

    /// Ends the last commit and closes what is open. Calls after it fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.committer.close().await;
    }
}

/// A connection that writes to a store on PostgreSQL, which is brought up to this release.
pub(crate) async fn ready_postgres(
    url: &DatabaseUrl,
    options: &AnyConnectOptions,
) -> Result<AnyConnection, OpenError> {
    let mut connection = primary(options).await?;
    upgrade(url.migrations(), &mut connection).await?;
    refuse_unfinished(&mut connection).await?;
    Ok(connection)
}

/// A connection that writes to PostgreSQL, whatever is there.
pub(crate) async fn primary(options: &AnyConnectOptions) -> Result<AnyConnection, OpenError> {
    let mut connection = AnyConnection::connect_with(options).await.map_err(OpenError::of_postgres)?;
    let row =
        sqlx::query("SELECT current_setting('transaction_read_only')").fetch_one(&mut connection).await?;
    if row.try_get::<&str, _>(0)? == "on" {
        return Err(OpenError::Standby);
    }
    Engine::Postgres.configure(&mut connection).await?;
    Ok(connection)
}

/// A part of a store is none.
async fn refuse_unfinished(connection: &mut AnyConnection) -> Result<(), OpenError> {
    let feed = sqlx::query("SELECT copying FROM feed WHERE id = 1").fetch_one(connection).await?;
    if feed.try_get::<Option<&str>, _>(0)?.is_some() { Err(OpenError::Unfinished) } else { Ok(()) }
}

/// The newest schema that this binary knows.
pub(crate) fn known_schema(engine: Engine) -> i64 {
    newest(match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    })
}

/// The schema of what is in a database: `None` if there is no store in it.
pub(crate) async fn schema(
    engine: Engine,
    connection: &mut AnyConnection,
) -> Result<Option<i64>, sqlx::Error> {
    let is_there = match engine {
        Engine::Sqlite => "SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'",
        Engine::Postgres => {
            "SELECT 1 FROM information_schema.tables \
             WHERE table_name = '_sqlx_migrations' AND table_schema = ANY (current_schemas(false))"
        }
    };
    if sqlx::query(is_there).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(None);
    }
    let row = sqlx::query("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(connection).await?;
    row.try_get(0)
}

/// Makes the folder and takes the lock that makes this process the store's only owner. With it comes the database's path,
/// without links and dots, which mean something else in a URL.
pub(crate) fn own(directory: &Path) -> Result<(File, PathBuf), OpenError> {
    let unwritable = |cause| OpenError::Directory { directory: directory.to_owned(), cause };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(unwritable)?;
    let directory = directory.canonicalize().map_err(unwritable)?;
    // A folder that was just made survives power loss only once the one that lists it is on disk.
    #[cfg(unix)]
    for listed_in in directory.ancestors().skip(1).map_while(|parent| File::open(parent).ok()) {
        _ = listed_in.sync_all();
    }

    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Made before SQLite opens it, so that it is never readable by others, not even for a moment.
    let file = directory.join("keystead.db");
    let opened = options.open(&file).map_err(unwritable)?;
    // One that was put here, from a backup say, may have been made by other rules. SQLite gives its other files the same mode.
    #[cfg(unix)]
    opened.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(unwritable)?;
    drop(opened);
    let lock = options.open(directory.join("keystead.lock")).map_err(unwritable)?;
    match lock.try_lock() {
        Ok(()) => Ok((lock, file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory)),
        Err(TryLockError::Error(cause)) => Err(unwritable(cause)),
    }
}

/// The file as a database URL; a path may hold characters that mean something in one.
pub(crate) fn url(file: &Path) -> String {
    use std::fmt::Write as _;
    let mut url = String::from("sqlite://");
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                url.push(char::from(*byte));
            }
            other => _ = write!(url, "%{other:02X}"),
        }
    }
    url.push_str("?mode=rwc");
    url
}

pub(crate) async fn check_version(connection: &mut AnyConnection) -> Result<(), OpenError> {
    let version: String = sqlx::query("SELECT sqlite_version()").fetch_one(connection).await?.try_get(0)?;
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    let parsed = (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if parsed < SQLITE_OLDEST { Err(OpenError::OldSqlite(version)) } else { Ok(()) }
}

/// Brings what is in a database up to this binary's schema.
pub(crate) async fn migrate(engine: Engine, connection: &mut AnyConnection) -> Result<(), OpenError> {
    match engine {
        Engine::Postgres => upgrade(&POSTGRES, connection).await,
        Engine::Sqlite => match SQLITE.run(connection).await {
            Err(MigrateError::VersionMissing(found)) => {
                Err(OpenError::Newer { found, known: known_schema(engine) })
            }
            other => Ok(other?),
        },
    }
}
