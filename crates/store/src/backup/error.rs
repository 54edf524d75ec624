//! Why a backup cannot be made or put back.

use std::path::{Path, PathBuf};

use keystead_domain::OrganizationId;
use keystead_domain::audit::Fault;

use crate::{OpenError, StoreError};

/// Why a backup cannot be made, or be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("cannot use {}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file was not made by `keystead backup`, or its end is missing.
    #[error("it is no backup that Keystead made, or its end was cut off")]
    NotABackup,
    /// It is not as it was written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// A newer Keystead made it, whose rules this one does not know.
    #[error("the backup was made by a newer Keystead (schema {found}; this one knows up to {known})")]
    Newer {
        /// The schema of the backup.
        found: i64,
        /// The newest that this binary knows.
        known: i64,
    },
    /// An audit log in it was tampered with.
    #[error("the audit log of organization {organization} is not as it was: {fault}")]
    AuditLog {
        /// Whose.
        organization: OrganizationId,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A file that should be a shipped audit log has no event.
    #[error("{} holds no event of an audit log", .0.display())]
    NotALog(PathBuf),
    /// The folder has a store already.
    #[error("there is a store in {} already", .0.display())]
    HasStore(PathBuf),
    /// The folder has a key that the backup does not have.
    #[error("{} is another key than the backup's", .0.display())]
    OtherKey(PathBuf),
    /// The folder cannot be owned, or the store in it not be opened.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SQLite refused.
    #[error("the database refused: {0}")]
    Database(#[from] sqlx::Error),
    /// The store is on PostgreSQL.
    #[error("PostgreSQL has its own ways to back up a database")]
    NotOnSqlite,
    /// The process is being stopped.
    #[error("it was stopped")]
    Stopped,
}

impl BackupError {
    pub(crate) fn io(path: &Path, cause: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), cause }
    }
}
