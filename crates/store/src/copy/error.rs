//! Why a store cannot be copied.

use crate::{OpenError, StoreError};

/// Why a store cannot be copied. What was copied until then stays, and the same copy goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store that is to be copied cannot be opened.
    #[error("the store to copy cannot be used: {0}")]
    From(#[source] OpenError),
    /// The place for the copy cannot be opened.
    #[error("nothing can be copied there: {0}")]
    To(#[source] OpenError),
    /// There is nothing to copy.
    #[error("there is no store to copy")]
    NoStore,
    /// It has to be brought up to date first, which would change it.
    #[error("the store to copy is of an older Keystead (schema {found}; this one copies {known})")]
    Older {
        /// Its schema.
        found: i64,
        /// That of this binary.
        known: i64,
    },
    /// Nodes hold leases of the store that is to be copied.
    #[error("nodes serve from the store to copy: {0}")]
    Serving(String),
    /// The place for the copy is taken.
    #[error("there is a store already where the copy should be")]
    HasStore,
    /// It has a part of something else.
    #[error(
        "where the copy should be is a part of a copy of another store, or of this one as it was before it changed"
    )]
    OtherCopy,
    /// A row cannot be read.
    #[error("a row of {table} cannot be read: {cause}")]
    Unreadable {
        /// Where.
        table: &'static str,
        /// Why.
        #[source]
        cause: sqlx::Error,
    },
    /// A row is not what was copied.
    #[error("the copy is not what was copied: in {table}, the row {key} is not the same in both")]
    Differs {
        /// Where.
        table: &'static str,
        /// Its primary key.
        key: String,
    },
    /// A database refused.
    #[error("the database refused: {0}")]
    Database(#[from] sqlx::Error),
    /// What a store says of itself cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
