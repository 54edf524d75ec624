//! What must survive: organizations, users, keys, sessions and the audit log, in SQLite or PostgreSQL.
//!
//! Reads go to a pool of read-only connections and wait for nobody. Changes go through a [`Transaction`], which is begun with
//! a [`Trace`](keystead_domain::audit::Trace) (every change leaves one), commits together with those that run at the same
//! time (see the module `commit`), and returns from [`Transaction::commit`] only once the change is on disk *and* the
//! directory has it.
//!
//! The SQL is what SQLite and PostgreSQL have in common, run through sqlx's `Any` driver, with `$1` placeholders, `RETURNING`
//! and `ON CONFLICT`; only migrations and the load at start are written per database. Every statement is a string constant: sqlx takes nothing else.

mod audit;
mod backup;
mod commit;
mod copy;
mod engine;
mod error;
mod feed;
mod groups;
mod impersonation;
mod issuing;
mod keys;
mod last_used;
mod links;
mod load;
mod oauth;
mod open;
mod operator;
mod organizations;
mod passwords;
mod people;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod private_file;
mod restore;
mod roles;
mod rows;
mod sealed;
mod sessions;
mod shared;
mod signing_key;
mod silence;
mod transaction;
mod upgrade;
mod users;

pub use audit::{AuditNames, Audited, NamedUser};
pub use backup::{BackupError, BackupHead, Checked, LoggedEnd, Restoring, check_backup, check_database};
pub use copy::{CopiedTable, CopyError, CopyProgress, CopySource, CopyTarget};
pub use engine::{DatabaseUrl, Location};
pub use error::{OpenError, StoreError};
pub use feed::{Reached, Subscriber};
pub use impersonation::KeySessions;
pub use keys::{KeyPage, NewKey, Recorded};
pub use links::{LinkKind, Purpose};
pub use oauth::{CodeRecord, RefreshRecord};
pub use open::{SQLITE_OLDEST, Store};
pub use people::UserDetails;
pub use private_file::PrivateFile;
pub use restore::Ended;
pub use sealed::SealedName;
pub use sessions::StartedSession;
pub use shared::{
    AgreedLease, Asked, Follower, Following, Members, NodeRecord, NodeRow, Position, Wake, Woken,
    agree_on_lease,
};
pub use signing_key::signing_seed;
pub use silence::{noticing_silence, silence_was_noticed};
pub use transaction::Transaction;
pub use users::{Credentials, NewUser};
