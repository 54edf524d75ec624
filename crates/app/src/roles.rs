//! Roles and groups of an organization.

use std::collections::BTreeSet;
use std::sync::Arc;

use keystead_domain::{
    Actor, Assignments, Description, Email, Error, Field, Group, GroupId, GroupName, OwnRoleId, Permission,
    Role, RoleId, RoleName, RoleOrigin, User, UserId,
};

use crate::App;
use crate::change::Change;
use crate::open::fault;

/// What a role of the organization's is to be.
#[derive(Debug, Clone)]
pub struct RoleInput {
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: Description,
    /// What it permits.
    pub permissions: BTreeSet<Permission>,
}

impl RoleInput {
    fn into_role(self, id: OwnRoleId) -> Role {
        let Self { name, description, permissions } = self;
        Role { id: id.into(), name, description, permissions, origin: RoleOrigin::Organization }
    }
}

impl App {
    /// Makes a role. Needs `iam:write`, and every permission that it names.
    pub async fn create_role(&self, actor: &Actor, input: RoleInput) -> Result<Role, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let id: OwnRoleId = self.next_id(self.now())?;
        let role = input.into_role(id);
        grant.check_role(&role)?;
        change.state.roles.check_fits(&role)?;
        change.transaction.create_role(&grant, id, &role).await.map_err(fault)?;
        change.commit().await?;
        Ok(role)
    }

    /// Changes a role of the organization's, for all who hold it at once. Needs every permission that it names, before and after.
    pub async fn update_role(&self, actor: &Actor, id: &RoleId, input: RoleInput) -> Result<Role, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let before = change.state.roles.find(id)?.clone();
        let own = before.own_id()?;
        let after = input.into_role(own);
        grant.check_role(&before)?;
        grant.check_role(&after)?;
        change.state.roles.check_fits(&after)?;
        change.transaction.update_role(&grant, own, &before, &after).await.map_err(fault)?;
        change.commit().await?;
        Ok(after)
    }

    /// Deletes a role of the organization's; whoever held it no longer does.
    pub async fn delete_role(&self, actor: &Actor, id: &RoleId) -> Result<Role, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let role = change.state.roles.find(id)?.clone();
        grant.check_role(&role)?;
        change.transaction.delete_role(&grant, role.own_id()?, &role).await.map_err(fault)?;
        change.commit().await?;
        Ok(role)
    }

    /// Makes a group. Needs `iam:write`, and all that its roles permit.
    pub async fn create_group(
        &self,
        actor: &Actor,
        name: GroupName,
        assignments: Assignments,
    ) -> Result<Arc<Group>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let group = Group { id: self.next_id(self.now())?, name, assignments };
        change.state.check_group_fits(group.id, &group.name)?;
        grant.check_assign(&group.assignments, &change.state.roles)?;
        change.transaction.create_group(&grant, &group).await.map_err(fault)?;
        change.commit().await?;
        Ok(Arc::new(group))
    }

    /// Changes a group's name and roles, for all of its members at once. Needs all that its roles permit, before and after.
    pub async fn update_group(
        &self,
        actor: &Actor,
        id: GroupId,
        name: GroupName,
        assignments: Assignments,
    ) -> Result<Arc<Group>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let before = Arc::clone(change.state.find_group(id)?);
        let after = Group { id, name, assignments };
        change.state.check_group_fits(id, &after.name)?;
        grant.check_member(&before, &change.state.roles)?;
        grant.check_assign(&after.assignments, &change.state.roles)?;
        change.transaction.update_group(&grant, &before, &after).await.map_err(fault)?;
        change.commit().await?;
        Ok(Arc::new(after))
    }

    /// Deletes a group; its members no longer hold its roles. Needs all that its roles permit.
    pub async fn delete_group(&self, actor: &Actor, id: GroupId) -> Result<Arc<Group>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let group = Arc::clone(change.state.find_group(id)?);
        grant.check_member(&group, &change.state.roles)?;
        change.transaction.delete_group(&grant, &group).await.map_err(fault)?;
        change.commit().await?;
        Ok(group)
    }

    /// Makes the user with an address a member of a group. Needs `iam:write`, and all that the user and the group's roles may do.
    pub async fn add_group_member(
        &self,
        actor: &Actor,
        group: GroupId,
        email: &Email,
    ) -> Result<Arc<User>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let organization = actor.manage_people()?.organization();
        let found = change.transaction.user_by_email(organization, email).await.map_err(fault)?;
        let Some(record) = found else {
            return Err(Error::invalid(
                Field::Email,
                format!("Nobody here has the address {email}. Invite them first."),
            ));
        };
        let id = record.id;
        self.write_member(change, &actor, group, id, true).await
    }

    /// Ends a user's membership of a group. Needs what [`Self::add_group_member`] needs.
    pub async fn remove_group_member(
        &self,
        actor: &Actor,
        group: GroupId,
        user: UserId,
    ) -> Result<Arc<User>, Error> {
        let (change, actor) = self.begin_as(actor).await?;
        self.write_member(change, &actor, group, user, false).await
    }

    async fn write_member(
        &self,
        mut change: Change<'_>,
        actor: &Actor,
        group: GroupId,
        user: UserId,
        member: bool,
    ) -> Result<Arc<User>, Error> {
        let grant = actor.manage_people()?;
        let group = Arc::clone(change.state.find_group(group)?);
        let user = change.user(user).await?;
        let one = grant.user(&user)?;
        grant.check_member(&group, &change.state.roles)?;
        change.transaction.set_member(&one, &group, member).await.map_err(fault)?;
        change.commit().await?;
        self.directory.user(user.id).ok_or(Error::Internal)
    }
}
