//! Who acts, and on what, is decided when their turn comes: not when the request arrived.

use std::sync::Arc;

use keystead_app::RequestOrigin;
use keystead_app::operator::{Answer, Command};
use keystead_domain::audit::AuditFilter;
use keystead_domain::{Assignments, Error, Expiration, KeyFilter, KeyPolicy, PolicyMessage, RoleId, View};

use crate::acts::{ACTS, act, administrator};
use crate::impersonation::Cast;
use crate::world::{URL, World, key_input, permission, roles};

/// A future that is polled first takes the turn, and the other waits in line: that is how the order is fixed.
#[tokio::test]
async fn an_administrator_who_was_demoted_while_their_request_waited_for_its_turn_changes_nothing() {
    for name in ACTS {
        let world = World::new().await;
        let (bob, things) = administrator(&world).await;
        let (root, waiting) = (world.root().await, bob.session(&world.app).await.unwrap());
        let member = roles([RoleId::MEMBER]);
        let before = events(&world).await;
        let demote = world.app.set_role_assignments(&root, bob.id, &member);
        let (demoted, refused) = tokio::join!(demote, act(&world, name, &waiting, &things));
        demoted.unwrap();
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{name}: {refused:?}");
        assert_eq!(events(&world).await, before + 1, "{name} left a trace");
    }
}

#[tokio::test]
async fn an_administrator_who_was_deactivated_or_deleted_meanwhile_is_nobody_when_their_turn_comes() {
    for deleted in [false, true] {
        for name in ACTS {
            let world = World::new().await;
            let (bob, things) = administrator(&world).await;
            let (root, waiting) = (world.root().await, bob.session(&world.app).await.unwrap());
            let end = async {
                if deleted {
                    world.app.delete_users(&root, &[bob.id]).await.map(drop)
                } else {
                    world.app.set_active(&root, bob.id, false).await.map(drop)
                }
            };
            let (ended, refused) = tokio::join!(end, act(&world, name, &waiting, &things));
            ended.unwrap();
            assert_eq!(refused, Err(Error::Unauthenticated), "{name}");
        }
    }
}

#[tokio::test]
async fn every_act_of_an_administrator_is_permitted_to_one() {
    for name in ACTS {
        let world = World::new().await;
        let (bob, things) = administrator(&world).await;
        let actor = bob.by_key(&world.app).unwrap();
        assert_eq!(act(&world, name, &actor, &things).await, Ok(()), "{name}");
    }
}

async fn events(world: &World) -> usize {
    let filter = AuditFilter::default();
    let page = world.app.audit_events(&world.root().await, &filter, 100, None).await.unwrap();
    page.events.len()
}

#[tokio::test]
async fn whoever_was_given_more_meanwhile_is_not_managed_by_somebody_who_holds_less() {
    let world = World::new().await;
    let manager = world.role("Manager", &["iam:read", "iam:write"]).await;
    let eve = world.person("eve@example.com", roles([manager.id])).await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    let (root, eve) = (world.root().await, eve.session(&world.app).await.unwrap());
    let administrator = roles([RoleId::ADMINISTRATOR]);
    let promote = world.app.set_role_assignments(&root, bob.id, &administrator);
    let (promoted, refused) = tokio::join!(promote, world.app.create_password_link(&eve, bob.id, URL));
    promoted.unwrap();
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn no_key_is_created_behind_a_policy_that_was_set_before_its_turn() {
    let closed = KeyPolicy { closed: Some(PolicyMessage::parse("Closed.").unwrap()), ..KeyPolicy::default() };
    let short = KeyPolicy { longest: Expiration::Days7, ..KeyPolicy::default() };
    let people_only = KeyPolicy { keys_may_create_keys: false, ..KeyPolicy::default() };
    for policy in [closed, short, people_only] {
        let world = World::new().await;
        let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
        let (root, ada) = (world.root().await, ada.by_key(&world.app).unwrap());
        let keys = world.app.directory().keys();
        let input = key_input("late", Expiration::Days30);
        let (set, refused) =
            tokio::join!(world.app.set_key_policy(&root, &policy), world.app.create_key(&ada, &input));
        set.unwrap();
        assert!(refused.is_err(), "{policy:?}");
        assert_eq!(world.app.directory().keys(), keys, "{policy:?}");
    }
}

#[tokio::test]
async fn no_key_is_created_for_whoever_was_deactivated_or_deleted_before_its_turn() {
    for deleted in [false, true] {
        let world = World::new().await;
        let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
        let (root, actor) = (world.root().await, ada.by_key(&world.app).unwrap());
        let input = key_input("late", Expiration::Days30);
        let end = async {
            if deleted {
                world.app.delete_users(&root, &[ada.id]).await.map(drop)
            } else {
                world.app.set_active(&root, ada.id, false).await.map(drop)
            }
        };
        let (ended, refused) = tokio::join!(end, world.app.create_key(&actor, &input));
        ended.unwrap();
        assert!(matches!(refused, Err(Error::Unauthenticated)));
        let all = world.app.keys(&root, View::All, &KeyFilter::default(), 100, None).await.unwrap();
        let of_ada = all.keys.iter().filter(|key| key.creator == ada.id).count();
        assert_eq!(of_ada, usize::from(!deleted), "a deleted user has no key that was not revoked");
    }
}

/// Which of the two is first is tried both ways, and as it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_role_that_is_deleted_200_times_while_it_is_granted_never_gives_anything_again() {
    let world = World::new().await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    let group = world.group_of(&world.root().await, "Group", Assignments::default()).await;
    world.app.set_groups(&world.root().await, bob.id, &[group.id]).await.unwrap();
    let reports = permission("reports:read");
    for round in 0..200 {
        let role = world.role("Reports", &["reports:read"]).await;
        let granted = roles([role.id.clone()]);
        let actor = world.root().await;
        let spawned = {
            let (app, actor, id) = (Arc::clone(&world.app), actor.clone(), role.id.clone());
            move || tokio::spawn(async move { app.delete_role(&actor, &id).await.map(drop) })
        };
        let grant = async {
            if round % 2 == 0 {
                world.app.set_role_assignments(&actor, bob.id, &granted).await.map(drop)
            } else {
                world.app.update_group(&actor, group.id, group.name.clone(), granted.clone()).await.map(drop)
            }
        };
        let deleted = match round % 3 {
            0 => {
                let deleting = spawned();
                _ = grant.await;
                deleting.await.unwrap()
            }
            1 => tokio::join!(world.app.delete_role(&actor, &role.id), grant).0.map(drop),
            _ => tokio::join!(grant, world.app.delete_role(&actor, &role.id)).1.map(drop),
        };
        deleted.unwrap();
        let may = |world: &World| world.user(bob.id).unwrap().may(&reports);
        assert!(!may(&world), "round {round}");
        let again = world.role("Reports", &["reports:read"]).await;
        assert!(!may(&world), "round {round}: a role of the same name is another");
        world.app.delete_role(&world.root().await, &again.id).await.unwrap();
    }
    let world = world.restarted().await;
    let bob = world.user(bob.id).unwrap();
    assert!(
        bob.assignments.is_empty() && bob.groups()[0].assignments.is_empty(),
        "nothing is left in the store"
    );
}

/// Somebody who signs in by a link while they are being deactivated has no session afterwards.
#[tokio::test]
async fn a_sign_in_that_waited_behind_a_deactivation_is_refused() {
    let world = World::new().await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    let link = Command::UserSignInLink { email: bob.email.clone(), organization: None };
    let Answer::SignInLink { code } = world.app.operate(link).await else { panic!() };
    let root = world.root().await;
    let (ended, refused) = tokio::join!(
        world.app.set_active(&root, bob.id, false),
        world.app.use_sign_in_link(&code, RequestOrigin::default())
    );
    ended.unwrap();
    assert!(refused.is_err());
    world.app.set_active(&root, bob.id, true).await.unwrap();
    assert_eq!(bob.works(&world.app).await, (false, true));
}

#[tokio::test]
async fn whoever_was_revoked_while_they_waited_for_their_turn_makes_no_key_that_would_outlive_them() {
    let cast = Cast::new().await;
    let Cast { world, bob, key, .. } = &cast;
    let app = &world.app;
    let root = world.root().await;
    let input = key_input("outlives", Expiration::Days30);

    let waiting = bob.by_key(app).unwrap();
    let (revoked, refused) =
        tokio::join!(app.revoke_key(&root, bob.key, None), app.create_key(&waiting, &input));
    revoked.unwrap();
    assert_eq!(refused.err(), Some(Error::Unauthenticated), "by a key");

    let waiting = world.session(&cast.mint().await).unwrap();
    let (ended, refused) = tokio::join!(app.end_sessions(&root, key.id), app.create_key(&waiting, &input));
    ended.unwrap();
    assert_eq!(refused.err(), Some(Error::Unauthenticated), "in a session that was ended");

    let waiting = world.session(&cast.mint().await).unwrap();
    assert!(app.create_key(&waiting, &input).await.is_ok());
    let (revoked, refused) =
        tokio::join!(app.revoke_key(&root, key.id, None), app.create_key(&waiting, &input));
    revoked.unwrap();
    assert_eq!(refused.err(), Some(Error::Unauthenticated), "in a session whose key was revoked");
}
