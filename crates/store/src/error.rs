//! What can go wrong with a store. [`OpenError`] is for the person who starts the server and says what to do;
//! [`StoreError`] is for the log: callers of the API are told nothing of it.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::migrate::MigrateError;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process owns it.
    #[error("the store in {} is in use by another Keystead process", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be made or written.
    #[error("cannot write to the data directory {}: {cause}", directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A file with keys that sign, the audit log or session tokens, cannot be used.
    #[error("cannot use the signing key {}", file.display())]
    SigningKey {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The store was written by a newer Keystead, whose rules this one does not know.
    #[error("the store was made by a newer Keystead (schema {found}; this one knows up to {known})")]
    Newer {
        /// The schema of the store.
        found: i64,
        /// The newest that this binary knows.
        known: i64,
    },
    /// The SQLite that is linked in can corrupt a database in WAL mode.
    #[error("SQLite {0} can corrupt a database in WAL mode; 3.51.3 or later is needed")]
    OldSqlite(String),
    /// PostgreSQL knows no such user, or not by this password.
    #[error("PostgreSQL does not let this user in: {0}")]
    Credentials(String),
    /// PostgreSQL has no such database.
    #[error("PostgreSQL has no such database: {0}")]
    NoDatabase(String),
    /// The server only follows another one: what it knows may be old, and nothing can be written to it.
    #[error("the database server is a read-only standby")]
    Standby,
    /// Nodes serve by leases of another length than this one was told.
    #[error("the nodes of this store hold leases of {kept:?}, and this one was told {wanted:?}")]
    OtherLease {
        /// Theirs.
        kept: Duration,
        /// This one's.
        wanted: Duration,
    },
    /// A copy of another store into it is not complete.
    #[error("the copy into this store is not complete")]
    Unfinished,
    /// The store cannot be brought up to date while these serve.
    #[error("nodes of an older release serve from the store, and have to stop first: {0}")]
    OlderNodes(String),
    /// What signs is sealed, and this node's secret does not open it.
    #[error(
        "the keys that sign do not open with this secret: they were sealed with another one, or changed in the database"
    )]
    OtherSecret,
    /// The system gives no random bytes.
    #[error("the system has no randomness")]
    NoRandomness,
    /// The database refused.
    #[error("cannot open the database")]
    Database(#[from] sqlx::Error),
    /// What it holds could not be loaded.
    #[error("cannot read the store")]
    Load(#[from] StoreError),
    /// A migration failed; the store is as it was before.
    #[error("cannot bring the store up to date")]
    Migration(#[from] MigrateError),
}

impl OpenError {
    /// Whether it may pass by itself: a database that is not reached, is starting, or has no connection left.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let database = match self {
            Self::Database(error)
            | Self::Load(StoreError::Database(error))
            | Self::Migration(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                error
            }
            Self::Load(StoreError::Commit(_)) => return true,
            _ => return false,
        };
        match database {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
            // Of connections, of resources, what an operator or a crash did to the server, and another node that brings the store up
            // to date for longer than one waits for a lock.
            sqlx::Error::Database(said) => said.code().is_some_and(|code| {
                code.starts_with("08")
                    || code.starts_with("57P")
                    || ["53300", "40001", "55P03"].contains(&&*code)
            }),
            _ => false,
        }
    }

    /// What PostgreSQL says to a connection (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
    pub(crate) fn of_postgres(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match (code.as_deref(), &error) {
            (Some("28000" | "28P01"), sqlx::Error::Database(said)) => {
                Self::Credentials(said.message().to_owned())
            }
            (Some("3D000"), sqlx::Error::Database(said)) => Self::NoDatabase(said.message().to_owned()),
            _ => Self::Database(error),
        }
    }
}

/// Why the store could not read or write. Nothing was changed, unless the process dies before it can say so.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached.
    #[error("the database refused")]
    Database(#[from] sqlx::Error),
    /// What it holds cannot be understood.
    #[error("a row of {table} cannot be read: {what}")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// What is wrong with it; no content.
        what: &'static str,
    },
    /// The commit that this change shared with others failed.
    #[error("the commit failed: {0}")]
    Commit(String),
    /// The operator has stopped the issuing of credentials.
    #[error("the issuing of credentials is stopped")]
    IssuingStopped,
    /// Nobody may serve from this store.
    #[error("the store is halted: {0}")]
    Halted(String),
    /// The wall clocks of this machine and of the database differ too much.
    #[error("the clocks of this machine and of the database differ by {0:?}; one of them is wrong")]
    Clock(Duration),
    /// A copy of another store into it is not complete.
    #[error("the copy into this store is not complete")]
    Unfinished,
    /// A later release took away what nodes of this one need.
    #[error(
        "the store is too new for this Keystead to serve from (schema {needed}; this one knows up to {known})"
    )]
    Outdated {
        /// The schema that nodes must know.
        needed: i64,
        /// What this one knows.
        known: i64,
    },
}

impl StoreError {
    /// Whether it is one row that cannot be understood: others can.
    pub(crate) fn is_unreadable(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Database(error) => {
                matches!(error, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. })
            }
            Self::Commit(_)
            | Self::IssuingStopped
            | Self::Halted(_)
            | Self::Clock(_)
            | Self::Unfinished
            | Self::Outdated { .. } => false,
        }
    }
}
