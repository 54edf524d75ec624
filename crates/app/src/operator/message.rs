//! What the operator asks for and is answered, as the control socket carries it: JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::audit::{AuditAnswer, AuditCommand};

/// What the operator asks for. An organization is named by its name or its id; where it may be left out, the only one that fits
/// is meant. A role is named by its id or its name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Make an organization, and a one-time link that lets its first administrator in.
    OrganizationCreate {
        /// What it is called.
        name: String,
        /// The address of its first administrator.
        administrator: String,
    },
    /// List the organizations.
    OrganizationList,
    /// Archive an organization: it refuses everything, at once.
    OrganizationArchive {
        /// Which.
        organization: String,
    },
    /// Bring an archived organization back.
    OrganizationRestore {
        /// Which.
        organization: String,
    },
    /// Add a user; the first makes an organization, too.
    UserAdd {
        /// Their address.
        email: String,
        /// To which organization.
        organization: Option<String>,
        /// How others see them; by default what stands before the `@`.
        name: Option<String>,
        /// What they may do.
        role: String,
        /// Their password; without one they need a link to sign in.
        password: Option<Password>,
    },
    /// List users.
    UserList {
        /// Of which organization; by default of all.
        organization: Option<String>,
    },
    /// Replace the roles that a user was assigned themselves; each holds everywhere.
    UserSetRoles {
        /// Who.
        email: String,
        /// Of which organization.
        organization: Option<String>,
        /// The roles.
        roles: Vec<String>,
    },
    /// Deactivate a user: their sessions end and their keys stop, at once.
    UserDeactivate {
        /// Who.
        email: String,
        /// Of which organization.
        organization: Option<String>,
    },
    /// Reactivate a user: their keys work again.
    UserReactivate {
        /// Who.
        email: String,
        /// Of which organization.
        organization: Option<String>,
    },
    /// Delete a user, for good: their keys are revoked.
    UserDelete {
        /// Who.
        email: String,
        /// Of which organization.
        organization: Option<String>,
        /// Whether to do it, or only to say what it would do.
        confirmed: bool,
    },
    /// Make a link that signs a user in, once.
    UserSignInLink {
        /// Who.
        email: String,
        /// Of which organization.
        organization: Option<String>,
    },
    /// Create a key for a user.
    KeyCreate {
        /// Whose.
        user: String,
        /// Of which organization.
        organization: Option<String>,
        /// Its name.
        name: String,
        /// `7d`, `30d`, `90d`, `180d`, `1y` or `never`.
        expires: String,
    },
    /// List a user's keys.
    KeyList {
        /// Whose.
        user: String,
        /// Of which organization.
        organization: Option<String>,
    },
    /// Revoke a key.
    KeyRevoke {
        /// Its id.
        id: String,
    },
    /// End the sessions that an impersonation key has minted.
    KeyEndSessions {
        /// The key's id.
        id: String,
    },
    /// List the keys that sign sessions.
    SigningKeyList,
    /// Let the next key sign sessions.
    SigningKeyRotate {
        /// Whether to replace all keys, which ends every session that they signed.
        discard_old: bool,
    },
    /// Stop the issuing of credentials, on all nodes.
    IssuingStop {
        /// Why.
        why: String,
    },
    /// Start it again.
    IssuingStart,
    /// Tell whether credentials are issued.
    IssuingStatus,
    /// Copy the store.
    BackUp {
        /// The path of a file that is there and empty, from the root.
        into: PathBuf,
    },
    /// What is asked of audit logs.
    Audit(AuditCommand),
}

/// A password on its way from the command line. Never printed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub(super) String);

impl Password {
    /// What was read.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// An organization was made.
    Invitation {
        /// Its id.
        organization: String,
        /// The code of the link that lets its first administrator in.
        code: String,
    },
    /// An organization was archived or restored.
    Organization {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// The organizations.
    Organizations(Vec<ListedOrganization>),
    /// A user was added or changed.
    User {
        /// Their id.
        id: String,
        /// Their address.
        email: String,
    },
    /// Users.
    Users(Vec<ListedUser>),
    /// A user was deactivated.
    Deactivated {
        /// Their address.
        email: String,
        /// How many keys stopped with them.
        keys: u64,
    },
    /// A user was deleted, or would be.
    Deleted {
        /// Their id.
        id: String,
        /// Their address.
        email: String,
        /// Their organization's name.
        organization: String,
        /// How many keys are revoked with them, expired ones included.
        keys: usize,
    },
    /// The code of a one-time sign-in link.
    SignInLink {
        /// The secret part.
        code: String,
    },
    /// A key was created; its token is here and nowhere else (promise 2).
    Token {
        /// The key's id.
        id: String,
        /// The token.
        token: String,
    },
    /// A user's keys.
    Keys(Vec<ListedKey>),
    /// A key was revoked.
    Revoked {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// The sessions of a key were ended.
    SessionsEnded {
        /// The key's id.
        id: String,
        /// Its name.
        name: String,
    },
    /// The keys that sign sessions: the one that does, the next, then those that did, latest first.
    SigningKeys(Vec<ListedSigningKey>),
    /// Whether credentials are issued, by now.
    Issuing(IssuingStatus),
    /// The store was copied.
    BackedUp,
    /// What audit logs have to say.
    Audit(AuditAnswer),
    /// It was refused.
    Refused {
        /// The stable code ([`Error::code`](keystead_domain::Error::code)).
        code: String,
        /// What is wrong.
        message: String,
    },
}

/// Whether credentials are issued, as `issuing status` shows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuingStatus {
    /// Since when they are not; none while they are.
    pub stopped_at: Option<String>,
    /// Why they are not.
    pub why: Option<String>,
}

/// An organization, as `organization list` shows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedOrganization {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many users it has, whatever their standing.
    pub users: usize,
    /// When it was made.
    pub created_at: String,
    /// Since when it refuses everything; none while it is in use.
    pub archived_at: Option<String>,
}

/// A user, as `user list` shows them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedUser {
    /// Their id.
    pub id: String,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their organization's id.
    pub organization_id: String,
    /// Its name.
    pub organization: String,
    /// `active`, `pending` (has never come in), `deactivated`, `not_admitted` (by the e-mail rules) or `archived` (the organization).
    pub status: String,
    /// The roles that they were assigned themselves.
    pub roles: Vec<ListedRole>,
    /// The names of their groups, whose roles they inherit.
    pub groups: Vec<String>,
    /// When they were added.
    pub created_at: String,
    /// When they last used the console.
    pub last_seen_at: Option<String>,
}

/// A role that a user holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedRole {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The resources that it is limited to; none is everywhere.
    pub scopes: Vec<String>,
}

/// A key, as `key list` shows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "as in the GraphQL schema's `ApiKey`; the status as in the console's addresses"
)]
pub struct ListedKey {
    pub id: String,
    pub name: String,
    pub description: String,
    pub masked_token: String,
    pub status: String,
    pub allow_impersonation: bool,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub last_used_at: Option<String>,
}

/// A key that signs sessions, as `signing-key list` shows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSigningKey {
    /// Its name in tokens (`kid`).
    pub id: String,
    /// `current`, `next` or `retired`.
    pub state: String,
    /// When it was made, and published.
    pub created_at: String,
    /// Until when a retired key stays published: the last session that it signed has ended then.
    pub ends_at: Option<String>,
}
