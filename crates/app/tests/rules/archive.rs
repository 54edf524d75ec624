//! An archived organization refuses everything, at once, and comes back as it was.

use keystead_app::operator::{Answer, Command};
use keystead_app::{Acceptance, NewPerson, Refusal, RequestOrigin};
use keystead_domain::{Assignments, Error, Expiration, OrganizationId, RoleId};

use crate::world::{
    PASSWORD, URL, World, blocking, email, is_conflict, is_forbidden, key_input, password, person_name, roles,
};

#[tokio::test]
async fn an_archived_organization_refuses_everything_when_the_call_returns_and_comes_back() {
    let world = World::new().await;
    let app = &world.app;
    let root = world.root().await;
    let ada = world.organization("Second", "ada@example.com").await;
    let actor = ada.session(app).await.unwrap();
    let link = Command::UserSignInLink { email: ada.email.clone(), organization: None };
    let Answer::SignInLink { code } = app.operate(link).await else { panic!("no link") };
    let invited = NewPerson {
        email: email("new@example.com"),
        name: None,
        assignments: Assignments::default(),
        groups: Vec::new(),
    };
    let invitation = app.invite_user(&actor, invited, URL).await.unwrap();
    let accept = async || {
        let acceptance = Acceptance {
            email: "new@example.com".to_owned(),
            name: person_name("New"),
            password: password(),
        };
        app.accept_invitation(invitation.code.expose(), acceptance, RequestOrigin::default()).await.map(drop)
    };
    let sign_in = async || app.sign_in(&ada.email, PASSWORD, RequestOrigin::default()).await.map(drop);

    app.set_archived(&root, ada.organization, true).await.unwrap();
    assert_eq!(ada.by_key(app).unwrap_err(), Refusal::CreatorInactive);
    assert!(ada.session(app).await.is_none());
    assert!(sign_in().await.is_err() && accept().await.is_err());
    assert!(app.use_sign_in_link(&code, RequestOrigin::default()).await.is_err());
    // A request that was let in before changes nothing any more.
    let late = app.set_email_access(&actor, blocking(&[]), None).await;
    assert_eq!(late, Err(Error::Unauthenticated));
    assert!(app.create_key(&actor, &key_input("late", Expiration::Days7)).await.is_err());
    let made = app.operate(Command::KeyCreate {
        user: ada.email.clone(),
        organization: None,
        name: "late".to_owned(),
        expires: "7d".to_owned(),
    });
    assert!(matches!(made.await, Answer::Refused { .. }));
    assert_eq!(world.root.works(app).await, (true, true), "nobody else notices");

    app.set_archived(&root, ada.organization, false).await.unwrap();
    assert_eq!(ada.works(app).await, (true, true));
    assert!(sign_in().await.is_ok() && accept().await.is_ok());
    assert!(app.use_sign_in_link(&code, RequestOrigin::default()).await.is_ok(), "a refusal used nothing up");
}

#[tokio::test]
async fn an_archived_organization_stays_so_over_a_restart() {
    let world = World::new().await;
    let ada = world.organization("Second", "ada@example.com").await;
    world.app.set_archived(&world.root().await, ada.organization, true).await.unwrap();
    let world = world.restarted().await;
    assert_eq!(ada.works(&world.app).await, (false, false));
    world.app.set_archived(&world.root().await, ada.organization, false).await.unwrap();
    assert_eq!(ada.works(&world.app).await, (true, true));
}

#[tokio::test]
async fn an_organization_whose_form_is_sent_twice_is_made_once() {
    let world = World::new().await;
    let (app, root) = (&world.app, world.root().await);
    let id = app.new_organization_id().unwrap();
    let name = || keystead_domain::OrganizationName::parse("Second").unwrap();
    let first = app.create_organization(&root, id, name(), email("ada@example.com"), URL).await;
    assert_eq!(first.unwrap().user.organization, id);
    let again = app.create_organization(&root, id, name(), email("eve@example.com"), URL).await;
    assert!(is_conflict(&again.map(drop)));
    let own =
        app.create_organization(&root, world.root.organization, name(), email("eve@example.com"), URL).await;
    assert!(is_conflict(&own.map(drop)), "nor is one that exists taken over");
    assert_eq!(app.organizations(&root).unwrap().len(), 2);
}

#[tokio::test]
async fn only_a_site_administrator_makes_lists_and_archives_organizations_and_never_their_own() {
    let world = World::new().await;
    let app = &world.app;
    let ada = world.organization("Second", "ada@example.com").await;
    let administrator = world.person("bob@example.com", roles([RoleId::ADMINISTRATOR])).await;
    for somebody in [&ada, &administrator] {
        let actor = somebody.session(app).await.unwrap();
        let name = keystead_domain::OrganizationName::parse("Third").unwrap();
        let made = app
            .create_organization(
                &actor,
                app.new_organization_id().unwrap(),
                name,
                email("x@example.com"),
                URL,
            )
            .await;
        assert!(is_forbidden(&made.map(drop)) && is_forbidden(&app.organizations(&actor)));
        for (organization, archived) in
            [(ada.organization, true), (ada.organization, false), (world.root.organization, true)]
        {
            assert!(is_forbidden(&app.set_archived(&actor, organization, archived).await));
        }
    }
    let root = world.root().await;
    assert_eq!(app.organizations(&root).unwrap().len(), 2);
    assert!(is_conflict(&app.set_archived(&root, world.root.organization, true).await));
    let nowhere = app.set_archived(&root, OrganizationId::from_u128(9), true).await;
    assert_eq!(nowhere, Err(Error::NotFound("organization")));
    assert_eq!(world.root.works(app).await, (true, true));
}
