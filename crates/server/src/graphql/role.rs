//! Roles, groups and assignments in the schema.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use keystead_domain::{self as domain, Assignments, Error, Field, Group, Permission, ResourceId, RoleId};
use tokio::sync::OnceCell;

use super::caller;
use super::user::User;

/// Where a role comes from.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::RoleOrigin")]
pub(super) enum RoleOrigin {
    /// It is Keystead's, in every organization.
    BuiltIn,
    /// The deployment's configuration has it, for every organization.
    Deployment,
    /// The organization made it, and can change it.
    Organization,
}

/// A named set of permissions.
pub(super) struct Role(pub(super) domain::Role);

/// A named set of permissions, which users and groups are assigned.
#[Object]
impl Role {
    /// The role's id: `administrator`, `member`, `site_administrator`, a name from the deployment's configuration, or the id of
    /// a role that the organization made.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Its name. Unique in the organization without regard to case.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What it is for; perhaps the empty text.
    async fn description(&self) -> &str {
        self.0.description.as_str()
    }

    /// What it permits, in alphabetical order. The role `administrator` permits more than these: everything in the
    /// organization, also permissions that nobody has named yet.
    async fn permissions(&self) -> Vec<&str> {
        self.0.permissions.iter().map(Permission::as_str).collect()
    }

    /// Where it comes from. Only those of the organization can be changed here.
    async fn origin(&self) -> RoleOrigin {
        self.0.origin.into()
    }

    /// Whether an assignment of it can be limited to resources (`scopes`). Built-in roles cannot.
    async fn takes_scopes(&self) -> bool {
        self.0.takes_scopes()
    }
}

/// A role that a user or a group was assigned.
#[derive(SimpleObject)]
pub(super) struct RoleAssignment {
    /// The role's id. A role that was deleted since gives nothing.
    role_id: ID,
    /// The ids of the resources that it is limited to. Empty means everywhere.
    scopes: Vec<String>,
}

/// A role that a user holds as a member of a group.
#[derive(SimpleObject)]
pub(super) struct InheritedRoleAssignment {
    /// The role's id.
    role_id: ID,
    /// The ids of the resources that it is limited to. Empty means everywhere.
    scopes: Vec<String>,
    /// The group that it comes from.
    group: UserGroupReference,
}

/// A group that a user is a member of.
#[derive(SimpleObject)]
pub(super) struct UserGroupReference {
    /// The group's id, for `userGroup`.
    id: ID,
    /// Its name.
    name: String,
}

impl UserGroupReference {
    pub(super) fn of(group: &Group) -> Self {
        Self { id: group.id.to_string().into(), name: group.name.to_string() }
    }
}

fn texts(scopes: &BTreeSet<ResourceId>) -> Vec<String> {
    scopes.iter().map(|id| id.as_str().to_owned()).collect()
}

pub(super) fn own(assignments: &Assignments) -> Vec<RoleAssignment> {
    let one = |(role, scopes): (&RoleId, _)| RoleAssignment {
        role_id: role.as_str().into(),
        scopes: texts(scopes),
    };
    assignments.iter().map(one).collect()
}

pub(super) fn inherited(group: &Group) -> impl Iterator<Item = InheritedRoleAssignment> {
    group.assignments.iter().map(|(role, scopes)| InheritedRoleAssignment {
        role_id: role.as_str().into(),
        scopes: texts(scopes),
        group: UserGroupReference::of(group),
    })
}

/// A role to assign.
#[derive(InputObject)]
pub(super) struct RoleAssignmentInput {
    /// The role's id, as `roles` lists them.
    role_id: ID,
    /// The ids of the product's resources that it is limited to: at most 100, each of 1 to 200 bytes without blanks and
    /// commas. Empty means everywhere. Built-in roles cannot be limited.
    #[graphql(default)]
    scopes: Vec<String>,
}

/// Checks what a caller sent. What can be no role's id names none.
pub(super) fn assignments(input: &[RoleAssignmentInput]) -> Result<Assignments, Error> {
    for assignment in input {
        role_id(&assignment.role_id)?;
    }
    Assignments::parse(input.iter().map(|one| (one.role_id.as_str(), one.scopes.as_slice()))).map_err(
        |error| match &error {
            Error::Invalid { field: Field::Resource, .. } => error.of_field(Field::Scopes),
            _ => error,
        },
    )
}

pub(super) fn role_id(id: &ID) -> Result<RoleId, Error> {
    RoleId::parse(id).map_err(|_| Error::NotFound("role"))
}

/// Users who hold some roles together.
pub(super) struct UserGroup {
    group: Arc<Group>,
    /// Its members are read once, for both fields.
    members: OnceCell<(Vec<Arc<domain::User>>, u64)>,
}

impl UserGroup {
    pub(super) fn of(group: Arc<Group>) -> Self {
        Self { group, members: OnceCell::new() }
    }

    async fn read(&self, context: &Context<'_>) -> Result<&(Vec<Arc<domain::User>>, u64), Error> {
        let caller = caller(context)?;
        let read = || caller.app.group_members(&caller.actor, self.group.id);
        match self.members.get_or_try_init(read).await {
            // It was deleted while this was answered.
            Err(Error::NotFound(_)) => Ok(self.members.get_or_init(|| async { (Vec::new(), 0) }).await),
            read => read,
        }
    }
}

/// Users who hold some roles together: what the group is assigned, every member inherits.
#[Object]
impl UserGroup {
    /// The group's id.
    async fn id(&self) -> ID {
        self.group.id.to_string().into()
    }

    /// Its name. Unique in the organization without regard to case.
    async fn name(&self) -> &str {
        self.group.name.as_str()
    }

    /// The roles that its members inherit.
    async fn role_assignments(&self) -> Vec<RoleAssignment> {
        own(&self.group.assignments)
    }

    /// Its members, the first 100 of them.
    #[graphql(complexity = "20 + 100 * child_complexity")]
    async fn members(&self, context: &Context<'_>) -> Result<Vec<User>, Error> {
        Ok(self.read(context).await?.0.iter().cloned().map(User::of).collect())
    }

    /// How many members it has.
    #[graphql(complexity = 20)]
    async fn member_count(&self, context: &Context<'_>) -> Result<i32, Error> {
        Ok(i32::try_from(self.read(context).await?.1).unwrap_or(i32::MAX))
    }
}
