//! What ends an app's tokens, and that they have ended when the call that ends them returns (promises 1, 3 and 10).

use jiff::SignedDuration;
use keystead_app::RequestOrigin;
use keystead_domain::audit::AuditFilter;
use keystead_domain::{Error, Expiration, KeyPolicy, OauthLifetimes, Permission, RoleId};
use keystead_test_hosts::kept_bytes;

use crate::oauth::{RESOURCE, Scene, Tokens, refused_as};
use crate::world::{World, blocking, key_input, roles};

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn refresh(scene: &Scene, tokens: &Tokens) -> &'static str {
    refused_as(&scene.world.refresh(&tokens.refresh, &scene.client).await)
}

/// What ends it for good, and what does as long as it lasts.
const CAUSES: [(&str, bool); 6] = [
    ("disconnect", true),
    ("give back", true),
    ("deactivate", true),
    ("delete", true),
    ("block", false),
    ("archive", false),
];

async fn end(scene: &Scene, tokens: &Tokens, cause: &str) {
    let Scene { world, ada, client } = scene;
    let (app, root) = (&world.app, world.root().await);
    match cause {
        "disconnect" => {
            let id = world.app_of(ada).await;
            let actor = ada.session(app).await.unwrap();
            assert_eq!(app.disconnect_app(&actor, id).await.unwrap().id, id);
            assert_eq!(app.disconnect_app(&actor, id).await.unwrap_err(), Error::NotFound("connected app"));
        }
        "give back" => app.give_back(&tokens.refresh, client, &RequestOrigin::default()).await.unwrap(),
        "deactivate" => drop(app.set_active(&root, ada.id, false).await.unwrap()),
        "delete" => drop(app.delete_users(&root, &[ada.id]).await.unwrap()),
        "block" => app.set_email_access(&root, blocking(&[&ada.email]), None).await.unwrap(),
        "archive" => app.set_archived(&root, ada.organization, true).await.unwrap(),
        _ => panic!("{cause}"),
    }
}

async fn undo(
    world: &World,
    scene_user: keystead_domain::UserId,
    organization: keystead_domain::OrganizationId,
) {
    let root = world.root().await;
    _ = world.app.set_active(&root, scene_user, true).await;
    world.app.set_email_access(&root, blocking(&[]), None).await.unwrap();
    _ = world.app.set_archived(&root, organization, false).await;
}

/// Ada, in an organization of her own, where it is to be archived.
async fn scene(cause: &str) -> Scene {
    let scene = Scene::new().await;
    if cause != "archive" {
        return scene;
    }
    let ada = scene.world.organization("Second", "ada2@example.com").await;
    Scene { ada, ..scene }
}

#[tokio::test]
async fn no_token_of_an_app_counts_when_the_call_that_ends_it_has_returned_and_none_comes_back_for_good() {
    for (cause, for_good) in CAUSES {
        let scene = scene(cause).await;
        let (tokens, waiting) = (scene.connect().await, scene.allow().await);
        assert!(scene.is_accepted(&tokens), "{cause}");
        end(&scene, &tokens, cause).await;
        assert!(!scene.is_accepted(&tokens), "{cause}");
        let kept = scene.kept().await;
        assert_eq!(refresh(&scene, &tokens).await, "invalid_grant", "{cause}");
        let leaves = !["disconnect", "give back"].contains(&cause);
        assert_eq!(refused_as(&scene.world.redeem(&waiting).await) == "invalid_grant", leaves, "{cause}");
        if leaves {
            assert_eq!(scene.kept().await, kept, "{cause}: what is refused changes nothing");
        }
        let scene = scene.restarted().await;
        assert!(!scene.is_accepted(&tokens), "{cause}: after a restart");
        assert_eq!(refresh(&scene, &tokens).await, "invalid_grant", "{cause}: after a restart");
        undo(&scene.world, scene.ada.id, scene.ada.organization).await;
        assert_eq!(scene.is_accepted(&tokens), !for_good, "{cause}: when it is over");
        let expected = if for_good { "invalid_grant" } else { "accepted" };
        assert_eq!(refresh(&scene, &tokens).await, expected, "{cause}: when it is over");
    }
}

#[tokio::test]
async fn what_an_app_may_do_is_what_its_person_may_do_at_that_moment() {
    let scene = Scene::new().await;
    let Scene { world, ada, .. } = &scene;
    let tokens = scene.connect().await;
    let may = || {
        let actor = world.by_app(&tokens.access).unwrap();
        (actor.user().may(&Permission::IAM_READ), actor.people().is_ok(), actor.audit_log().is_ok())
    };
    assert_eq!(may(), (false, false, false));
    let root = world.root().await;
    world.app.set_role_assignments(&root, ada.id, &roles([RoleId::ADMINISTRATOR])).await.unwrap();
    assert_eq!(may(), (true, true, true));
    world.app.set_role_assignments(&root, ada.id, &roles([RoleId::MEMBER])).await.unwrap();
    assert_eq!(may(), (false, false, false));
}

#[tokio::test]
async fn a_refresh_token_is_replaced_and_an_old_one_ends_the_connection() {
    let scene = Scene::new().await;
    let first = scene.connect().await;
    let second = scene.world.refresh(&first.refresh, &scene.client).await.unwrap();
    assert!(first.refresh != second.refresh && first.access != second.access);
    // For some seconds a program that did not wait gets a sibling.
    let sibling = scene.world.refresh(&first.refresh, &scene.client).await.unwrap();
    assert!([&first, &second, &sibling].iter().all(|tokens| scene.is_accepted(tokens)));
    scene.world.clock.advance(OauthLifetimes::LEEWAY);
    let third = scene.world.refresh(&second.refresh, &scene.client).await.unwrap();
    let scene = scene.restarted().await;
    assert!(scene.is_accepted(&third), "it survives a restart");
    assert_eq!(refresh(&scene, &sibling).await, "invalid_grant", "one of the siblings went on");
    for tokens in [&first, &second, &third] {
        assert!(!scene.is_accepted(tokens));
        assert_eq!(refresh(&scene, tokens).await, "invalid_grant");
    }
    assert!(scene.kept().await.iter().any(|row| row.contains("refresh_token_reused")));
    let scene = scene.restarted().await;
    assert!(!scene.is_accepted(&third));
}

#[tokio::test]
async fn a_refresh_token_of_another_client_for_another_resource_or_made_up_is_refused_and_nothing_changes() {
    let scene = Scene::new().await;
    let other = scene.world.registered("Another app").await;
    let tokens = scene.connect().await;
    let app = &scene.world.app;
    let origin = RequestOrigin::default();
    let kept = scene.kept().await;
    for (token, client, resource) in [
        (&*tokens.refresh, &*other, RESOURCE),
        (&*tokens.refresh, "", RESOURCE),
        (&*tokens.refresh, &*scene.client, "https://other.example.com/mcp"),
        (&*tokens.access, &*scene.client, RESOURCE),
        (&*scene.ada.token, &*scene.client, RESOURCE),
        ("", &*scene.client, RESOURCE),
    ] {
        assert!(app.refresh(token, client, Some(resource), &origin).await.is_err());
        assert_eq!(scene.kept().await, kept, "{client} {resource}");
    }
    // Whoever gives back what is not theirs is told nothing, and ends nothing.
    for (token, client) in [(&*tokens.refresh, &*other), (&*tokens.access, &*scene.client), ("", "")] {
        app.give_back(token, client, &origin).await.unwrap();
        assert_eq!(scene.kept().await, kept);
    }
    assert_eq!(refresh(&scene, &tokens).await, "accepted");
}

#[tokio::test]
async fn an_unused_refresh_token_counts_for_30_days_and_no_token_outlives_the_90_days_of_the_connection() {
    let scene = Scene::new().await;
    let millisecond = SignedDuration::from_millis(1);
    for (late, expected) in [(-millisecond, "accepted"), (SignedDuration::ZERO, "invalid_grant")] {
        // Signed in anew: a session does not last that long.
        let ada = scene.world.person(&format!("{expected}@example.com"), roles([RoleId::MEMBER])).await;
        let tokens = scene.world.connect(&ada, &scene.client).await;
        scene.world.clock.advance(OauthLifetimes::REFRESH_TOKEN + late);
        assert_eq!(refresh(&scene, &tokens).await, expected);
        assert!(!scene.is_accepted(&tokens), "an access token lasts a quarter of an hour");
        if expected == "accepted" {
            break;
        }
    }
    let scene = Scene::new().await;
    let mut tokens = scene.connect().await;
    for _ in 0..4 {
        scene.world.clock.advance(DAY * 20);
        tokens = scene.world.refresh(&tokens.refresh, &scene.client).await.unwrap();
    }
    scene.world.clock.advance(DAY * 10 - SignedDuration::from_secs(1));
    tokens = scene.world.refresh(&tokens.refresh, &scene.client).await.unwrap();
    assert!(scene.is_accepted(&tokens));
    scene.world.clock.advance(SignedDuration::from_secs(1) - millisecond);
    assert!(scene.is_accepted(&tokens));
    scene.world.clock.advance(millisecond);
    assert!(!scene.is_accepted(&tokens), "no skew is granted to what a person allowed");
    assert_eq!(refresh(&scene, &tokens).await, "invalid_grant");
}

#[tokio::test]
async fn where_only_people_create_keys_an_app_creates_none_and_an_app_that_ended_while_it_waited_neither() {
    let scene = Scene::new().await;
    let Scene { world, ada, .. } = &scene;
    let tokens = scene.connect().await;
    let (root, input) = (world.root().await, key_input("by an app", Expiration::Days30));
    let actor = world.by_app(&tokens.access).unwrap();
    let people_only = KeyPolicy { keys_may_create_keys: false, ..KeyPolicy::default() };
    world.app.set_key_policy(&root, &people_only).await.unwrap();
    assert!(crate::world::is_forbidden(&world.app.create_key(&actor, &input).await.map(drop)));
    world.app.set_key_policy(&root, &KeyPolicy::default()).await.unwrap();
    assert!(world.app.create_key(&actor, &input).await.is_ok());

    // A future that is polled first takes the turn, and the other waits in line: that is how the order is fixed.
    let (id, person) = (world.app_of(ada).await, ada.session(&world.app).await.unwrap());
    let keys = world.app.directory().keys();
    let (ended, refused) =
        tokio::join!(world.app.disconnect_app(&person, id), world.app.create_key(&actor, &input));
    ended.unwrap();
    assert_eq!(refused.err(), Some(Error::Unauthenticated));
    assert_eq!(world.app.directory().keys(), keys);
}

#[tokio::test]
async fn what_an_app_does_is_traced_to_it_by_name_and_no_secret_is_kept_anywhere() {
    let scene = Scene::new().await;
    let Scene { world, ada, client } = &scene;
    let asked = scene.allow().await;
    let tokens = world.redeem(&asked).await.unwrap();
    let id = *world.app_of(ada).await.as_bytes();
    let actor = world.by_app(&tokens.access).unwrap();
    world.app.create_key(&actor, &key_input("by an app", Expiration::Days30)).await.unwrap();
    let next = world.refresh(&tokens.refresh, client).await.unwrap();
    end(&scene, &next, "disconnect").await;

    let root = world.root().await;
    let page = world.app.audit_events(&root, &AuditFilter::default(), 3, None).await.unwrap();
    let events: Vec<_> = page.events.iter().map(|event| (&*event.action, &*event.via)).collect();
    assert_eq!(
        events,
        [("app.disconnected", "session"), ("key.created", "connection"), ("app.connected", "session")]
    );
    let [disconnected, created, connected] = &page.events[..] else { panic!() };
    assert_eq!((created.via_id, page.names.via(created)), (Some(id), Some("An app")));
    assert_eq!((disconnected.target, connected.target), (Some(id), Some(id)));
    assert!(disconnected.details.contains(r#""why":"person""#), "{}", disconnected.details);
    for told in ["An app", "app.example.com", client] {
        assert!(connected.details.contains(told), "{}", connected.details);
    }
    let refused = world.redeem(&asked).await;
    assert_eq!(refused_as(&refused), "invalid_grant");

    let bytes = kept_bytes(world.folder()).await;
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("An app"), "the scan sees what is written");
    // What follows the prefix.
    for secret in [&*asked.code, &*tokens.refresh, &*next.refresh] {
        assert!(!holds(&secret[5..]));
    }
    for access in [&tokens.access, &next.access] {
        assert!(access.split('.').all(|part| part.len() < 60 || !holds(part)));
    }
    assert!(!holds(crate::oauth::VERIFIER));
}
