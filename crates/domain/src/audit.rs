//! The audit log: every change leaves a trace, chained by hash so that no event can be changed, moved or taken out of the
//! middle without notice (promise 10).

use std::net::IpAddr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{Actor, OrganizationId, UserId, Via};

/// Who made a change, through what, from where, when.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Whom it was made as; `None` for the operator's command line and for first set-up.
    pub user: Option<UserId>,
    /// The kind of proof: `session`, `key`, `operator`, `sign_in`, `set_up`.
    pub via: &'static str,
    /// The session's or key's id.
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
        let (via, id) = match actor.via() {
            Via::Session(id) => ("session", *id.as_bytes()),
            Via::Key(id) => ("key", *id.as_bytes()),
        };
        Self { user: Some(actor.user().id), via, via_id: Some(id), address: actor.address(), at }
    }

    /// A change by a command of the operator's.
    #[must_use]
    pub fn operator(at: Timestamp) -> Self {
        Self { user: None, via: "operator", via_id: None, address: None, at }
    }

    /// A change by somebody who is just proving who they are (`sign_in`, `set_up`).
    #[must_use]
    pub fn visitor(via: &'static str, address: Option<IpAddr>, at: Timestamp) -> Self {
        Self { user: None, via, via_id: None, address, at }
    }
}

/// What was done. The text is what the log keeps: never change one, only add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    AuditLogExported,
    EmailAccessSet,
    GroupCreated,
    GroupDeleted,
    GroupMembersSet,
    GroupUpdated,
    InvitationAccepted,
    InvitationCreated,
    KeyCreated,
    KeyPolicySet,
    KeyRevoked,
    KeyUpdated,
    OrganizationArchived,
    OrganizationCreated,
    OrganizationRenamed,
    OrganizationRestored,
    PasswordChanged,
    PasswordResetCreated,
    RoleCreated,
    RoleDeleted,
    RoleUpdated,
    SessionEnded,
    SessionStarted,
    SignInLinkCreated,
    UserAttributesSet,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserReactivated,
    UserRolesSet,
    UserUpdated,
    UsersExported,
}

impl Action {
    /// All of them, in alphabetical order: what the log can be filtered by.
    pub const ALL: [Self; 32] = [
        Self::AuditLogExported,
        Self::EmailAccessSet,
        Self::GroupCreated,
        Self::GroupDeleted,
        Self::GroupMembersSet,
        Self::GroupUpdated,
        Self::InvitationAccepted,
        Self::InvitationCreated,
        Self::KeyCreated,
        Self::KeyPolicySet,
        Self::KeyRevoked,
        Self::KeyUpdated,
        Self::OrganizationArchived,
        Self::OrganizationCreated,
        Self::OrganizationRenamed,
        Self::OrganizationRestored,
        Self::PasswordChanged,
        Self::PasswordResetCreated,
        Self::RoleCreated,
        Self::RoleDeleted,
        Self::RoleUpdated,
        Self::SessionEnded,
        Self::SessionStarted,
        Self::SignInLinkCreated,
        Self::UserAttributesSet,
        Self::UserCreated,
        Self::UserDeactivated,
        Self::UserDeleted,
        Self::UserReactivated,
        Self::UserRolesSet,
        Self::UserUpdated,
        Self::UsersExported,
    ];

    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuditLogExported => "audit_log.exported",
            Self::EmailAccessSet => "email_access.set",
            Self::GroupCreated => "group.created",
            Self::GroupDeleted => "group.deleted",
            Self::GroupMembersSet => "group.members_set",
            Self::GroupUpdated => "group.updated",
            Self::InvitationAccepted => "invitation.accepted",
            Self::InvitationCreated => "invitation.created",
            Self::KeyCreated => "key.created",
            Self::KeyPolicySet => "key_policy.set",
            Self::KeyRevoked => "key.revoked",
            Self::KeyUpdated => "key.updated",
            Self::OrganizationArchived => "organization.archived",
            Self::OrganizationCreated => "organization.created",
            Self::OrganizationRenamed => "organization.renamed",
            Self::OrganizationRestored => "organization.restored",
            Self::PasswordChanged => "password.changed",
            Self::PasswordResetCreated => "password_reset.created",
            Self::RoleCreated => "role.created",
            Self::RoleDeleted => "role.deleted",
            Self::RoleUpdated => "role.updated",
            Self::SessionEnded => "session.ended",
            Self::SessionStarted => "session.started",
            Self::SignInLinkCreated => "sign_in_link.created",
            Self::UserAttributesSet => "user.attributes_set",
            Self::UserCreated => "user.created",
            Self::UserDeactivated => "user.deactivated",
            Self::UserDeleted => "user.deleted",
            Self::UserReactivated => "user.reactivated",
            Self::UserRolesSet => "user.roles_set",
            Self::UserUpdated => "user.updated",
            Self::UsersExported => "users.exported",
        }
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

/// Checks a log from its beginning: each event with the link that was stored beside it. The number of the first event that
/// does not fit, if any.
pub fn verify_chain<'a>(events: impl IntoIterator<Item = (&'a Event, [u8; 32])>) -> Result<(), i64> {
    let mut previous = CHAIN_START;
    for (expected, (event, link)) in (1..).zip(events) {
        if event.sequence != expected || event.link(&previous) != link {
            return Err(expected);
        }
        previous = link;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdGenerator;

    #[test]
    fn a_changed_moved_or_missing_event_breaks_the_chain() {
        let organization = IdGenerator::default().next(Timestamp::UNIX_EPOCH, [1; 8]);
        let mut log = Vec::new();
        let mut previous = CHAIN_START;
        for sequence in 1..=5 {
            let event = Event {
                organization,
                sequence,
                at: Timestamp::UNIX_EPOCH,
                user: None,
                via: "operator".into(),
                via_id: None,
                address: None,
                action: Action::KeyCreated.name().into(),
                target: Some([7; 16]),
                details: "{}".into(),
            };
            previous = event.link(&previous);
            log.push((event, previous));
        }
        let check = |log: &[(Event, [u8; 32])]| verify_chain(log.iter().map(|(event, link)| (event, *link)));
        assert_eq!(check(&log), Ok(()));
        let mut changed = log.clone();
        changed[2].0.details = r#"{"name":"other"}"#.into();
        assert_eq!(check(&changed), Err(3));
        let mut shifted = log.clone();
        shifted[2].0.via = "operatorkey".into();
        shifted[2].0.action = ".created".into();
        assert_eq!(check(&shifted), Err(3), "fields cannot flow into each other");
        let mut swapped = log.clone();
        swapped.swap(1, 2);
        assert_eq!(check(&swapped), Err(2));
        let mut missing = log.clone();
        missing.remove(1);
        assert_eq!(check(&missing), Err(2));
    }
}
