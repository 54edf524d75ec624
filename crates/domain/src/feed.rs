//! What the store tells the directory: each change that a verification depends on, in commit order.

use jiff::Timestamp;
use keystead_token::TokenHash;

use crate::{ConnectionId, Issuing, KeyId, OrganizationRecord, UserId, UserRecord};

/// The state of one thing after a change. Applying the same change twice, or a later state early, does no harm.
#[derive(Debug, Clone)]
pub enum Change {
    /// A key that may be used.
    Key(KeyRecord),
    /// A key that was revoked.
    KeyRevoked(TokenHash),
    /// A user: what they may do follows from their roles, their groups and their organization.
    User(UserRecord),
    /// A user who was deleted, or whose row cannot be read: none of their keys works.
    UserGone(UserId),
    /// What decides for all users of an organization at once: one change, however many users and keys it has.
    Organization(Box<OrganizationRecord>),
    /// An app that may act for a user.
    Connection(ConnectionRecord),
    /// An app that may no longer.
    ConnectionEnded(ConnectionId),
    /// The keys that sign session tokens, in a store that nodes share.
    SigningKeys(SealedKeys),
    /// Whether credentials are issued.
    Issuing(Issuing),
}

/// Keys as a store that nodes share keeps them: readable only with the secret of the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKeys {
    /// From 1; each change of them has the next one.
    pub version: i64,
    /// What is sealed.
    pub content: Vec<u8>,
}

/// What checking an app's access token needs. All of it is frozen.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionRecord {
    /// The connection's id.
    pub id: ConnectionId,
    /// For whom the app acts.
    pub user: UserId,
    /// The first instant at which it no longer may.
    pub ends_at: Timestamp,
}

/// What verification needs of a key. All but `session_epoch` and `last_used_at` is frozen (promise 4).
#[derive(Debug, Clone, Copy)]
pub struct KeyRecord {
    /// The key's id.
    pub id: KeyId,
    /// SHA-256 of its token.
    pub hash: TokenHash,
    /// Whose permissions it has.
    pub creator: UserId,
    /// Whether it may act for others.
    pub allow_impersonation: bool,
    /// The first instant at which it no longer works; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// How often the sessions that it minted were ended; 0 for a key that cannot mint any.
    pub session_epoch: u32,
    /// When it last was accepted, as far as the store knows.
    pub last_used_at: Option<Timestamp>,
}
