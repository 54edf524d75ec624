//! The two databases, and the few places in which they differ: how a connection is made and set up, and how a change begins.

use std::path::{Path, PathBuf};

use sqlx::any::AnyConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::{StoreError, open};

/// Where a store is.
#[derive(Clone)]
pub enum Location {
    /// SQLite in a folder, which one process owns.
    Folder(PathBuf),
    /// PostgreSQL, which many nodes share, by its URL: `postgres://user:password@host/database`.
    Postgres(DatabaseUrl),
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Location {
    fn from(folder: &P) -> Self {
        Self::Folder(folder.as_ref().to_owned())
    }
}

/// A URL that holds a password: it is not printed. With it goes what this program knows of the database's schema.
#[derive(Clone)]
pub struct DatabaseUrl {
    url: String,
    migrations: &'static Migrator,
}

impl DatabaseUrl {
    /// Of a text that begins with `postgres://` or `postgresql://`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), migrations: &open::POSTGRES }
    }

    /// As a program of another release knows it, which has these migrations: for tests of two releases side by side.
    #[must_use]
    pub fn with_migrations(self, migrations: &'static Migrator) -> Self {
        Self { migrations, ..self }
    }

    pub(crate) fn migrations(&self) -> &'static Migrator {
        self.migrations
    }

    pub(crate) fn expose(&self) -> &str {
        &self.url
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The feed's one row, as a transaction begins. Where one process owns the store, nobody needs it.
#[derive(Debug, Default)]
pub(crate) struct FeedRow {
    /// The number of the last change.
    pub(crate) sequence: u64,
    /// Why the store is halted, if it is.
    pub(crate) halted: Option<String>,
}

/// What a session with PostgreSQL is like, whatever the server's own settings are. A statement that hangs ends before those who wait
/// for it give up; a node that is gone in the middle of a transaction does not keep the others from writing; and what is
/// committed is on disk (promise 8), also where the server is told to be lax.
const POSTGRES_SESSION: &str = "SELECT set_config('client_min_messages', 'warning', false), set_config('statement_timeout', '10s', false), set_config('lock_timeout', '5s', false), \
     set_config('idle_in_transaction_session_timeout', '10s', false), set_config('timezone', 'UTC', false), \
     set_config('default_transaction_isolation', 'read committed', false), \
     set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' WHEN 'local' THEN 'on' \
     ELSE current_setting('synchronous_commit') END, false)";

impl Engine {
    /// A connection that writes.
    pub(crate) async fn connect(self, options: &AnyConnectOptions) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = AnyConnection::connect_with(options).await?;
        self.configure(&mut connection).await?;
        Ok(connection)
    }

    /// Sets up a connection that writes.
    pub(crate) async fn configure(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite => configure_sqlite(connection).await,
            Self::Postgres => {
                sqlx::query(POSTGRES_SESSION).fetch_one(connection).await?;
                Ok(())
            }
        }
    }

    /// Sets up a connection that only reads.
    pub(crate) async fn configure_reader(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let settings: &[&'static str] = match self {
            Self::Sqlite => &["PRAGMA query_only = ON", "PRAGMA cache_size = -65536"],
            Self::Postgres => {
                &[POSTGRES_SESSION, "SELECT set_config('default_transaction_read_only', 'on', false)"]
            }
        };
        for setting in settings {
            sqlx::query(*setting).fetch_optional(&mut *connection).await?;
        }
        Ok(())
    }

    /// Begins a transaction that nobody else writes beside. On PostgreSQL that is the lock of the feed's row, which all nodes take
    /// first: so a rule that is checked inside of a transaction still holds when it commits, as with SQLite's one writer.
    pub(crate) async fn begin(self, connection: &mut AnyConnection) -> Result<FeedRow, StoreError> {
        match self {
            Self::Sqlite => {
                sqlx::query("BEGIN IMMEDIATE").execute(connection).await?;
                Ok(FeedRow::default())
            }
            Self::Postgres => {
                sqlx::query("BEGIN").execute(&mut *connection).await?;
                #[cfg(feature = "planted-bugs")]
                if crate::planted::is(crate::planted::Bug::PlainSequence) {
                    return Ok(FeedRow::default());
                }
                let row = sqlx::query("SELECT sequence, halted, copying FROM feed WHERE id = 1 FOR UPDATE")
                    .fetch_one(connection)
                    .await?;
                // A node may have looked just before a copy into its store began.
                if row.try_get::<Option<&str>, _>(2)?.is_some() {
                    return Err(StoreError::Unfinished);
                }
                Ok(FeedRow { sequence: row.try_get::<i64, _>(0)?.unsigned_abs(), halted: row.try_get(1)? })
            }
        }
    }
}

/// `synchronous = FULL`: what was answered as done survives power loss (promise 8).
async fn configure_sqlite(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
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
