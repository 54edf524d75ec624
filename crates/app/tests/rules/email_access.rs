//! A rule of whom the organization admits is asked live: it stops people at once, and brings them back when it goes.

use keystead_app::{LinkTarget, Refusal, RequestOrigin};
use keystead_domain::{EmailAccess, RoleId, Standing};

use crate::world::{PASSWORD, URL, World, blocking, is_conflict, password, roles};

#[tokio::test]
async fn whoever_a_rule_excludes_is_stopped_when_it_returns_and_is_back_when_it_goes() {
    let world = World::new().await;
    let app = &world.app;
    let root = world.root().await;
    let ada = world.person("ada@blocked.example", roles([RoleId::MEMBER])).await;
    let bob = world.person("bob@example.com", roles([RoleId::MEMBER])).await;
    let link = app.create_password_link(&root, ada.id, URL).await.unwrap();
    app.reset_password(link.code.expose(), password(), &RequestOrigin::default()).await.unwrap();
    let cookie = app.sign_in(&ada.email, PASSWORD, RequestOrigin::default()).await.unwrap().cookie;
    let session = async || app.actor_of_session(&cookie, &RequestOrigin::default()).await.unwrap();
    let pending = app.create_password_link(&root, ada.id, URL).await.unwrap();

    let rules = EmailAccess::parse(&[], &[], &["BLOCKED.example".to_owned()], &[]).unwrap();
    assert_eq!(app.excluded_by(&root, &rules).unwrap().count, 1);
    app.set_email_access(&root, rules, Some(1)).await.unwrap();
    assert_eq!(ada.by_key(app).unwrap_err(), Refusal::CreatorInactive);
    assert!(session().await.is_none());
    assert!(app.sign_in(&ada.email, PASSWORD, RequestOrigin::default()).await.is_err());
    assert!(app.link_target(pending.code.expose()).await.is_err());
    assert_eq!(world.user(ada.id).unwrap().standing(), Standing::NotAdmitted);
    assert_eq!(bob.works(app).await, (true, true));

    app.set_email_access(&root, blocking(&[]), Some(0)).await.unwrap();
    assert!(ada.by_key(app).is_ok() && session().await.is_some(), "the session they had goes on");
    assert!(matches!(app.link_target(pending.code.expose()).await, Ok(LinkTarget::PasswordReset(_))));
    assert!(app.sign_in(&ada.email, PASSWORD, RequestOrigin::default()).await.is_ok());
}

#[tokio::test]
async fn an_allowlist_lets_nobody_else_act_and_a_restart_changes_nothing_of_it() {
    let world = World::new().await;
    let ada = world.person("ada@elsewhere.example", roles([RoleId::MEMBER])).await;
    let rules = EmailAccess::parse(&["example.com".to_owned()], &[], &[], &[]).unwrap();
    world.app.set_email_access(&world.root().await, rules, None).await.unwrap();
    assert_eq!(ada.works(&world.app).await, (false, false));
    let world = world.restarted().await;
    assert_eq!(ada.works(&world.app).await, (false, false));
    assert_eq!(world.root.works(&world.app).await, (true, true));
}

#[tokio::test]
async fn a_rule_that_excludes_the_administrator_who_saves_it_is_refused_however_it_is_written() {
    let world = World::new().await;
    let other = world.person("other@else.example", roles([RoleId::ADMINISTRATOR])).await;
    let texts = |text: &str| vec![text.to_owned()];
    for rules in [
        blocking(&["ROOT@example.com"]),
        EmailAccess::parse(&[], &[], &texts("EXAMPLE.com"), &[]).unwrap(),
        EmailAccess::parse(&texts("else.example"), &[], &[], &[]).unwrap(),
        EmailAccess::parse(&texts("*.example.com"), &[], &[], &[]).unwrap(),
        EmailAccess::parse(&[], &texts("root+plus@example.com"), &[], &[]).unwrap(),
    ] {
        for actor in [world.root().await, world.root.by_key(&world.app).unwrap()] {
            assert!(is_conflict(&world.app.set_email_access(&actor, rules.clone(), None).await), "{rules:?}");
        }
    }
    assert_eq!(world.root.works(&world.app).await, (true, true));
    // Somebody else may: they can undo it.
    let actor = other.session(&world.app).await.unwrap();
    world.app.set_email_access(&actor, blocking(&["root@example.com"]), None).await.unwrap();
    assert_eq!(world.root.works(&world.app).await, (false, false));
}

#[tokio::test]
async fn a_rule_that_would_exclude_more_than_was_confirmed_is_not_saved() {
    let world = World::new().await;
    let root = world.root().await;
    let ada = world.person("ada@blocked.example", roles([RoleId::MEMBER])).await;
    let rules = EmailAccess::parse(&[], &[], &["blocked.example".to_owned()], &[]).unwrap();
    let told = world.app.excluded_by(&root, &rules).unwrap().count;
    let late = world.person("late@blocked.example", roles([RoleId::MEMBER])).await;
    assert!(is_conflict(&world.app.set_email_access(&root, rules.clone(), Some(told)).await));
    for one in [&ada, &late] {
        assert_eq!(one.works(&world.app).await, (true, true));
    }
    world.app.set_email_access(&root, rules, Some(2)).await.unwrap();
}

#[tokio::test]
async fn the_rules_of_one_organization_are_no_others() {
    let world = World::new().await;
    let ada = world.organization("Second", "ada@example.com").await;
    let bob = world.organization("Third", "bob@blocked.example").await;
    let actor = ada.session(&world.app).await.unwrap();
    let rules = EmailAccess::parse(&[], &[], &["blocked.example".to_owned()], &[]).unwrap();
    assert_eq!(world.app.excluded_by(&actor, &rules).unwrap().count, 0);
    world.app.set_email_access(&actor, rules, None).await.unwrap();
    assert_eq!(bob.works(&world.app).await, (true, true));
}
