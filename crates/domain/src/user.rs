//! People and the organizations they belong to.

use jiff::Timestamp;

use crate::{Email, OrganizationId, OrganizationName, Permission, PermissionSet, PersonName, Role, UserId};

/// A tenant. What belongs to it is walled off from every other (promise 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: OrganizationName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A person in one organization, as of a moment: with what they may do then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
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
    roles: Vec<Role>,
    permissions: PermissionSet,
}

impl User {
    /// Puts a user together from what the store keeps; the permissions follow from the roles.
    #[must_use]
    pub fn new(
        id: UserId,
        organization: OrganizationId,
        email: Email,
        name: PersonName,
        active: bool,
        created_at: Timestamp,
        roles: Vec<Role>,
    ) -> Self {
        let permissions = PermissionSet::of_roles(&roles);
        Self { id, organization, email, name, active, created_at, roles, permissions }
    }

    /// Whether they may do this, now.
    #[must_use]
    pub fn may(&self, permission: &Permission) -> bool {
        self.active && self.permissions.contains(permission)
    }

    /// Their roles.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The union of their roles' permissions.
    #[must_use]
    pub fn permissions(&self) -> &PermissionSet {
        &self.permissions
    }
}
