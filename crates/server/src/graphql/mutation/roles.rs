//! Changes to roles and groups.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use keystead_app::RoleInput;
use keystead_domain::{self as domain, Description, Error, Field, GroupName, RoleName};

use crate::graphql::role::{Role, RoleAssignmentInput, UserGroup, assignments, role_id};
use crate::graphql::{caller, id_of};

#[derive(Default)]
pub(super) struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Makes a role of the organization's own: at most 100. Needs the permission `iam:write`, and every permission that the role
    /// names.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a refused `name`, `description` or permission; `CONFLICT` for a name that is
    /// taken, and for too many roles or permissions.
    #[graphql(complexity = "500 + child_complexity")]
    async fn create_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the role is to be.")] input: CreateRoleInput,
    ) -> Result<Role, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let input = role(&input.name, &input.description, &input.permissions)?;
        caller.app.create_role(&caller.actor, input).await.map(Role)
    }

    /// Replaces a role of the organization's own, for all who hold it at once. Needs the permission `iam:write`, and every
    /// permission that the role names before and after.
    ///
    /// Errors: as for `createRole`; `CONFLICT` for a role that is not the organization's own; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn update_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the role is to be.")] input: UpdateRoleInput,
    ) -> Result<Role, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let id = role_id(&input.id)?;
        let input = role(&input.name, &input.description, &input.permissions)?;
        caller.app.update_role(&caller.actor, &id, input).await.map(Role)
    }

    /// Deletes a role of the organization's own: whoever held it no longer does. Needs the permission `iam:write`, and every
    /// permission that the role names.
    ///
    /// Errors: `FORBIDDEN`; `CONFLICT` for a role that is not the organization's own; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn delete_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role's id.")] id: ID,
    ) -> Result<DeleteRolePayload, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let deleted = caller.app.delete_role(&caller.actor, &role_id(&id)?).await?;
        Ok(DeleteRolePayload { deleted_id: deleted.id.as_str().into() })
    }

    /// Makes a group: at most 500. Needs the permission `iam:write`, and all that the group's roles permit.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a refused `name` or scope; `CONFLICT` for a name that is taken, and for too many
    /// groups; `NOT_FOUND` for an unknown role.
    #[graphql(complexity = "500 + child_complexity")]
    async fn create_user_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the group is to be.")] input: CreateUserGroupInput,
    ) -> Result<UserGroup, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let (name, assignments) = (GroupName::parse(&input.name)?, assignments(&input.role_assignments)?);
        caller.app.create_group(&caller.actor, name, assignments).await.map(UserGroup::of)
    }

    /// Replaces a group's name and roles, for all of its members at once. Needs the permission `iam:write`, and all that its
    /// roles permit before and after.
    ///
    /// Errors: as for `createUserGroup`; `CONFLICT` where no active administrator would be left; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn update_user_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the group is to be.")] input: UpdateUserGroupInput,
    ) -> Result<UserGroup, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let id = id_of(&input.id, "group")?;
        let (name, assignments) = (GroupName::parse(&input.name)?, assignments(&input.role_assignments)?);
        caller.app.update_group(&caller.actor, id, name, assignments).await.map(UserGroup::of)
    }

    /// Deletes a group: its members no longer hold its roles. Needs the permission `iam:write`, and all that its roles permit.
    ///
    /// Errors: `FORBIDDEN`; `CONFLICT` where no active administrator would be left; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn delete_user_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group's id.")] id: ID,
    ) -> Result<DeleteUserGroupPayload, Error> {
        let caller = caller(context)?;
        caller.actor.manage_people()?;
        let deleted = caller.app.delete_group(&caller.actor, id_of(&id, "group")?).await?;
        Ok(DeleteUserGroupPayload { deleted_id: deleted.id.to_string().into() })
    }
}

fn role(name: &str, description: &str, permissions: &[String]) -> Result<RoleInput, Error> {
    let permissions = domain::Role::parse_permissions(permissions);
    Ok(RoleInput {
        name: RoleName::parse(name)?,
        description: Description::parse(description)?,
        permissions: permissions.map_err(|error| error.of_field(Field::Permissions))?,
    })
}

/// A role to make.
#[derive(InputObject)]
pub(crate) struct CreateRoleInput {
    /// Its name: 1 to 100 characters, unique in the organization without regard to case.
    name: String,
    /// What it is for: at most 500 characters.
    #[graphql(default)]
    description: String,
    /// What it permits: at most 50 of Keystead's permissions and of those that a product made up, such as `reports:read`: 1 to 100
    /// of the characters `a-z 0-9 _ . : -`.
    permissions: Vec<String>,
}

/// A role as it is to be.
#[derive(InputObject)]
pub(crate) struct UpdateRoleInput {
    /// The role's id.
    id: ID,
    /// Its name, as for `createRole`.
    name: String,
    /// What it is for, as for `createRole`.
    description: String,
    /// What it permits, as for `createRole`. What is not in it is taken away.
    permissions: Vec<String>,
}

/// A role that was deleted.
#[derive(SimpleObject)]
pub(crate) struct DeleteRolePayload {
    /// Its id. There is no role with this id any more.
    deleted_id: ID,
}

/// A group to make.
#[derive(InputObject)]
pub(crate) struct CreateUserGroupInput {
    /// Its name: 1 to 100 characters, unique in the organization without regard to case.
    name: String,
    /// The roles that its members inherit: at most 50.
    #[graphql(default)]
    role_assignments: Vec<RoleAssignmentInput>,
}

/// A group as it is to be.
#[derive(InputObject)]
pub(crate) struct UpdateUserGroupInput {
    /// The group's id.
    id: ID,
    /// Its name, as for `createUserGroup`.
    name: String,
    /// All roles that its members will inherit: at most 50.
    role_assignments: Vec<RoleAssignmentInput>,
}

/// A group that was deleted.
#[derive(SimpleObject)]
pub(crate) struct DeleteUserGroupPayload {
    /// Its id. There is no group with this id any more.
    deleted_id: ID,
}
