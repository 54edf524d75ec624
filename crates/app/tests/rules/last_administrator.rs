//! An organization keeps an active administrator, whoever takes it away from whom, by whatever way, and at whatever moment.

use std::sync::Arc;

use keystead_app::App;
use keystead_domain::{Actor, Error, GroupId, GroupName, OrganizationId, RoleId, UserId};

use crate::world::{Somebody, World, blocking, is_conflict, new_users, roles};

/// A way in which somebody stops being an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Demote,
    Deactivate,
    Delete,
    LeaveGroup,
    GroupsRoles,
    DeleteGroup,
    EmailRule,
}

/// Whom it is done to, with the group that makes them an administrator, if it is one.
#[derive(Debug, Clone)]
struct Target {
    id: UserId,
    email: String,
    group: Option<GroupId>,
}

impl Way {
    const BY_ROLE: [Self; 4] = [Self::Demote, Self::Deactivate, Self::Delete, Self::EmailRule];
    const BY_GROUP: [Self; 3] = [Self::LeaveGroup, Self::GroupsRoles, Self::DeleteGroup];

    async fn done_to(self, app: &App, actor: &Actor, target: &Target) -> Result<(), Error> {
        let member = roles([RoleId::MEMBER]);
        match self {
            Self::Demote => app.set_role_assignments(actor, target.id, &member).await.map(drop),
            Self::Deactivate => app.set_active(actor, target.id, false).await.map(drop),
            Self::Delete => app.delete_users(actor, &[target.id]).await.map(drop),
            Self::EmailRule => app.set_email_access(actor, blocking(&[&target.email]), None).await,
            Self::LeaveGroup => app.set_groups(actor, target.id, &[]).await.map(drop),
            Self::GroupsRoles => {
                let group = target.group.unwrap();
                let name = GroupName::parse(&group.to_string()).unwrap();
                app.update_group(actor, group, name, member).await.map(drop)
            }
            Self::DeleteGroup => app.delete_group(actor, target.group.unwrap()).await.map(drop),
        }
    }
}

/// An organization of two administrators, by a role or each by a group of their own.
struct Two {
    world: World,
    organization: OrganizationId,
    people: [Somebody; 2],
}

async fn two() -> Two {
    let world = World::new().await;
    let ada = world.organization("Second", "ada@example.com").await;
    let by = ada.session(&world.app).await.unwrap();
    let bob = world.person_of(&by, "bob@example.com", roles([RoleId::ADMINISTRATOR])).await;
    Two { organization: ada.organization, people: [ada, bob], world }
}

impl Two {
    async fn actors(&self) -> [Actor; 2] {
        let app = &self.world.app;
        let [ada, bob] = &self.people;
        [ada.session(app).await.unwrap(), bob.session(app).await.unwrap()]
    }

    fn targets(&self, groups: [Option<GroupId>; 2]) -> [Target; 2] {
        let target = |at: usize| Target {
            id: self.people[at].id,
            email: self.people[at].email.clone(),
            group: groups[at],
        };
        [target(0), target(1)]
    }

    /// Each is an administrator by a group of their own, and by no role.
    async fn by_groups(&self) -> [Option<GroupId>; 2] {
        let app = &self.world.app;
        let actors = self.actors().await;
        let mut groups = [None; 2];
        for at in [0, 1] {
            let name = GroupName::parse(&format!("Of {at}, {}", app.now())).unwrap();
            let group = app.create_group(&actors[at], name, roles([RoleId::ADMINISTRATOR])).await.unwrap();
            app.set_groups(&actors[at], self.people[at].id, &[group.id]).await.unwrap();
            groups[at] = Some(group.id);
        }
        for somebody in &self.people {
            app.set_role_assignments(&actors[0], somebody.id, &roles([RoleId::MEMBER])).await.unwrap();
        }
        groups
    }

    /// Whoever is left brings the other back, to be an administrator as before.
    async fn restore(&mut self, way: Way, groups: [Option<GroupId>; 2]) {
        let app = Arc::clone(&self.world.app);
        let left = self
            .people
            .iter()
            .position(|one| app.directory().user(one.id).is_some_and(|u| u.is_administrator()));
        let (left, gone) = (left.unwrap(), 1 - left.unwrap());
        let actor = self.people[left].session(&app).await.unwrap();
        let other = &self.people[gone];
        let administrator = roles([RoleId::ADMINISTRATOR]);
        match way {
            Way::Demote => {
                app.set_role_assignments(&actor, other.id, &administrator).await.unwrap();
            }
            Way::EmailRule => app.set_email_access(&actor, blocking(&[]), None).await.unwrap(),
            Way::LeaveGroup => {
                app.set_groups(&actor, other.id, &[groups[gone].unwrap()]).await.unwrap();
            }
            Way::GroupsRoles => {
                let group = groups[gone].unwrap();
                let name = GroupName::parse(&group.to_string()).unwrap();
                app.update_group(&actor, group, name, administrator).await.unwrap();
            }
            // Their sessions ended, or they are somebody new.
            Way::Deactivate | Way::Delete => {
                if way == Way::Deactivate {
                    app.set_active(&actor, other.id, true).await.unwrap();
                }
                let email = other.email.clone();
                self.people[gone] = self.world.person_of(&actor, &email, administrator).await;
            }
            Way::DeleteGroup => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_administrators_who_demote_deactivate_delete_or_block_each_other_200_times_one_remains() {
    for way in Way::BY_ROLE {
        let mut two = two().await;
        for round in 0..200 {
            at_once(&two, way, [None; 2], round).await;
            two.restore(way, [None; 2]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_administrators_by_group_who_take_the_group_from_each_other_200_times_one_remains() {
    for way in Way::BY_GROUP {
        let mut two = two().await;
        let mut groups = two.by_groups().await;
        for round in 0..200 {
            at_once(&two, way, groups, round).await;
            if way == Way::DeleteGroup {
                // The other group is gone: both begin anew.
                let app = &two.world.app;
                let left =
                    two.people.iter().find(|one| app.directory().user(one.id).unwrap().is_administrator());
                let left = left.unwrap().session(app).await.unwrap();
                for one in &two.people {
                    app.set_role_assignments(&left, one.id, &roles([RoleId::ADMINISTRATOR])).await.unwrap();
                }
                two.world.clock.advance(jiff::SignedDuration::from_secs(1));
                for group in groups.into_iter().flatten() {
                    _ = app.delete_group(&left, group).await;
                }
                groups = two.by_groups().await;
            } else {
                two.restore(way, groups).await;
            }
        }
    }
}

async fn at_once(two: &Two, way: Way, groups: [Option<GroupId>; 2], round: usize) {
    let [ada, bob] = two.actors().await;
    let [to_ada, to_bob] = two.targets(groups);
    assert_eq!(two.world.administrators(two.organization), 2, "{way:?}, round {round}");
    let spawn = |actor: Actor, target: Target| {
        let app = Arc::clone(&two.world.app);
        tokio::spawn(async move { way.done_to(&app, &actor, &target).await })
    };
    let (first, second) = (spawn(ada, to_bob), spawn(bob, to_ada));
    let outcomes = [first.await.unwrap(), second.await.unwrap()];
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(
        (done, two.world.administrators(two.organization)),
        (1, 1),
        "{way:?}, round {round}: {outcomes:?}"
    );
}

/// The guard on the commit by itself: here the one who acts is who they were.
#[tokio::test]
async fn the_last_administrator_cannot_stop_being_one_in_any_way() {
    for way in Way::BY_ROLE.into_iter().chain(Way::BY_GROUP) {
        let two = two().await;
        let by_group = Way::BY_GROUP.contains(&way);
        let groups = if by_group { two.by_groups().await } else { [None; 2] };
        let [ada, _] = two.actors().await;
        let app = &two.world.app;
        // Somebody who is there but may not act is no administrator.
        app.set_active(&ada, two.people[1].id, false).await.unwrap();
        let [to_ada, _] = two.targets(groups);
        let refused = way.done_to(app, &ada, &to_ada).await;
        assert!(is_conflict(&refused), "{way:?}: {refused:?}");
        assert_eq!(two.world.administrators(two.organization), 1, "{way:?}");
        assert!(two.people[0].session(app).await.unwrap().user().is_administrator(), "{way:?}");
    }
}

#[tokio::test]
async fn whoever_may_only_change_settings_cannot_lock_the_last_administrator_out() {
    let world = World::new().await;
    let settings = world.role("Settings", &["settings:write"]).await;
    let sam = world.person("sam@example.com", roles([settings.id])).await;
    let actor = sam.session(&world.app).await.unwrap();
    let refused = world.app.set_email_access(&actor, blocking(&["root@example.com"]), None).await;
    assert!(is_conflict(&refused), "{refused:?}");
    assert_eq!(world.root.works(&world.app).await, (true, true));
}

#[tokio::test]
async fn creating_users_does_not_take_the_last_administrators_role() {
    let world = World::new().await;
    let root = world.root().await;
    let users = new_users(&["new@example.com", "ROOT@example.com"], roles([RoleId::MEMBER]));
    let refused = world.app.create_users(&root, users, crate::world::URL).await;
    assert!(is_conflict(&refused), "{refused:?}");
    assert_eq!((world.count().await, world.administrators(world.root.organization)), (1, 1));
}
