//! Roles, and how users come to hold them.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Description, Error, Field, OwnRoleId, Permission, PermissionSet, ResourceId, RoleName};

/// Names a role: `administrator`, `member`, `site_administrator`, a name from the configuration, or the id of a role that the
/// organization made. One that names nothing (any more) gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleId(Cow<'static, str>);

impl RoleId {
    /// Everything that can be done inside the organization.
    pub const ADMINISTRATOR: Self = Self(Cow::Borrowed("administrator"));
    /// One's own keys, which need no permission.
    pub const MEMBER: Self = Self(Cow::Borrowed("member"));
    /// Making and archiving organizations of the deployment.
    pub const SITE_ADMINISTRATOR: Self = Self(Cow::Borrowed("site_administrator"));

    /// Checks an id that a caller sent, in form only: whether there is such a role, the [`RoleBook`] knows.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if (1..=100).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(Error::invalid(Field::Role, "There is no such role."))
        }
    }

    /// The id as the store keeps it. One that a tool damaged names nothing.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        // Nearly every user has one of these: they share its text.
        match BUILT_IN.iter().find(|name| **name == text) {
            Some(name) => Self(Cow::Borrowed(name)),
            None => Self(Cow::Owned(text)),
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The organization's own role that it names, if it can be one's id.
    #[must_use]
    pub fn own(&self) -> Option<OwnRoleId> {
        self.0.parse().ok()
    }
}

impl From<OwnRoleId> for RoleId {
    fn from(id: OwnRoleId) -> Self {
        Self(Cow::Owned(id.to_string()))
    }
}

impl fmt::Display for RoleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a role comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleOrigin {
    /// It is Keystead's.
    BuiltIn,
    /// The deployment's configuration has it, for every organization.
    Deployment,
    /// The organization made it.
    Organization,
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id, which assignments name.
    pub id: RoleId,
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: Description,
    /// What it permits. An administrator's are more than these ([`PermissionSet::is_everything`]).
    pub permissions: BTreeSet<Permission>,
    /// Where it comes from.
    pub origin: RoleOrigin,
}

/// The most roles that an organization can make, and that a deployment's configuration can have.
pub const ROLES_MAX: usize = 100;
/// The most permissions of a role.
pub const ROLE_PERMISSIONS_MAX: usize = 50;
/// The most bytes that the names of all permissions of an organization's roles have together: whoever holds all of them still
/// has a `X-Keystead-Permissions` header that common proxies let through.
pub const PERMISSION_NAMES_MAX: usize = 3_000;
/// The most roles that a user or a group is assigned.
pub const ASSIGNMENTS_MAX: usize = 50;
/// The most resources that an assignment is limited to.
pub const SCOPES_MAX: usize = 100;

impl Role {
    /// A role of a deployment's configuration: its id is its name there.
    pub fn of_deployment(id: &str, description: &str, permissions: &[String]) -> Result<Self, Error> {
        let id = RoleId::parse(id).map_err(|_| {
            Error::invalid(Field::Role, "A role's name is 1 to 100 of the characters a-z 0-9 _ - here.")
        })?;
        if id.own().is_some() || BUILT_IN.contains(&id.as_str()) {
            return Err(Error::invalid(Field::Role, format!("The name {id} is taken. Choose another.")));
        }
        let origin = RoleOrigin::Deployment;
        let name = RoleName::parse(id.as_str())?;
        let description = Description::parse(description)?;
        Ok(Self { id, name, description, permissions: Self::parse_permissions(permissions)?, origin })
    }

    /// Checks the permissions of a new or edited role.
    pub fn parse_permissions(permissions: &[String]) -> Result<BTreeSet<Permission>, Error> {
        if permissions.len() > ROLE_PERMISSIONS_MAX {
            return Err(Error::invalid(
                Field::Permissions,
                format!("A role has at most {ROLE_PERMISSIONS_MAX} permissions."),
            ));
        }
        let permissions: BTreeSet<_> =
            permissions.iter().map(|name| Permission::parse(name.trim())).collect::<Result<_, _>>()?;
        if permissions.contains(&Permission::ORGANIZATIONS_MANAGE) {
            return Err(Error::invalid(
                Field::Permissions,
                "The permission organizations:manage belongs to the role site_administrator alone.",
            ));
        }
        Ok(permissions)
    }

    /// Its id as one of the organization's own. Built-in roles and those of the configuration are not to be changed by people.
    pub fn own_id(&self) -> Result<OwnRoleId, Error> {
        let own = (self.origin == RoleOrigin::Organization).then(|| self.id.own()).flatten();
        own.ok_or_else(|| {
            Error::Conflict(
                match self.origin {
                    RoleOrigin::Deployment => {
                        "This role is from the server's configuration. Whoever runs the server can change it there."
                    }
                    RoleOrigin::BuiltIn | RoleOrigin::Organization => {
                        "This role is built in and never changes. Create one of your own instead."
                    }
                }
                .into(),
            )
        })
    }

    /// What holding it gives.
    pub(crate) fn add_to(&self, set: &mut PermissionSet, scopes: &BTreeSet<ResourceId>, book: &RoleBook) {
        match &self.id {
            id if *id == RoleId::ADMINISTRATOR => set.add_everything(book.permissions().cloned()),
            _ => set.add(self.permissions.iter().cloned(), scopes),
        }
    }

    /// Whether an assignment of it can be limited to resources: built-in roles are about Keystead, which is none.
    #[must_use]
    pub fn takes_scopes(&self) -> bool {
        self.origin != RoleOrigin::BuiltIn
    }
}

const BUILT_IN: [&str; 3] = ["administrator", "member", "site_administrator"];

fn built_in() -> [Role; 3] {
    let role = |id: RoleId, name: &str, description: &str, permissions: &[Permission]| Role {
        id,
        name: RoleName::from_stored(name.to_owned()),
        description: Description::from_stored(description.to_owned()),
        permissions: permissions.iter().cloned().collect(),
        origin: RoleOrigin::BuiltIn,
    };
    [
        role(
            RoleId::ADMINISTRATOR,
            "Administrator",
            "May do everything in the organization, whatever permissions there are.",
            &Permission::OF_ORGANIZATION,
        ),
        role(RoleId::MEMBER, "Member", "Makes and revokes keys of their own.", &[]),
        role(
            RoleId::SITE_ADMINISTRATOR,
            "Site administrator",
            "Makes and archives the organizations of this deployment.",
            &[Permission::ORGANIZATIONS_MANAGE],
        ),
    ]
}

/// All roles that can be assigned in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBook {
    roles: BTreeMap<RoleId, Role>,
}

impl RoleBook {
    /// The built-in roles, those of the deployment, and those that the organization made.
    #[must_use]
    pub fn new(deployment: &[Role], own: &[Role]) -> Self {
        let roles = built_in().into_iter().chain(deployment.iter().cloned()).chain(own.iter().cloned());
        Self { roles: roles.map(|role| (role.id.clone(), role)).collect() }
    }

    /// The role of an id.
    #[must_use]
    pub fn get(&self, id: &RoleId) -> Option<&Role> {
        self.roles.get(id)
    }

    /// The role of an id that a caller sent.
    pub fn find(&self, id: &RoleId) -> Result<&Role, Error> {
        self.get(id).ok_or(Error::NotFound("role"))
    }

    /// Built-in roles first, then those of the deployment, then the organization's, by name.
    #[must_use]
    pub fn list(&self) -> Vec<&Role> {
        let mut roles: Vec<&Role> = self.roles.values().collect();
        roles.sort_by_cached_key(|role| (role.origin as u8, role.name.folded()));
        roles
    }

    /// Every permission that a role names.
    pub fn permissions(&self) -> impl Iterator<Item = &Permission> {
        let own = |role: &&Role| role.origin != RoleOrigin::BuiltIn;
        self.roles.values().filter(own).flat_map(|role| &role.permissions)
    }

    /// Whether a role can be added or changed: names are unique in an organization, and all is bounded.
    pub fn check_fits(&self, changed: &Role) -> Result<(), Error> {
        let others = || self.roles.values().filter(|role| role.id != changed.id);
        if others().any(|role| role.name.folded() == changed.name.folded()) {
            return Err(Error::Conflict(format!("There is a role named {} already.", changed.name)));
        }
        if others().filter(|role| role.origin == changed.origin).count() >= ROLES_MAX {
            return Err(Error::Conflict(match changed.origin {
                RoleOrigin::Deployment => format!("A configuration has at most {ROLES_MAX} roles."),
                _ => format!("An organization has at most {ROLES_MAX} roles of its own."),
            }));
        }
        let named: BTreeSet<&Permission> =
            others().flat_map(|role| &role.permissions).chain(&changed.permissions).collect();
        if named.iter().map(|permission| permission.as_str().len() + 1).sum::<usize>() > PERMISSION_NAMES_MAX
        {
            return Err(Error::Conflict(format!(
                "The names of all permissions of the organization's roles may have {PERMISSION_NAMES_MAX} bytes together, so \
                 that they fit in a header. Use fewer or shorter ones."
            )));
        }
        Ok(())
    }
}

/// A role that a user or a group holds, everywhere or on some resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The role.
    pub role: RoleId,
    /// The resources; none is everywhere.
    pub scopes: BTreeSet<ResourceId>,
}

impl Assignment {
    /// A role, everywhere.
    #[must_use]
    pub fn everywhere(role: RoleId) -> Self {
        Self { role, scopes: BTreeSet::new() }
    }
}

/// The roles of a user or a group: each at most once, in the order of their ids. Every user in memory has one of these, mostly of
/// one role, for which a map would take ten times the room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assignments(Box<[(RoleId, BTreeSet<ResourceId>)]>);

impl Assignments {
    /// Checks what a caller sent: role ids and the resources of each. A role that is named twice is held on all the resources
    /// named.
    pub fn parse<'a>(input: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, Error> {
        let mut assignments = Vec::new();
        for (role, scopes) in input {
            let role = RoleId::parse(role)?;
            let scopes: BTreeSet<_> =
                scopes.iter().map(|id| ResourceId::parse(id)).collect::<Result<_, _>>()?;
            assignments.push(Assignment { role, scopes });
        }
        let assignments = Self::from_iter(assignments);
        if assignments.0.len() > ASSIGNMENTS_MAX {
            return Err(Error::invalid(
                Field::RoleAssignments,
                format!("At most {ASSIGNMENTS_MAX} roles can be assigned."),
            ));
        }
        if assignments.0.iter().any(|(_, scopes)| scopes.len() > SCOPES_MAX) {
            return Err(Error::invalid(
                Field::Scopes,
                format!("A role can be limited to {SCOPES_MAX} resources at most."),
            ));
        }
        Ok(assignments)
    }

    /// Whether every role exists, and takes the resources that it is limited to.
    pub fn check(&self, book: &RoleBook) -> Result<(), Error> {
        for (role, scopes) in &self.0 {
            let role = book.find(role)?;
            if !scopes.is_empty() && !role.takes_scopes() {
                return Err(Error::invalid(
                    Field::Scopes,
                    format!("The role {} cannot be limited to resources.", role.name),
                ));
            }
        }
        Ok(())
    }

    /// What holding these roles gives.
    #[must_use]
    pub fn permissions(&self, book: &RoleBook) -> PermissionSet {
        let mut set = PermissionSet::default();
        for (id, scopes) in &self.0 {
            // Limited built-in roles cannot be assigned; one that a tool wrote gives nothing.
            if let Some(role) = book.get(id).filter(|role| scopes.is_empty() || role.takes_scopes()) {
                role.add_to(&mut set, scopes, book);
            }
        }
        set.written()
    }

    /// The roles and the resources of each.
    pub fn iter(&self) -> impl Iterator<Item = (&RoleId, &BTreeSet<ResourceId>)> {
        self.0.iter().map(|(role, scopes)| (role, scopes))
    }

    /// What of these is left where no more than `bound` may be held: roles that both have, on the resources that both have.
    #[must_use]
    pub fn within(&self, bound: &Self) -> Self {
        let narrowed = |(role, scopes): (&RoleId, &BTreeSet<ResourceId>)| {
            let (_, most) = bound.iter().find(|(other, _)| *other == role)?;
            let scopes: BTreeSet<_> = match (scopes.is_empty(), most.is_empty()) {
                (_, true) => scopes.clone(),
                (true, false) => most.clone(),
                // None in common is nowhere, which an assignment without resources is not.
                (false, false) => Some(scopes & most).filter(|both| !both.is_empty())?,
            };
            Some(Assignment { role: role.clone(), scopes })
        };
        self.iter().filter_map(narrowed).collect()
    }

    /// How many roles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Assignment> for Assignments {
    /// Held everywhere is wider than any limit.
    fn from_iter<I: IntoIterator<Item = Assignment>>(assignments: I) -> Self {
        let mut all: BTreeMap<RoleId, BTreeSet<ResourceId>> = BTreeMap::new();
        for Assignment { role, scopes } in assignments {
            match all.entry(role) {
                Entry::Vacant(entry) => _ = entry.insert(scopes),
                Entry::Occupied(mut entry) if scopes.is_empty() || entry.get().is_empty() => {
                    entry.get_mut().clear();
                }
                Entry::Occupied(mut entry) => entry.get_mut().extend(scopes),
            }
        }
        Self(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
