//! What ends a session, and that it has ended when the call that ends it returns (promises 3 and 7).

use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_app::{Deployment, SessionRefusal};
use keystead_domain::{Error, Expiration, RoleId, UserAttributes};

use crate::acts::{ACTS, act, administrator};
use crate::impersonation::{Cast, Impersonating, deployment};
use crate::world::{World, blocking, role_input, roles};

/// What ends a session by its key or the key's creator, or by its user.
const OF_THE_KEY: [&str; 13] = [
    "revoke_key",
    "revoke_key by an administrator",
    "revoke_keys",
    "revoke_keys_of",
    "the operator revokes the key",
    "deactivate the creator",
    "the operator deactivates the creator",
    "delete the creator",
    "take the creator's role",
    "take the role's permission",
    "delete the role",
    "block the creator",
    "set the creator's roles by hand",
];
const OF_THE_USER: [&str; 3] = ["deactivate the user", "delete the user", "block the user"];

async fn end(cast: &Cast, cause: &str) {
    let Cast { world, ada, key, bob } = cast;
    let (app, root) = (&world.app, world.root().await);
    let of_ada = ada.session(app).await.unwrap();
    let role = ada.by_key(app).unwrap().user().assignments.iter().next().unwrap().0.clone();
    match cause {
        "revoke_key" => drop(app.revoke_key(&of_ada, key.id, Some("embed")).await.unwrap()),
        "revoke_key by an administrator" => drop(app.revoke_key(&root, key.id, None).await.unwrap()),
        "revoke_keys" => drop(app.revoke_keys(&of_ada, &[ada.key, key.id]).await.unwrap()),
        "revoke_keys_of" => drop(app.revoke_keys_of(&root, ada.id, None).await.unwrap()),
        "the operator revokes the key" => {
            drop(app.operate(Command::KeyRevoke { id: key.id.to_string() }).await);
        }
        "deactivate the creator" => drop(app.set_active(&root, ada.id, false).await.unwrap()),
        "the operator deactivates the creator" => {
            let command = Command::UserDeactivate { email: ada.email.clone(), organization: None };
            drop(app.operate(command).await);
        }
        "delete the creator" => drop(app.delete_users(&root, &[ada.id]).await.unwrap()),
        "take the creator's role" => {
            drop(app.set_role_assignments(&root, ada.id, &roles([RoleId::MEMBER])).await.unwrap());
        }
        "set the creator's roles by hand" => {
            let roles = vec!["member".to_owned()];
            drop(
                app.operate(Command::UserSetRoles { email: ada.email.clone(), organization: None, roles })
                    .await,
            );
        }
        "take the role's permission" => {
            drop(app.update_role(&root, &role, role_input("Embeds", &["reports:read"])).await.unwrap());
        }
        "delete the role" => drop(app.delete_role(&root, &role).await.unwrap()),
        "block the creator" => {
            app.set_email_access(&root, blocking(&["ada@example.com"]), None).await.unwrap();
        }
        "deactivate the user" => drop(app.set_active(&root, bob.id, false).await.unwrap()),
        "delete the user" => drop(app.delete_users(&root, &[bob.id]).await.unwrap()),
        "block the user" => app.set_email_access(&root, blocking(&["bob@example.com"]), None).await.unwrap(),
        _ => panic!("{cause}"),
    }
}

fn ended(world: &World, token: &str) -> bool {
    matches!(world.session(token), Err(SessionRefusal::Ended))
}

#[tokio::test]
async fn a_session_ends_with_its_key_its_creators_permission_and_its_user_when_the_call_returns() {
    for cause in OF_THE_KEY.iter().chain(&OF_THE_USER) {
        let cast = Cast::new().await;
        let token = cast.mint().await;
        let own = cast.world.mint(&cast.key, &cast.world.root).await.unwrap();
        assert!(cast.world.session(&token).is_ok() && cast.world.session(&own).is_ok(), "{cause}");
        end(&cast, cause).await;
        assert!(ended(&cast.world, &token), "{cause}");
        let of_the_key = OF_THE_KEY.contains(cause);
        assert_eq!(ended(&cast.world, &own), of_the_key, "{cause}: of another user");
        let again = cast.world.mint(&cast.key, &cast.world.root).await;
        assert_eq!(again.err() == Some(Error::Unauthenticated), of_the_key, "{cause}: no other is minted");

        let Cast { world, .. } = cast;
        let world = world.restarted().await;
        assert!(ended(&world, &token), "{cause}: after a restart");
    }
}

#[tokio::test]
async fn ended_sessions_are_those_minted_before_and_the_key_goes_on() {
    let cast = Cast::new().await;
    let Cast { world, ada, key, bob } = &cast;
    let other = world.impersonation_key(ada, Expiration::Never).await;
    let (before, of_other) = (cast.mint().await, world.mint(&other, bob).await.unwrap());
    for by in [ada.session(&world.app).await.unwrap(), world.root().await, ada.by_key(&world.app).unwrap()] {
        let token = cast.mint().await;
        assert!(world.session(&token).is_ok());
        world.app.end_sessions(&by, key.id).await.unwrap();
        assert!(ended(world, &token) && ended(world, &before));
    }
    let after = cast.mint().await;
    assert!(world.session(&after).is_ok() && world.session(&of_other).is_ok());
    let Cast { world, .. } = cast;
    let world = world.restarted().await;
    assert!(world.session(&after).is_ok() && world.session(&of_other).is_ok());
    assert!(ended(&world, &before), "for good");
}

#[tokio::test]
async fn a_session_ends_when_its_time_or_its_keys_has_come() {
    let cast = Cast::new().await;
    let Cast { world, ada, bob, .. } = &cast;
    let week = world.impersonation_key(ada, Expiration::Days7).await;
    let token = cast.mint().await;
    world.clock.advance(SignedDuration::from_mins(61) - SignedDuration::from_millis(1));
    assert!(world.session(&token).is_ok(), "60 s of skew");
    world.clock.advance(SignedDuration::from_millis(1));
    assert!(matches!(world.session(&token), Err(SessionRefusal::Expired { .. })));

    world.clock.advance(SignedDuration::from_hours(24 * 7 - 1) - SignedDuration::from_mins(2));
    let token = world.mint(&week, bob).await.unwrap();
    assert!(world.session(&token).is_ok());
    world.clock.advance(SignedDuration::from_mins(1));
    assert!(ended(world, &token), "the key expired, and no skew is granted to keys");
    // Ada's console session has run out by now, and takes nothing with it.
    assert!(ada.session(&world.app).await.is_none());
}

#[tokio::test]
async fn all_sessions_end_with_the_deployments_consent_and_its_address() {
    let cast = Cast::new().await;
    let token = cast.mint().await;
    let Cast { world, key, bob, .. } = cast;
    let world = world.restarted_as(Deployment { impersonation: false, ..deployment(false) }).await;
    assert!(ended(&world, &token));
    assert_eq!(world.mint(&key, &bob).await.err(), Some(Error::Unauthenticated));
    let mut moved = deployment(false);
    moved.sessions.issuer = "https://elsewhere.example.com".to_owned();
    let world = world.restarted_as(moved).await;
    assert!(ended(&world, &token));
    let world = world.restarted_as(deployment(false)).await;
    assert!(world.session(&token).is_ok());
}

#[tokio::test]
async fn a_session_ends_with_its_organization() {
    let world = World::of(deployment(false)).await;
    let other = world.organization("Second", "other@example.com").await;
    let key = world.impersonation_key(&other, Expiration::Never).await;
    let token = world.mint(&key, &other).await.unwrap();
    assert!(world.session(&token).is_ok());
    world.app.set_archived(&world.root().await, other.organization, true).await.unwrap();
    assert!(ended(&world, &token));
    assert_eq!(world.mint(&key, &other).await.err(), Some(Error::Unauthenticated));
}

#[tokio::test]
async fn a_node_that_may_have_missed_something_accepts_no_session_and_mints_none() {
    let cast = Cast::new().await;
    let token = cast.mint().await;
    let Cast { world, key, bob, .. } = &cast;
    world.app.directory().suspend();
    assert!(matches!(world.session(&token), Err(SessionRefusal::Unavailable)));
    assert_eq!(world.mint(key, bob).await.err(), Some(Error::Unavailable));
}

#[tokio::test]
async fn what_the_user_may_do_in_a_session_is_what_they_may_do_at_that_moment() {
    let cast = Cast::new().await;
    let Cast { world, bob, .. } = &cast;
    let reports = crate::world::permission("reports:read");
    let role = world.role("Reports", &["reports:read", "keys:read_all"]).await;
    let token = cast.mint().await;
    let may = || world.session(&token).unwrap().user().may(&reports);
    assert!(!may());
    let root = world.root().await;
    world.app.set_role_assignments(&root, bob.id, &roles([role.id.clone()])).await.unwrap();
    assert!(may() && world.session(&token).unwrap().keys(keystead_domain::View::All).is_err());
    world.app.delete_role(&root, &role.id).await.unwrap();
    assert!(!may());
    // The attributes are the token's: what is stored since is for the next session.
    let attributes = UserAttributes::parse([("team", "blue")]).unwrap();
    world.app.set_user_attributes(&root, bob.id, &attributes).await.unwrap();
    let told = |token: &str| world.session(token).unwrap().session_attributes().unwrap().iter().count();
    assert_eq!((told(&token), told(&cast.mint().await)), (0, 1));
}

/// An administrator's session, in a deployment that leaves administration on.
async fn administration() -> (World, Impersonating, crate::world::Somebody, crate::acts::Things) {
    let world = World::of(deployment(true)).await;
    let (bob, things) = administrator(&world).await;
    let creator = world.person("creator@example.com", roles([RoleId::ADMINISTRATOR])).await;
    let key = world.impersonation_key(&creator, Expiration::Never).await;
    (world, key, bob, things)
}

/// A future that is polled first takes the turn, and the other waits in line: that is how the order is fixed.
#[tokio::test]
async fn a_session_that_ended_while_its_request_waited_for_its_turn_changes_nothing() {
    let causes =
        ["revoke", "end its sessions", "deactivate the creator", "demote the creator", "deactivate the user"];
    for (at, name) in ACTS.into_iter().enumerate() {
        // Each act with one of the causes; all causes over all acts.
        let cause = causes[at % causes.len()];
        let (world, key, bob, things) = administration().await;
        let waiting = world.session(&world.mint(&key, &bob).await.unwrap()).unwrap();
        let root = world.root().await;
        let (app, creator) = (&world.app, app_creator(&world, &key).await);
        let end = async {
            match cause {
                "revoke" => app.revoke_key(&root, key.id, None).await.map(drop),
                "end its sessions" => app.end_sessions(&root, key.id).await.map(drop),
                "deactivate the creator" => app.set_active(&root, creator, false).await.map(drop),
                "demote the creator" => {
                    app.set_role_assignments(&root, creator, &roles([RoleId::MEMBER])).await.map(drop)
                }
                _ => app.set_active(&root, bob.id, false).await.map(drop),
            }
        };
        let (done, refused) = tokio::join!(end, act(&world, name, &waiting, &things));
        done.unwrap();
        assert_eq!(refused, Err(Error::Unauthenticated), "{name}: {cause}");
    }
}

async fn app_creator(world: &World, key: &Impersonating) -> keystead_domain::UserId {
    world.app.key(&world.root().await, key.id).await.unwrap().creator
}

#[tokio::test]
async fn an_administrators_session_does_what_its_user_and_its_creator_may_and_leaves_both_names() {
    for name in ACTS {
        let (world, key, bob, things) = administration().await;
        let actor = world.session(&world.mint(&key, &bob).await.unwrap()).unwrap();
        assert_eq!(act(&world, name, &actor, &things).await, Ok(()), "{name}");
        let (_, via, via_id) = &world.events().await[0];
        assert_eq!((&**via, via_id), ("impersonation", &Some(*key.id.as_bytes())), "{name}");
    }
    // Off, none of it is done.
    for name in ACTS {
        let world = World::of(deployment(false)).await;
        let (bob, things) = administrator(&world).await;
        let key = world.impersonation_key(&world.root, Expiration::Never).await;
        let actor = world.session(&world.mint(&key, &bob).await.unwrap()).unwrap();
        let before = world.events().await.len();
        assert!(matches!(act(&world, name, &actor, &things).await, Err(Error::Forbidden(_))), "{name}");
        assert_eq!(world.events().await.len(), before, "{name}");
    }
}
