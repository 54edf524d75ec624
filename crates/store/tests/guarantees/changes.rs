//! Every change to people and settings: one trace each, in the same transaction (promise 10), and nothing of another organization
//! is reached by any of them (promise 6).

use std::collections::BTreeMap;

use keystead_domain::audit::verify_chain;
use keystead_domain::{
    Assignments, Email, Expiration, Group, KeyPolicy, Operator, Organization, OrganizationName, OwnRoleId,
    PersonName, Role, RoleId, RoleName, User, UserAttributes,
};
use keystead_store::{LinkKind, StoreError, Transaction};

use crate::harness::{Harness, now, seconds};
use crate::people::{
    blocking, disguised, grant, in_person, limited, own, people, permissions, roles, seeing, settings,
};

/// What the changes are made to, and the organization that whoever makes them has rights in.
struct World {
    organization: Organization,
    role: (OwnRoleId, Role),
    group: Group,
    member: User,
    outsider: User,
}

async fn world(harness: &Harness, name: &str) -> World {
    let organization = harness.organization(name).await;
    let role = harness.role(&organization, "Analyst").await;
    let group = harness.group(&organization, "Readers", role.1.id.clone()).await;
    let member = harness.user(&organization, "member@example.com", role.1.id.clone()).await;
    let outsider = harness.user(&organization, "outsider@example.com", RoleId::MEMBER).await;
    harness.join(&member, &group).await;
    harness.key(&member, "a key").await;
    World { organization, role, group, member, outsider }
}

impl World {
    /// The same things, as somebody would name them who has rights in another organization only.
    fn seen_from(self, organization: &Organization) -> Self {
        Self {
            member: disguised(&self.member, organization.id),
            outsider: disguised(&self.outsider, organization.id),
            organization: organization.clone(),
            ..self
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    UpdateRole,
    DeleteRole,
    UpdateGroup,
    DeleteGroup,
    Join,
    Leave,
    SetAssignments,
    Deactivate,
    UpdateUser,
    SetAttributes,
    DeleteUser,
    RevokeAllKeys,
    Invite,
    ResetPassword,
}

impl Act {
    /// Those that name a thing which may be another organization's.
    const OF_THINGS: [Self; 14] = [
        Self::UpdateRole,
        Self::DeleteRole,
        Self::UpdateGroup,
        Self::DeleteGroup,
        Self::Join,
        Self::Leave,
        Self::SetAssignments,
        Self::Deactivate,
        Self::UpdateUser,
        Self::SetAttributes,
        Self::DeleteUser,
        Self::RevokeAllKeys,
        Self::Invite,
        Self::ResetPassword,
    ];

    fn action(self) -> &'static str {
        match self {
            Self::UpdateRole => "role.updated",
            Self::DeleteRole => "role.deleted",
            Self::UpdateGroup => "group.updated",
            Self::DeleteGroup => "group.deleted",
            Self::Join | Self::Leave => "group.members_set",
            Self::SetAssignments => "user.roles_set",
            Self::Deactivate => "user.deactivated",
            Self::UpdateUser => "user.updated",
            Self::SetAttributes => "user.attributes_set",
            Self::DeleteUser => "user.deleted",
            Self::RevokeAllKeys => "key.revoked",
            Self::Invite => "invitation.created",
            Self::ResetPassword => "password_reset.created",
        }
    }

    async fn make(self, change: &mut Transaction, world: &World) -> Result<(), StoreError> {
        let people = people(&world.organization);
        let (member, group) = (&world.member, &world.group);
        let one = grant(member);
        match self {
            Self::UpdateRole => {
                let (id, before) = &world.role;
                let name = RoleName::parse("Renamed").unwrap();
                let after = Role { name, permissions: permissions(&["other:one"]), ..before.clone() };
                change.update_role(&people, *id, before, &after).await
            }
            Self::DeleteRole => change.delete_role(&people, world.role.0, &world.role.1).await,
            Self::UpdateGroup => {
                let after = Group { assignments: roles([RoleId::MEMBER]), ..group.clone() };
                change.update_group(&people, group, &after).await
            }
            Self::DeleteGroup => change.delete_group(&people, group).await,
            Self::Join => change.set_member(&grant(&world.outsider), group, true).await,
            Self::Leave => change.set_member(&one, group, false).await,
            Self::SetAssignments => {
                let after = limited(&world.role.1.id, &["somewhere"]);
                change.set_assignments(&one, &member.assignments, &after).await
            }
            Self::Deactivate => change.set_active(&one, false).await,
            Self::UpdateUser => {
                let email = Email::parse("renamed@example.com").unwrap();
                let name = PersonName::parse("Renamed").unwrap();
                change.update_user(&one, member, &name, &email).await.map(drop)
            }
            Self::SetAttributes => {
                change.set_attributes(&one, &UserAttributes::parse([("a", "b")]).unwrap()).await
            }
            Self::DeleteUser => change.delete_user(&one, member, &one.keys()).await.map(drop),
            Self::RevokeAllKeys => change.revoke_all_keys(&own(member)).await.map(drop),
            Self::Invite => change.create_user_link(&one, LinkKind::Invitation, &[1; 32], seconds(9)).await,
            Self::ResetPassword => {
                change.create_user_link(&one, LinkKind::PasswordReset, &[2; 32], seconds(9)).await
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum New {
    Organization,
    Role,
    Group,
    User,
    Rename,
    KeyPolicy,
    EmailAccess,
    Archived,
}

impl New {
    /// Those that name nothing but the organization whose right was given.
    const ALL: [(Self, &'static str); 8] = [
        (Self::Organization, "organization.created"),
        (Self::Role, "role.created"),
        (Self::Group, "group.created"),
        (Self::User, "user.created"),
        (Self::Rename, "organization.renamed"),
        (Self::KeyPolicy, "key_policy.set"),
        (Self::EmailAccess, "email_access.set"),
        (Self::Archived, "organization.archived"),
    ];

    /// Whose log it is in.
    async fn make(self, harness: &Harness, change: &mut Transaction, world: &World) -> Organization {
        let organization = &world.organization;
        let (people, settings) = (people(organization), settings(organization));
        let name = OrganizationName::parse("New").unwrap();
        match self {
            Self::Organization => {
                let new = Organization { id: harness.id(), name, created_at: now(), archived_at: None };
                change.create_organization(&new).await.unwrap();
                return new;
            }
            Self::Role => {
                let id: OwnRoleId = harness.id();
                let name = RoleName::parse("New").unwrap();
                let role = Role { id: id.into(), name, ..world.role.1.clone() };
                change.create_role(&people, id, &role).await.unwrap();
            }
            Self::Group => {
                let name = keystead_domain::GroupName::parse("New").unwrap();
                let group = Group { id: harness.id(), name, assignments: Assignments::default() };
                change.create_group(&people, &group).await.unwrap();
            }
            Self::User => {
                let user = harness.new_user("new@example.com", RoleId::MEMBER);
                assert!(change.create_user(&people, &user).await.unwrap());
            }
            Self::Rename => change.rename_organization(&settings, organization, &name).await.unwrap(),
            Self::KeyPolicy => {
                let after = KeyPolicy { longest: Expiration::Days7, ..KeyPolicy::default() };
                change.set_key_policy(&settings, &KeyPolicy::default(), &after).await.unwrap();
            }
            Self::EmailAccess => {
                let after = blocking(&["blocked.example"]);
                change.set_email_access(&settings, &blocking(&[]), &after).await.unwrap();
            }
            Self::Archived => change.set_archived(&Operator.site(), organization.id, true).await.unwrap(),
        }
        organization.clone()
    }
}

/// All that there is, but for what a reader of the file may see of the moment: everything.
async fn everything(harness: &Harness) -> BTreeMap<String, Vec<String>> {
    harness.begin().await.commit().await.unwrap();
    harness.rows().await
}

async fn last_action(harness: &Harness, organization: &Organization) -> String {
    let log = harness.audit(organization).await;
    assert_eq!(verify_chain(log.iter().map(|(event, link)| (event, *link))), Ok(()));
    log.last().unwrap().0.action.clone()
}

#[tokio::test]
async fn every_change_of_a_thing_leaves_its_trace_and_a_dropped_one_neither_a_change_nor_a_trace() {
    for act in Act::OF_THINGS {
        let harness = Harness::new().await;
        let world = world(&harness, "One").await;
        let (before, told) = (everything(&harness).await, harness.told().len());
        let mut change = harness.begin().await;
        act.make(&mut change, &world).await.unwrap();
        drop(change);
        assert_eq!(everything(&harness).await, before, "{act:?} was dropped");
        assert_eq!(harness.told().len(), told, "{act:?} was dropped");

        let mut change = harness.begin().await;
        act.make(&mut change, &world).await.unwrap();
        change.commit().await.unwrap();
        assert_ne!(everything(&harness).await, before, "{act:?}");
        assert_eq!(last_action(&harness, &world.organization).await, act.action());
    }
}

#[tokio::test]
async fn everything_new_and_every_setting_leaves_its_trace_and_a_dropped_one_neither() {
    for (new, action) in New::ALL {
        let harness = Harness::new().await;
        let world = world(&harness, "One").await;
        let before = everything(&harness).await;
        let mut change = harness.begin().await;
        new.make(&harness, &mut change, &world).await;
        drop(change);
        assert_eq!(everything(&harness).await, before, "{new:?} was dropped");

        let mut change = harness.begin().await;
        let organization = new.make(&harness, &mut change, &world).await;
        change.commit().await.unwrap();
        assert_eq!(last_action(&harness, &organization).await, action);
    }
}

#[tokio::test]
async fn what_was_told_of_people_and_settings_is_what_is_stored() {
    let harness = Harness::new().await;
    let (one, two) = (world(&harness, "One").await, world(&harness, "Two").await);
    for act in Act::OF_THINGS {
        // Some undo what others need: those are refused.
        let mut change = harness.begin().await;
        if act.make(&mut change, &one).await.is_ok() {
            change.commit().await.unwrap();
        }
    }
    for (new, _) in New::ALL {
        let mut change = harness.begin().await;
        new.make(&harness, &mut change, &two).await;
        change.commit().await.unwrap();
    }
    let mut known = crate::known::Known::default();
    harness.told().iter().for_each(|(_, change)| known.apply(change));
    assert_eq!(harness.load().await.1, known);
}

#[tokio::test]
async fn no_right_of_one_organization_changes_anything_of_another() {
    let harness = Harness::new().await;
    let one = world(&harness, "One").await;
    let two = world(&harness, "Two").await.seen_from(&one.organization);
    let before = everything(&harness).await;
    for act in Act::OF_THINGS {
        let mut change = harness.begin().await;
        // Whatever it answers: were it to go on and commit, as far as the database lets it, nothing would have been changed.
        let done = format!("{:?}", act.make(&mut change, &two).await);
        _ = change.commit().await;
        assert!(everything(&harness).await == before, "{act:?}: {done}");
    }
}

#[tokio::test]
async fn a_group_takes_no_member_of_another_organization() {
    let harness = Harness::new().await;
    let (one, two) = (world(&harness, "One").await, world(&harness, "Two").await);
    for (user, group) in [(&two.outsider, &one.group), (&one.outsider, &two.group)] {
        for organization in [&one.organization, &two.organization] {
            let mut change = harness.begin().await;
            let member = disguised(user, organization.id);
            assert!(change.set_member(&grant(&member), group, true).await.is_err());
        }
    }
    assert_eq!(harness.number("SELECT COUNT(*) FROM user_group_members").await, 2);
}

#[tokio::test]
async fn nobody_of_another_organization_is_listed_counted_or_found() {
    let harness = Harness::new().await;
    let one = harness.organization("One").await;
    let two = world(&harness, "Two").await;
    let scope = seeing(&one);
    let filter = keystead_domain::UserFilter::default();
    assert!(harness.store.users(&scope, &filter, None, 100).await.unwrap().is_empty());
    assert_eq!(harness.store.count_users(&scope, &filter, 100).await.unwrap(), 0);
    assert!(harness.store.user_details(&scope, two.member.id).await.unwrap().is_none());
    let (members, count) = harness.store.group_members(&scope, two.group.id, 100).await.unwrap();
    assert!(members.is_empty() && count == 0);
    let disguised = in_person(&disguised(&two.member, one.id));
    assert!(harness.store.own_details(&disguised).await.unwrap().is_none());

    let scope = seeing(&two.organization);
    assert_eq!(harness.store.users(&scope, &filter, None, 100).await.unwrap().len(), 2);
    assert_eq!(harness.store.group_members(&scope, two.group.id, 100).await.unwrap().1, 1);
}
