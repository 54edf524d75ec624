//! People, and what they may do.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    Assignments, Email, Error, Field, Group, GroupId, OrganizationId, OrganizationState, Permission,
    PermissionSet, PersonName, ResourceId, RoleBook, UserId,
};

/// A user as the store keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Their id.
    pub id: UserId,
    /// The one organization that they belong to.
    pub organization: OrganizationId,
    /// How they sign in.
    pub email: Email,
    /// How others see them.
    pub name: PersonName,
    /// Deactivated users can do nothing, and neither can their keys (promise 1).
    pub active: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// The roles that they were assigned themselves.
    pub assignments: Assignments,
    /// The groups that they are a member of.
    pub groups: Vec<GroupId>,
}

/// Whether a user may act, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They may.
    Active,
    /// They were deactivated.
    Deactivated,
    /// The organization's e-mail access does not admit their address.
    NotAdmitted,
    /// Their organization is archived.
    Archived,
}

/// A person in one organization, as of a moment: with what they may do then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Shared with the same user as of earlier and later states of their organization.
    record: Arc<UserRecord>,
    groups: Vec<Arc<Group>>,
    permissions: PermissionSet,
    standing: Standing,
}

impl std::ops::Deref for User {
    type Target = UserRecord;

    /// What the store keeps of them.
    fn deref(&self) -> &UserRecord {
        &self.record
    }
}

impl User {
    /// The user as of an organization's state: what they may do follows from their roles and their groups' (promise 1).
    #[must_use]
    pub fn new(record: impl Into<Arc<UserRecord>>, state: &OrganizationState) -> Self {
        let record = record.into();
        let groups: Vec<_> = record.groups.iter().filter_map(|id| state.group(*id)).cloned().collect();
        let permissions = effective(&record.assignments, &groups, &state.roles);
        let standing = if state.is_archived() || record.organization != state.id() {
            Standing::Archived
        } else if !record.active {
            Standing::Deactivated
        } else if state.email_access.admits(&record.email) {
            Standing::Active
        } else {
            Standing::NotAdmitted
        };
        Self { record, groups, permissions, standing }
    }

    /// A user who may do nothing, whatever their roles: their organization is not known.
    #[must_use]
    pub fn of_unknown_organization(record: impl Into<Arc<UserRecord>>) -> Self {
        Self {
            record: record.into(),
            groups: Vec::new(),
            permissions: PermissionSet::default(),
            standing: Standing::Archived,
        }
    }

    /// The same user where Keystead's own permissions are off but those that `kept` says.
    pub(crate) fn with_own_permissions(&self, kept: impl Fn(&Permission) -> bool) -> Self {
        Self { permissions: self.permissions.of_product_and(kept), ..self.clone() }
    }

    /// What the store keeps of them.
    #[must_use]
    pub fn record(&self) -> &Arc<UserRecord> {
        &self.record
    }

    /// Whether they may do anything at all, now.
    #[must_use]
    pub fn may_act(&self) -> bool {
        self.standing == Standing::Active
    }

    /// Whether they may act, and if not, why.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether they may do this everywhere, now.
    #[must_use]
    pub fn may(&self, permission: &Permission) -> bool {
        self.may_act() && self.permissions.contains(permission)
    }

    /// Whether they may do this on a resource, now.
    #[must_use]
    pub fn may_on(&self, permission: &Permission, resource: &ResourceId) -> bool {
        self.may_act() && self.permissions.contains_on(permission, resource)
    }

    /// The groups that they are a member of.
    #[must_use]
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// What their roles and their groups' permit together, also while they may not act.
    #[must_use]
    pub fn permissions(&self) -> &PermissionSet {
        &self.permissions
    }

    /// Whether they are an administrator who may act: every organization keeps one.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.may_act() && self.permissions.is_everything()
    }
}

impl User {
    /// Whether the person who revokes all of their keys typed their address.
    pub fn check_typed_email(&self, typed: &str) -> Result<(), Error> {
        match Email::parse(typed) {
            Ok(typed) if typed.folded() == self.email.folded() => Ok(()),
            _ => Err(Error::invalid(
                Field::Confirm,
                "That is not their e-mail address. Type it exactly as shown.",
            )),
        }
    }
}

fn effective(own: &Assignments, groups: &[Arc<Group>], book: &RoleBook) -> PermissionSet {
    let inherited = groups.iter().map(|group| &group.assignments);
    inherited.fold(own.permissions(book), |set, assignments| set.union(assignments.permissions(book)))
}
