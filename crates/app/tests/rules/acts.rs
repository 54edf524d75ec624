//! Everything that somebody can do to the people and settings of an organization.

use std::sync::Arc;

use keystead_app::NewPerson;
use keystead_domain::{
    Actor, Assignments, Error, Expiration, Group, GroupName, KeyPolicy, OrganizationName, Role, RoleId,
    UserAttributes,
};

use crate::world::{Somebody, URL, World, blocking, email, new_users, role_input, roles};

/// Everything that an administrator can do, by its name.
pub(crate) const ACTS: [&str; 19] = [
    "invite_user",
    "create_users",
    "update_user",
    "set_role_assignments",
    "set_groups",
    "set_user_attributes",
    "set_active",
    "delete_users",
    "create_password_link",
    "create_role",
    "update_role",
    "delete_role",
    "create_group",
    "update_group",
    "delete_group",
    "add_group_member",
    "rename_organization",
    "set_key_policy",
    "set_email_access",
];

/// What it is done to.
pub(crate) struct Things {
    pub(crate) role: Role,
    pub(crate) group: Arc<Group>,
    /// Holds the role.
    pub(crate) target: Somebody,
}

pub(crate) async fn act(world: &World, name: &str, actor: &Actor, things: &Things) -> Result<(), Error> {
    let app = &world.app;
    let Things { role, group, target } = things;
    let group_name = GroupName::parse("Another name").unwrap();
    let none = Assignments::default();
    match name {
        "invite_user" => {
            let email = email("invited@example.com");
            let person = NewPerson { email, name: None, assignments: none, groups: Vec::new() };
            app.invite_user(actor, person, URL).await.map(drop)
        }
        "create_users" => {
            app.create_users(actor, new_users(&["made@example.com"], none), URL).await.map(drop)
        }
        "update_user" => {
            let email = email("changed@example.com");
            app.update_user(actor, target.id, None, Some(email)).await.map(drop)
        }
        "set_role_assignments" => app.set_role_assignments(actor, target.id, &none).await.map(drop),
        "set_groups" => app.set_groups(actor, target.id, &[group.id]).await.map(drop),
        "set_user_attributes" => {
            let attributes = UserAttributes::parse([("a", "b")]).unwrap();
            app.set_user_attributes(actor, target.id, &attributes).await
        }
        "set_active" => app.set_active(actor, target.id, false).await.map(drop),
        "delete_users" => app.delete_users(actor, &[target.id]).await.map(drop),
        "create_password_link" => app.create_password_link(actor, target.id, URL).await.map(drop),
        "create_role" => app.create_role(actor, role_input("New", &["reports:read"])).await.map(drop),
        "update_role" => app.update_role(actor, &role.id, role_input("New", &[])).await.map(drop),
        "delete_role" => app.delete_role(actor, &role.id).await.map(drop),
        "create_group" => app.create_group(actor, group_name, none).await.map(drop),
        "update_group" => app.update_group(actor, group.id, group_name, none).await.map(drop),
        "delete_group" => app.delete_group(actor, group.id).await.map(drop),
        "add_group_member" => app.add_group_member(actor, group.id, &email(&target.email)).await.map(drop),
        "rename_organization" => {
            app.rename_organization(actor, &OrganizationName::parse("New").unwrap()).await
        }
        "set_key_policy" => {
            let policy = KeyPolicy { longest: Expiration::Days7, ..KeyPolicy::default() };
            app.set_key_policy(actor, &policy).await
        }
        "set_email_access" => app.set_email_access(actor, blocking(&["x@example.com"]), None).await,
        _ => panic!("{name}"),
    }
}

/// An administrator beside root, and things for them to change.
pub(crate) async fn administrator(world: &World) -> (Somebody, Things) {
    let role = world.role("Reports", &["reports:read"]).await;
    let group = world.group_of(&world.root().await, "Group", Assignments::default()).await;
    let target = world.person("target@example.com", roles([role.id.clone()])).await;
    let bob = world.person("bob@example.com", roles([RoleId::ADMINISTRATOR])).await;
    (bob, Things { role, group, target })
}
