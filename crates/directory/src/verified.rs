//! What a verification answers.

use std::sync::Arc;

use arc_swap::Guard;
use jiff::Timestamp;
use keystead_domain::{KeyId, OrganizationId, User};

/// A key that works, and its creator as they were at one moment of the verification.
///
/// Meant to be short-lived: until it is dropped, a user who was changed meanwhile stays in memory as they were.
#[derive(Debug)]
pub struct Verified {
    /// The key's id.
    pub key: KeyId,
    /// Whether the key may act for others. Its creator must also still be permitted to (promise 7).
    pub allow_impersonation: bool,
    /// The first instant at which the key no longer works; `None` is never. In whole microseconds.
    pub expires_at: Option<Timestamp>,
    pub(crate) creator: Guard<Arc<User>>,
}

impl Verified {
    /// The key's creator: active, with what they and so the key may do (promise 1).
    #[must_use]
    pub fn user(&self) -> &User {
        &self.creator
    }

    /// The key's creator, to be kept for longer.
    #[must_use]
    pub fn into_user(self) -> Arc<User> {
        Guard::into_inner(self.creator)
    }
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such key. Whether there ever was one is not known here.
    Unknown,
    /// The key expired. Whoever presents its token may be told so.
    Expired {
        /// The first instant at which it no longer worked.
        at: Timestamp,
        /// Whose it was: to another organization it is as unknown as any (promise 6).
        organization: OrganizationId,
    },
    /// The key's creator is deactivated, deleted or not known. A caller is told no more than of an unknown key.
    CreatorInactive,
    /// This node cannot know ([`suspend`](crate::Directory::suspend)), so it accepts nothing.
    Unavailable,
}
