//! What an event says was taken away, so that a store that was set back can have it taken away again.
//!
//! Only that: nothing that was given is given again by what a log says. Where an event does not hold what is needed, all is taken
//! that it could have been about.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Action, Event};
use crate::{
    Assignment, Assignments, Email, EmailList, EmailRule, Expiration, GroupId, KeyId, KeyPolicy, OwnRoleId,
    Permission, PersonName, PolicyMessage, ResourceId, Role, RoleId, RuleKind, UserId,
};

/// What an event did, as far as it matters to a store that was set back to before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It took something away. `exact`: the event says all of it; else this is the safe side.
    Took {
        /// What.
        taken: Taken,
        /// Whether the event held all that is needed.
        exact: bool,
    },
    /// It gave back what had been taken.
    GaveBack,
    /// It made something, which a store of before does not have.
    Made,
    /// It changed something of a user's that the log does not keep.
    Changed,
    /// What it ended or made is ended by every restore: sessions, links and connected apps.
    Passing,
    /// Nobody may do more or less for it.
    Nothing,
    /// It is an action that this version does not know.
    Unknown,
}

/// What was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// A key was revoked.
    Key(KeyId),
    /// A user was deactivated.
    UserActive(UserId),
    /// A user was deleted.
    User(UserId),
    /// A user's password was replaced: the one before must not let anybody in.
    Password(UserId),
    /// A user got another address: the one before is not theirs any more. `None` if the event does not say which they have.
    Address(UserId, Option<(PersonName, Email)>),
    /// A user holds no more than this by assignments of their own.
    UserRoles(UserId, Assignments),
    /// A user is no member of a group any more; `None` if the event does not say who.
    Member(GroupId, Option<UserId>),
    /// A group was deleted.
    Group(GroupId),
    /// A group carries no more than this.
    GroupRoles(GroupId, Assignments),
    /// A role of the organization was deleted.
    Role(OwnRoleId),
    /// A role of the organization gives no more than this.
    RolePermissions(OwnRoleId, BTreeSet<Permission>),
    /// New keys may be no more than this.
    KeyPolicy(KeyPolicy),
    /// Rules of e-mail access were added and removed.
    EmailAccess {
        /// Those that were added.
        added: Vec<EmailChange>,
        /// Those that were removed.
        removed: Vec<EmailChange>,
    },
    /// The organization was archived.
    Organization,
}

/// A rule that was added to or removed from a list.
pub type EmailChange = (EmailList, RuleKind, String);

impl Effect {
    /// What an event did.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let Ok(action) = Action::parse(&event.action) else { return Self::Unknown };
        let Some(target) = event.target else { return Self::Unknown };
        let details: Value = serde_json::from_str(&event.details).unwrap_or_default();
        let exactly = |taken| Self::Took { taken, exact: true };
        let user = || UserId::from_slice(&target);
        let group = || GroupId::from_slice(&target);
        let role = || OwnRoleId::from_slice(&target);
        let after = &details["after"];
        let read = match action {
            Action::KeyRevoked => KeyId::from_slice(&target).map(|id| exactly(Taken::Key(id))),
            Action::UserDeactivated => user().map(|id| exactly(Taken::UserActive(id))),
            Action::UserDeleted => user().map(|id| exactly(Taken::User(id))),
            Action::PasswordChanged => user().map(|id| exactly(Taken::Password(id))),
            Action::UserUpdated => user().map(|id| address(id, &details)),
            Action::UserRolesSet => user().map(|id| bounded(after, |roles| Taken::UserRoles(id, roles))),
            Action::GroupDeleted => group().map(|id| exactly(Taken::Group(id))),
            Action::GroupUpdated => {
                group().map(|id| bounded(&after["roles"], |roles| Taken::GroupRoles(id, roles)))
            }
            Action::GroupMembersSet => group().map(|id| member(id, &details)),
            Action::RoleDeleted => role().map(|id| exactly(Taken::Role(id))),
            Action::RoleUpdated => role().map(|id| permissions(id, &after["permissions"])),
            Action::KeyPolicySet => Some(policy(after)),
            Action::EmailAccessSet => Some(email_access(&details)),
            Action::OrganizationArchived => Some(exactly(Taken::Organization)),
            Action::OrganizationRestored | Action::UserReactivated => Some(Self::GaveBack),
            Action::GroupCreated
            | Action::KeyCreated
            | Action::OrganizationCreated
            | Action::RoleCreated
            | Action::UserCreated => Some(Self::Made),
            Action::InvitationAccepted | Action::UserAttributesSet => Some(Self::Changed),
            Action::AppConnected
            | Action::AppDisconnected
            | Action::InvitationCreated
            | Action::KeySessionsEnded
            | Action::PasswordResetCreated
            | Action::SessionEnded
            | Action::SessionMinted
            | Action::SessionStarted
            | Action::SignInLinkCreated => Some(Self::Passing),
            Action::AuditLogExported
            | Action::KeyUpdated
            | Action::OrganizationRenamed
            | Action::StoreRestored
            | Action::UsersExported => Some(Self::Nothing),
        };
        read.unwrap_or(Self::Unknown)
    }
}

/// At most the assignments that the event says; none if it does not say.
fn bounded(after: &Value, taken: impl FnOnce(Assignments) -> Taken) -> Effect {
    let read = assignments(after);
    Effect::Took { exact: read.is_some(), taken: taken(read.unwrap_or_default()) }
}

fn assignments(told: &Value) -> Option<Assignments> {
    let one = |told: &Value| {
        if let Some(role) = told.as_str() {
            return Some(Assignment::everywhere(RoleId::from_stored(role.to_owned())));
        }
        let role = RoleId::from_stored(told["role"].as_str()?.to_owned());
        let scope = |id: &Value| ResourceId::parse(id.as_str()?).ok();
        let scopes: BTreeSet<_> = told["scopes"].as_array()?.iter().map(scope).collect::<Option<_>>()?;
        // No resource is everywhere; an event that says so in this form was not written by us.
        (!scopes.is_empty()).then_some(Assignment { role, scopes })
    };
    told.as_array()?.iter().map(one).collect()
}

fn address(user: UserId, details: &Value) -> Effect {
    let email = |at: &str| Email::parse(details[at]["email"].as_str()?).ok();
    let Some((before, after)) = email("before").zip(email("after")) else {
        return Effect::Took { taken: Taken::Address(user, None), exact: false };
    };
    if before.as_str() == after.as_str() {
        return Effect::Nothing;
    }
    let name = details["after"]["name"].as_str().and_then(|name| PersonName::parse(name).ok());
    Effect::Took { exact: name.is_some(), taken: Taken::Address(user, name.map(|name| (name, after))) }
}

fn member(group: GroupId, details: &Value) -> Effect {
    if details["member"] == Value::Bool(true) {
        return Effect::GaveBack;
    }
    let user = details["user"].as_str().and_then(|id| id.parse().ok());
    let exact = user.is_some() && details["member"] == Value::Bool(false);
    Effect::Took { taken: Taken::Member(group, user), exact }
}

fn permissions(role: OwnRoleId, told: &Value) -> Effect {
    let names: Option<Vec<String>> =
        told.as_array().and_then(|names| names.iter().map(|name| Some(name.as_str()?.to_owned())).collect());
    let read = names.and_then(|names| Role::parse_permissions(&names).ok());
    Effect::Took { exact: read.is_some(), taken: Taken::RolePermissions(role, read.unwrap_or_default()) }
}

fn policy(told: &Value) -> Effect {
    let read = || {
        let closed = &told["closed"];
        Some(KeyPolicy {
            longest: Expiration::parse(told["longest"].as_str()?).ok()?,
            keys_may_create_keys: told["keysMayCreateKeys"].as_bool()?,
            closed: if closed.is_null() { None } else { PolicyMessage::parse(closed.as_str()?).ok() },
        })
    };
    let closed = || KeyPolicy {
        closed: Some(PolicyMessage::from_stored("the policy that was set is not known.".to_owned())),
        ..KeyPolicy::default()
    };
    let read = read();
    Effect::Took { exact: read.is_some(), taken: Taken::KeyPolicy(read.unwrap_or_else(closed)) }
}

fn email_access(details: &Value) -> Effect {
    let mut exact = true;
    let mut changes = |what: &str| {
        let mut all = Vec::new();
        for (list, kind) in EmailList::ALL.into_iter().flat_map(|list| RuleKind::ALL.map(|kind| (list, kind)))
        {
            let told = details[format!("{}_{}", list.code(), kind.code())][what].as_array();
            exact &= told.is_some();
            for pattern in told.into_iter().flatten() {
                let rule = pattern.as_str().and_then(|text| EmailRule::parse(list, kind, text).ok());
                exact &= rule.is_some();
                all.extend(rule.map(|rule| (list, kind, rule.as_str().to_owned())));
            }
        }
        all
    };
    let (added, removed) = (changes("added"), changes("removed"));
    Effect::Took { taken: Taken::EmailAccess { added, removed }, exact }
}

#[cfg(test)]
mod tests;
