//! An organization, and all that decides for all of its users at once: its roles, groups, e-mail access and policy for keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    Assignments, Email, EmailAccess, Error, Field, GroupId, GroupName, KeyPolicy, OrganizationId,
    OrganizationName, Role, RoleBook,
};

/// A tenant. What belongs to it is walled off from every other (promise 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: OrganizationName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it refuses everything; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

/// Users who hold some roles together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name, unique in the organization without regard to case.
    pub name: GroupName,
    /// The roles that its members inherit.
    pub assignments: Assignments,
}

/// The most groups of an organization.
pub const GROUPS_MAX: usize = 500;

/// An organization as the store keeps it.
#[derive(Debug, Clone)]
pub struct OrganizationRecord {
    /// The organization.
    pub organization: Organization,
    /// What new keys may be.
    pub policy: KeyPolicy,
    /// Who may be a user.
    pub email_access: EmailAccess,
    /// The roles that it made.
    pub roles: Vec<Role>,
    /// Its groups.
    pub groups: Vec<Group>,
}

/// An organization as of a moment, with the roles of the deployment.
#[derive(Debug, Clone)]
pub struct OrganizationState {
    /// The organization.
    pub organization: Organization,
    /// What new keys may be.
    pub policy: KeyPolicy,
    /// Who may be a user.
    pub email_access: EmailAccess,
    /// Every role that can be assigned in it.
    pub roles: RoleBook,
    groups: BTreeMap<GroupId, Arc<Group>>,
}

impl OrganizationState {
    /// From what the store keeps and what the deployment's configuration says.
    #[must_use]
    pub fn new(record: OrganizationRecord, deployment: &[Role]) -> Self {
        Self {
            organization: record.organization,
            policy: record.policy,
            email_access: record.email_access,
            roles: RoleBook::new(deployment, &record.roles),
            groups: record.groups.into_iter().map(|group| (group.id, Arc::new(group))).collect(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> OrganizationId {
        self.organization.id
    }

    /// Whether it decides the same for every user as another state of it: names and policies decide nothing about users.
    #[must_use]
    pub fn decides_as(&self, other: &Self) -> bool {
        self.is_archived() == other.is_archived()
            && self.email_access == other.email_access
            && self.roles == other.roles
            && self.groups == other.groups
    }

    /// Whether it refuses everything.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.organization.archived_at.is_some()
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Arc<Group>> {
        self.groups.get(&id)
    }

    /// The group of an id that a caller sent.
    pub fn find_group(&self, id: GroupId) -> Result<&Arc<Group>, Error> {
        self.group(id).ok_or(Error::NotFound("group"))
    }

    /// Its groups, by name.
    #[must_use]
    pub fn groups(&self) -> Vec<&Arc<Group>> {
        let mut groups: Vec<_> = self.groups.values().collect();
        groups.sort_by_cached_key(|group| group.name.folded());
        groups
    }

    /// Whether a group can be added or renamed: names are unique, and their number is bounded.
    pub fn check_group_fits(&self, id: GroupId, name: &GroupName) -> Result<(), Error> {
        let others = || self.groups.values().filter(|group| group.id != id);
        if others().any(|group| group.name.folded() == name.folded()) {
            return Err(Error::Conflict(format!("There is a group named {name} already.")));
        }
        if others().count() >= GROUPS_MAX {
            return Err(Error::Conflict(format!("An organization has at most {GROUPS_MAX} groups.")));
        }
        Ok(())
    }

    /// Whether the workspace that a caller names is this organization; no name means it.
    pub fn check_is_workspace(&self, workspace: Option<&str>) -> Result<(), Error> {
        match workspace.map(str::parse) {
            None => Ok(()),
            Some(Ok(id)) if self.id() == id => Ok(()),
            Some(_) => Err(Error::NotFound("workspace")),
        }
    }

    /// Whether somebody with this address may be a user: asked at every way in.
    pub fn check_admits(&self, email: &Email) -> Result<(), Error> {
        if self.email_access.admits(email) {
            return Ok(());
        }
        Err(Error::invalid(
            Field::Email,
            format!("The e-mail access rules of {} do not admit {email}.", self.organization.name),
        ))
    }
}
