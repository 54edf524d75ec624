//! The audit log: every change leaves a trace, chained by hash so that no event can be changed, moved or taken out of the
//! middle without notice, and signed now and then so that its end cannot be cut off either (promise 10).

mod action;
mod chain;
mod checkpoint;
mod copy;
mod filter;
mod line;
mod taken;
mod via;

use std::net::IpAddr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{Actor, OrganizationId, UserId, Via};

pub use action::Action;
pub use chain::{ChainCheck, End, Fault, FaultKind, verify_chain};
pub use checkpoint::{Checkpoint, PublicKey, SigningKey, check_checkpoint};
pub use copy::{CheckedCopy, CopyCheck, CopyFault};
pub use filter::{AuditCursor, AuditFilter, AuditPageRequest};
pub use line::{BadLine, Line, checkpoint_line, event_line, parse_line};
pub use taken::{Effect, EmailChange, Taken};
pub use via::ViaKind;

/// Who made a change, through what, from where, when.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Whom it was made as; `None` for the operator's command line and for first set-up.
    pub user: Option<UserId>,
    /// The kind of proof ([`ViaKind::name`]).
    pub via: &'static str,
    /// The session's, key's or connection's id; of an impersonated session, the key's that minted it.
    pub via_id: Option<[u8; 16]>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// When.
    pub at: Timestamp,
}

impl Trace {
    /// A change by an authenticated request.
    #[must_use]
    pub fn of(actor: &Actor, at: Timestamp) -> Self {
        let id = match actor.via() {
            Via::Session(id) => *id.as_bytes(),
            Via::Key(id) | Via::Impersonation { key: id, .. } => *id.as_bytes(),
            Via::Connection(id) => *id.as_bytes(),
        };
        let via = ViaKind::from(actor.via()).name();
        Self { user: Some(actor.user().id), via, via_id: Some(id), address: actor.address(), at }
    }

    /// A change by a command of the operator's.
    #[must_use]
    pub fn operator(at: Timestamp) -> Self {
        Self { user: None, via: ViaKind::Operator.name(), via_id: None, address: None, at }
    }

    /// A change by somebody who is just proving who they are (`sign_in`, `set_up`).
    #[must_use]
    pub fn visitor(via: &'static str, address: Option<IpAddr>, at: Timestamp) -> Self {
        Self { user: None, via, via_id: None, address, at }
    }
}

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose log.
    pub organization: OrganizationId,
    /// Its place in that log, from 1, without gaps.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// Whom it was made as.
    pub user: Option<UserId>,
    /// Through what kind of proof.
    pub via: String,
    /// Through which session or key.
    pub via_id: Option<[u8; 16]>,
    /// From which address.
    pub address: Option<String>,
    /// What was done ([`Action::name`]).
    pub action: String,
    /// To what: the id of the key, user, session or organization.
    pub target: Option<[u8; 16]>,
    /// The rest, as JSON; never a token.
    pub details: String,
}

/// What comes before the first event.
pub const CHAIN_START: [u8; 32] = [0; 32];

impl Event {
    /// The API key that it was done through: itself, or in a session that it minted.
    #[must_use]
    pub fn via_key(&self) -> Option<[u8; 16]> {
        let kind = ViaKind::parse(&self.via).ok();
        self.via_id.filter(|_| matches!(kind, Some(ViaKind::Key | ViaKind::Impersonation)))
    }

    /// The connected app that it was done through.
    #[must_use]
    pub fn via_connection(&self) -> Option<[u8; 16]> {
        let kind = ViaKind::parse(&self.via).ok();
        self.via_id.filter(|_| kind == Some(ViaKind::Connection))
    }

    /// The link of the chain: SHA-256 over the previous link and every field, each with its length before it, so that no two
    /// different events have the same bytes.
    #[must_use]
    pub fn link(&self, previous: &[u8; 32]) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut field = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        field(b"keystead audit 1");
        field(previous);
        field(self.organization.as_bytes());
        field(&self.sequence.to_be_bytes());
        field(&self.at.as_millisecond().to_be_bytes());
        field(self.user.as_ref().map_or(&[], |user| user.as_bytes()));
        field(self.via.as_bytes());
        field(self.via_id.as_ref().map_or(&[], |id| id));
        field(self.address.as_deref().unwrap_or("").as_bytes());
        field(self.action.as_bytes());
        field(self.target.as_ref().map_or(&[], |id| id));
        field(self.details.as_bytes());
        digest.finalize().into()
    }
}
