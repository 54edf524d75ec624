//! What can be done, and what it is called.

use crate::{Error, Field};

/// What was done. The text is what the log keeps: never change one, only add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    AppConnected,
    AppDisconnected,
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
    KeySessionsEnded,
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
    SessionMinted,
    SessionStarted,
    SignInLinkCreated,
    StoreRestored,
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
    pub const ALL: [Self; 37] = [
        Self::AppConnected,
        Self::AppDisconnected,
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
        Self::KeySessionsEnded,
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
        Self::SessionMinted,
        Self::SessionStarted,
        Self::SignInLinkCreated,
        Self::StoreRestored,
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
            Self::AppConnected => "app.connected",
            Self::AppDisconnected => "app.disconnected",
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
            Self::KeySessionsEnded => "key.sessions_ended",
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
            Self::SessionMinted => "session.minted",
            Self::SessionStarted => "session.started",
            Self::SignInLinkCreated => "sign_in_link.created",
            Self::StoreRestored => "store.restored",
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

    /// What it is, in words for people; what it was done to follows.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::AppConnected => "Connected app",
            Self::AppDisconnected => "Disconnected app",
            Self::AuditLogExported => "Exported the audit log",
            Self::EmailAccessSet => "Set e-mail access",
            Self::GroupCreated => "Created group",
            Self::GroupDeleted => "Deleted group",
            Self::GroupMembersSet => "Set the members of group",
            Self::GroupUpdated => "Changed group",
            Self::InvitationAccepted => "Accepted an invitation",
            Self::InvitationCreated => "Invited",
            Self::KeyCreated => "Created API key",
            Self::KeyPolicySet => "Set the policy for API keys",
            Self::KeyRevoked => "Revoked API key",
            Self::KeySessionsEnded => "Ended the sessions of API key",
            Self::KeyUpdated => "Edited API key",
            Self::OrganizationArchived => "Archived organization",
            Self::OrganizationCreated => "Created organization",
            Self::OrganizationRenamed => "Renamed organization",
            Self::OrganizationRestored => "Restored organization",
            Self::PasswordChanged => "Changed the password",
            Self::PasswordResetCreated => "Made a link to reset the password",
            Self::RoleCreated => "Created role",
            Self::RoleDeleted => "Deleted role",
            Self::RoleUpdated => "Changed role",
            Self::SessionEnded => "Signed out",
            Self::SessionMinted => "Minted a session for",
            Self::SessionStarted => "Signed in",
            Self::SignInLinkCreated => "Made a sign-in link",
            Self::StoreRestored => "Restored from a backup",
            Self::UserAttributesSet => "Set attributes of user",
            Self::UserCreated => "Added user",
            Self::UserDeactivated => "Deactivated user",
            Self::UserDeleted => "Deleted user",
            Self::UserReactivated => "Reactivated user",
            Self::UserRolesSet => "Set the roles of user",
            Self::UserUpdated => "Changed user",
            Self::UsersExported => "Exported the list of users",
        }
    }

    /// The action of a name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| {
            Error::invalid(Field::Actions, "There is no such action. docs/audit-log.md lists them.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_listed_once_and_found_by_its_name() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.name()), Ok(action));
            let same = |other: &Action| other.name() == action.name() || other.label() == action.label();
            assert_eq!(Action::ALL.iter().filter(|other| same(other)).count(), 1, "{}", action.name());
        }
        assert!(Action::parse("key.stolen").is_err());
    }
}
