//! What a route of the authorization table names besides a key: made anew for each cell, with a name of its own.

use std::collections::BTreeSet;

use keystead_app::operator::{Answer, Command};
use keystead_app::{NewPerson, RoleInput};
use keystead_domain::{Assignment, Assignments, Description, Email, GroupName, Permission, RoleId, RoleName};

use keystead_tests::TestUser;

use crate::callers::World;

/// The route with its placeholders filled in. Whatever is made is called `Target {request}`.
pub(crate) async fn fill(world: &World, route: &str, request: &str) -> String {
    let name = format!("Target {request}");
    let mut path = route.to_owned();
    if route.ends_with("/end-sessions") {
        path = path.replace("{id}", &world.server.impersonation_key(&world.administrator, &name).await.id);
    }
    if route.ends_with("/disconnect") {
        path = path.replace("{id}", &connected_app(world).await);
    }
    if route.contains("{role}") {
        path = path.replace("{role}", &role(world, &name).await);
    }
    if route.contains("{group}") {
        path = path.replace("{group}", &group(world, &name).await);
    }
    if route.contains("{organization}") {
        path = path.replace("{organization}", &organization(world, name, route.ends_with("/restore")).await);
    }
    if route.contains("{user}") {
        path = path.replace("{user}", &user(world, route, request).await);
    }
    path.replace("{member}", &world.member.id)
}

/// A member with a key; in the state in which what the route does changes something.
async fn user(world: &World, route: &str, request: &str) -> String {
    let email = format!("target-{request}@example.com");
    let user = if route.ends_with("/invite-again") {
        let actor = world.server.actor(&world.administrator).await;
        let person = NewPerson {
            email: Email::parse(&email).unwrap(),
            name: None,
            assignments: Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]),
            groups: Vec::new(),
        };
        let invited = world.server.app.invite_user(&actor, person, &world.server.url).await.unwrap();
        TestUser { id: invited.user.id.to_string(), email }
    } else {
        world.server.member(&email).await
    };
    world.server.key(&user, "target", "30d").await;
    if route.ends_with("/reactivate") {
        world.server.deactivate(&user).await;
    }
    user.id
}

/// An app that the member has connected.
async fn connected_app(world: &World) -> String {
    world.server.connect_app(&world.member, &world.client).await;
    let member = world.server.actor(&world.member).await;
    let apps = world.server.app.connected_apps(&member).await.unwrap();
    let ids = apps.iter().map(|app| app.id);
    ids.max().unwrap().to_string()
}

async fn role(world: &World, name: &str) -> String {
    let actor = world.server.actor(&world.administrator).await;
    let input = RoleInput {
        name: RoleName::parse(name).unwrap(),
        description: Description::parse("").unwrap(),
        permissions: BTreeSet::from([Permission::parse("reports:read").unwrap()]),
    };
    world.server.app.create_role(&actor, input).await.unwrap().id.to_string()
}

/// A group with the member in it.
async fn group(world: &World, name: &str) -> String {
    let actor = world.server.actor(&world.administrator).await;
    let roles = Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]);
    let app = &world.server.app;
    let group = app.create_group(&actor, GroupName::parse(name).unwrap(), roles).await.unwrap();
    let member = Email::parse(&world.member.email).unwrap();
    app.add_group_member(&actor, group.id, &member).await.unwrap();
    group.id.to_string()
}

async fn organization(world: &World, name: String, archived: bool) -> String {
    let command = Command::OrganizationCreate { name, administrator: "charles@example.com".to_owned() };
    let Answer::Invitation { organization, .. } = world.server.operate(command).await else {
        panic!("not an organization")
    };
    if archived {
        let organization = organization.clone();
        world.server.operate(Command::OrganizationArchive { organization }).await;
    }
    organization
}
