//! What each actor may do: the one core under the console, GraphQL, HTTP and the command line.
//!
//! An operation here takes an [`Actor`](keystead_domain::Actor) (or the [`Operator`](keystead_domain::Operator)), asks it for
//! the scope that the work needs, applies the domain's rules and commits. Doors call these and nothing below them.

mod account;
mod actors;
mod audit;
mod backup;
mod change;
mod client_metadata;
mod clock;
mod cluster;
mod entropy;
mod impersonation;
mod invitations;
mod issuing;
mod keys;
mod links;
mod mail;
mod nodes;
mod oauth;
mod open;
pub mod operator;
mod organizations;
mod passwords;
mod people;
#[cfg(feature = "planted-bugs")]
mod planted;
mod reset;
mod restore;
mod roles;
mod sign_in;
mod signing_ring;
mod store_copy;
mod store_secret;
mod sweep;
mod users;
mod watch;

use change::Change;

pub use account::OwnSession;
pub use actors::{Refusal, RequestOrigin};
pub use audit::{AuditExport, AuditPage, CheckedLog, ExportBatch, ExportFormat};
pub use clock::Clock;
pub use cluster::NodeSettings;
pub use entropy::Entropy;
pub use impersonation::{MintedSession, SessionRefusal, SessionSettings};
pub use invitations::{Invited, Mailed, NewPerson};
pub use keys::{CreatedKey, ExpiringKeys, KeyInput, KeyList};
pub use keystead_directory::Verified;
pub use keystead_store::{
    AuditNames, BackupError, BackupHead, Checked, CopiedTable, CopyError, CopyProgress, DatabaseUrl, Ended,
    KeySessions, NamedUser, OpenError, StoreError, check_backup, noticing_silence, silence_was_noticed,
};
pub use links::{Acceptance, LinkTarget, SetUp};
pub use mail::{Mail, MailError, MailSettingError, Mailer};
pub use oauth::{
    AuthorizationError, CodeRedemption, IssuedTokens, OauthClient, PendingAuthorization, RegisteredClient,
    RegistrationRefusal, TokenRefusal,
};
pub use open::{App, Deployment, Place, SharedStore};
pub use organizations::Excluded;
pub use passwords::Passwords;
pub use people::{KeyImpact, Person, PersonList};
pub use reset::PasswordLink;
pub use restore::{Halt, Reopened, Replayed, Restored, ShippedLog};
pub use roles::RoleInput;
pub use sign_in::{BrowserSecret, SignedIn};
pub use store_copy::{StoreSite, copy_store};
pub use store_secret::{ShortSecret, StoreSecret};
pub use users::{NEW_USERS_MAX, NewUsers, UserEdit};
pub use watch::ChangeWatch;
