//! Opening a store: one process at a time, on an SQLite that keeps its promises, brought up to this binary's schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection as _, Row as _};

use crate::OpenError;
use crate::commit::Committer;
use crate::feed::Subscriber;

/// The oldest SQLite that is trusted: those from 3.7.0 to 3.51.2 can corrupt a database when a checkpoint resets the WAL while
/// another connection writes.
pub const SQLITE_OLDEST: (u32, u32, u32) = (3, 51, 3);

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// An open store. Cheap to share; the last one dropped lets go of the files.
pub struct Store {
    pub(crate) readers: AnyPool,
    pub(crate) committer: Arc<Committer>,
    pub(crate) file: PathBuf,
    /// Held for as long as the store is open.
    _lock: File,
}

impl Store {
    /// Opens the store in a folder, made if need be, readable by its owner alone. `subscriber` is told each change that a
    /// verification depends on, in commit order, before the call that made it returns.
    ///
    /// # Errors
    /// See [`OpenError`]; each says what stands in the way.
    pub async fn open(directory: &Path, subscriber: Subscriber) -> Result<Self, OpenError> {
        let (lock, file) = own(directory)?;
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str(&url(&file))?;

        let mut connection = AnyConnection::connect_with(&options).await?;
        check_version(&mut connection).await?;
        configure(&mut connection).await?;
        migrate(&mut connection).await?;
        let committer = Committer::new(connection, options.clone(), subscriber);

        let readers = AnyPoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    for pragma in ["PRAGMA query_only = ON", "PRAGMA cache_size = -65536"] {
                        sqlx::query(pragma).fetch_optional(&mut *connection).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { readers, committer, file, _lock: lock })
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

    /// Ends the last commit and closes the files. Calls after it fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.committer.close().await;
    }
}

/// Makes the folder and takes the lock that makes this process the store's only owner. With it comes the database's path,
/// without links and dots, which mean something else in a URL.
fn own(directory: &Path) -> Result<(File, PathBuf), OpenError> {
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

async fn check_version(connection: &mut AnyConnection) -> Result<(), OpenError> {
    let version: String = sqlx::query("SELECT sqlite_version()").fetch_one(connection).await?.try_get(0)?;
    let mut parts = version.split('.').map_while(|part| part.parse().ok());
    let parsed = (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if parsed < SQLITE_OLDEST { Err(OpenError::OldSqlite(version)) } else { Ok(()) }
}

/// Settings of the writing connection. `synchronous = FULL`: what was answered as done survives power loss (promise 8).
pub(crate) async fn configure(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    // Where shared memory does not work (some network file systems), SQLite stays in another mode and says so only here.
    let mode: String =
        sqlx::query("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await?.try_get(0)?;
    if mode != "wal" {
        let message = "this file system cannot hold a database in WAL mode: use a local disk";
        return Err(sqlx::Error::Configuration(message.into()));
    }
    for pragma in [
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA trusted_schema = OFF",
        "PRAGMA cache_size = -65536",
    ] {
        sqlx::query(pragma).fetch_optional(&mut *connection).await?;
    }
    Ok(())
}

async fn migrate(connection: &mut AnyConnection) -> Result<(), OpenError> {
    match MIGRATIONS.run(connection).await {
        Err(MigrateError::VersionMissing(found)) => {
            let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
            Err(OpenError::Newer { found, known })
        }
        other => Ok(other?),
    }
}
