//! Somebody leaves: what of theirs stops, when, and for how long.

use keystead_app::{Refusal, RequestOrigin};
use keystead_domain::{Error, Expiration, Field, KeyId, RoleId, UserId, View};

use crate::world::{Somebody, URL, World, is_forbidden, key_input, new_users, roles};

#[tokio::test]
async fn a_deactivated_users_keys_and_sessions_stop_when_the_call_returns_and_the_keys_come_back() {
    let world = World::new().await;
    let app = &world.app;
    let root = world.root().await;
    let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
    for by in [root.clone(), world.root.by_key(app).unwrap()] {
        app.set_active(&by, ada.id, false).await.unwrap();
        assert_eq!(ada.by_key(app).unwrap_err(), Refusal::CreatorInactive);
        assert_eq!(ada.works(app).await, (false, false));
        app.set_active(&by, ada.id, true).await.unwrap();
        assert_eq!(ada.works(app).await, (false, true), "sessions ended for good");
    }
    app.set_active(&root, ada.id, false).await.unwrap();
    let world = world.restarted().await;
    assert_eq!(ada.works(&world.app).await, (false, false));
}

#[tokio::test]
async fn a_deleted_users_keys_are_revoked_for_good_also_for_whoever_has_their_address_next() {
    let world = World::new().await;
    let app = &world.app;
    let root = world.root().await;
    let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
    assert_eq!(app.delete_users(&root, &[ada.id]).await, Ok(1));
    assert_eq!(ada.by_key(app).unwrap_err(), Refusal::Unknown, "revoked, not only without a creator");
    assert_eq!(ada.works(app).await, (false, false));
    let gone = |result: Result<(), Error>| assert_eq!(result, Err(Error::NotFound("user")));
    gone(app.set_active(&root, ada.id, true).await.map(drop));
    gone(app.set_role_assignments(&root, ada.id, &roles([RoleId::MEMBER])).await.map(drop));
    gone(app.delete_users(&root, &[ada.id]).await.map(drop));
    gone(app.user(&root, ada.id).await.map(drop));

    let again = world.person("ADA@example.com", roles([RoleId::MEMBER])).await;
    assert_ne!(again.id, ada.id);
    assert_eq!(ada.works(app).await, (false, false));
    let all = app.keys(&root, View::All, &keystead_domain::KeyFilter::default(), 100, None).await.unwrap();
    assert!(all.keys.iter().all(|key| key.id != ada.key));
    let world = world.restarted().await;
    assert_eq!(ada.by_key(&world.app).unwrap_err(), Refusal::Unknown);
    assert_eq!(again.works(&world.app).await, (true, true));
}

#[tokio::test]
async fn users_are_deleted_all_or_none() {
    let world = World::new().await;
    let app = &world.app;
    let other = world.organization("Second", "other@example.com").await;
    let [ada, bob] = [
        world.person("ada@example.com", roles([RoleId::MEMBER])).await,
        world.person("bob@example.com", roles([RoleId::MEMBER])).await,
    ];
    let root = world.root().await;
    for wrong in [other.id, UserId::from_u128(9), bob.id] {
        // The last is named twice: when they are deleted, they are not there any more.
        let refused = app.delete_users(&root, &[ada.id, bob.id, wrong]).await;
        assert_eq!(refused, Err(Error::NotFound("user")));
    }
    let many = vec![ada.id; 1_001];
    for ids in [&many[..], &[]] {
        assert!(matches!(
            app.delete_users(&root, ids).await,
            Err(Error::Invalid { field: Field::Users, .. })
        ));
    }
    for one in [&ada, &bob, &other] {
        assert_eq!(one.works(app).await, (true, true));
    }
}

async fn keys(world: &World, of: &Somebody, count: usize) -> Vec<(KeyId, String)> {
    let actor = of.session(&world.app).await.unwrap();
    let mut keys = Vec::new();
    for n in 0..count {
        let made =
            world.app.create_key(&actor, &key_input(&format!("key {n}"), Expiration::Never)).await.unwrap();
        keys.push((made.key.id, made.token.unwrap().expose().to_owned()));
    }
    keys
}

fn working(world: &World, keys: &[(KeyId, String)]) -> usize {
    keys.iter().filter(|(_, token)| world.app.actor_of_key(token, &RequestOrigin::default()).is_ok()).count()
}

#[tokio::test]
async fn all_keys_of_a_user_are_revoked_or_none_and_nobody_elses() {
    let world = World::new().await;
    let app = &world.app;
    let revoker = world.role("Revoker", &["keys:revoke_all"]).await;
    let reader = world.role("Reader", &["iam:read", "keys:read_all"]).await;
    let [ada, bob, rita, eve] = [
        world.person("ada@example.com", roles([RoleId::MEMBER])).await,
        world.person("bob@example.com", roles([RoleId::MEMBER])).await,
        world.person("rita@example.com", roles([revoker.id])).await,
        world.person("eve@example.com", roles([reader.id])).await,
    ];
    let other = world.organization("Second", "other@example.com").await;
    let of_ada = keys(&world, &ada, 5).await;
    let root = world.root().await;
    let session = async |one: &Somebody| one.session(app).await.unwrap();
    let mut refused = Vec::new();
    for typed in ["", "ada@example.org", "bob@example.com"] {
        let result = app.revoke_keys_of(&root, ada.id, Some(typed)).await;
        assert!(matches!(result, Err(Error::Invalid { field: Field::Confirm, .. })), "{typed}");
    }
    for actor in [session(&bob).await, session(&eve).await, session(&rita).await, session(&other).await] {
        refused.push(app.revoke_keys_of(&actor, ada.id, Some(&ada.email)).await);
    }
    assert_eq!(refused[0], Err(Error::NotFound("user")), "whoever sees nobody learns of nobody");
    assert!(is_forbidden(&refused[1]));
    assert_eq!(refused[2], Err(Error::NotFound("user")), "nor with keys:revoke_all alone");
    assert_eq!(refused[3], Err(Error::NotFound("user")));
    assert_eq!(working(&world, &of_ada), 5);

    // Their own session's first key, and these.
    let ended = app.revoke_keys_of(&root, ada.id, Some(" ADA@example.com ")).await.unwrap();
    assert_eq!((ended.len(), working(&world, &of_ada)), (6, 0));
    assert_eq!(bob.works(app).await, (true, true));
    let own = app.revoke_keys_of(&session(&bob).await, bob.id, None).await.unwrap();
    assert_eq!(own, [bob.key]);
}

#[tokio::test]
async fn several_keys_are_revoked_together_or_not_at_all() {
    let world = World::new().await;
    let app = &world.app;
    let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    let reader = world.role("Reader", &["keys:read_all"]).await;
    let eve = world.person("eve@example.com", roles([reader.id])).await;
    let other = world.organization("Second", "other@example.com").await;
    let of_ada = keys(&world, &ada, 3).await;
    let ids: Vec<KeyId> = of_ada.iter().map(|(id, _)| *id).collect();
    let with = |id: KeyId| [&ids[..], &[id]].concat();
    let (root, actor) = (world.root().await, ada.session(app).await.unwrap());
    for wrong in [bob.key, other.key, KeyId::from_u128(9), ids[0]] {
        let refused = app.revoke_keys(&actor, &with(wrong)).await;
        assert_eq!(refused.unwrap_err(), Error::NotFound("API key"));
    }
    assert_eq!(app.revoke_keys(&root, &with(other.key)).await.unwrap_err(), Error::NotFound("API key"));
    // Who sees keys and may not revoke them is told so, and their own are not revoked either.
    let reading = eve.session(app).await.unwrap();
    assert!(is_forbidden(&app.revoke_keys(&reading, &[eve.key, ids[0]]).await));
    let many = vec![ids[0]; 1_001];
    for ids in [&many[..], &[]] {
        let refused = app.revoke_keys(&root, ids).await;
        assert!(matches!(refused, Err(Error::Invalid { field: Field::Ids, .. })));
    }
    assert_eq!(working(&world, &of_ada), 3);
    assert_eq!(
        (bob.works(app).await, eve.works(app).await, other.works(app).await),
        ((true, true), (true, true), (true, true))
    );

    app.revoke_keys(&actor, &ids[..2]).await.unwrap();
    assert_eq!(working(&world, &of_ada), 1);
    app.revoke_keys(&root, &[ids[2], bob.key]).await.unwrap();
    assert_eq!((working(&world, &of_ada), bob.by_key(app).is_err()), (0, true));
}

#[tokio::test]
async fn a_role_taken_away_is_gone_from_every_key_when_the_call_returns() {
    let world = World::new().await;
    let app = &world.app;
    let root = world.root().await;
    let role = world.role("Reports", &["reports:read"]).await;
    let group = world.group_of(&root, "Readers", roles([role.id.clone()])).await;
    let ada = world.person("ada@example.com", roles([role.id.clone()])).await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    app.set_groups(&root, bob.id, &[group.id]).await.unwrap();
    let reports = crate::world::permission("reports:read");
    let may = |one: &Somebody| one.by_key(app).unwrap().user().may(&reports);
    let expect = |expected: (bool, bool)| assert_eq!((may(&ada), may(&bob)), expected);
    expect((true, true));
    app.update_role(&root, &role.id, crate::world::role_input("Reports", &["reports:list"])).await.unwrap();
    expect((false, false));
    app.update_role(&root, &role.id, crate::world::role_input("Reports", &["reports:read"])).await.unwrap();
    expect((true, true));
    let again = new_users(&["ADA@example.com"], roles([RoleId::MEMBER]));
    app.create_users(&root, again, URL).await.unwrap();
    expect((false, true));
    app.set_groups(&root, bob.id, &[]).await.unwrap();
    expect((false, false));
    app.set_groups(&root, bob.id, &[group.id]).await.unwrap();
    expect((false, true));
    app.delete_group(&root, group.id).await.unwrap();
    expect((false, false));
}

#[tokio::test]
async fn what_stops_with_somebody_is_told_before_and_to_nobody_who_may_not_see_it() {
    let world = World::new().await;
    let app = &world.app;
    let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    keys(&world, &ada, 2).await;
    ada.by_key(app).unwrap();
    app.sweep_last_used().await.unwrap();
    let user = world.user(ada.id).unwrap();
    let impact = app.key_impact(&world.root().await, &user).await.unwrap();
    assert_eq!(impact.working, 3);
    assert_eq!(impact.recently_used.iter().map(|key| key.id).collect::<Vec<_>>(), [ada.key]);
    let refused = app.key_impact(&bob.session(app).await.unwrap(), &user).await;
    assert!(is_forbidden(&refused.map(drop)));
}
