//! What an organization allows of new keys holds through every way of making one.

use keystead_app::operator::{Answer, Command};
use keystead_domain::{Error, Expiration, Field, KeyPolicy, PolicyMessage, RoleId};

use crate::world::{Somebody, World, is_forbidden, key_input, roles};

/// What the command line's word for an expiration is.
fn word(expiration: Expiration) -> String {
    match expiration {
        Expiration::Days7 => "7d",
        Expiration::Days30 => "30d",
        Expiration::Days90 => "90d",
        Expiration::Days180 => "180d",
        Expiration::Year1 => "1y",
        Expiration::Never => "never",
    }
    .to_owned()
}

/// The outcomes by a session, by a key, and by the operator.
async fn outcomes(world: &World, ada: &Somebody, expiration: Expiration) -> [Result<(), Error>; 3] {
    let input = key_input("new", expiration);
    let by_session = ada.session(&world.app).await.unwrap();
    let by_key = ada.by_key(&world.app).unwrap();
    let operated = world.app.operate(Command::KeyCreate {
        user: ada.email.clone(),
        organization: None,
        name: "new".to_owned(),
        expires: word(expiration),
    });
    let operated = match operated.await {
        Answer::Token { .. } => Ok(()),
        Answer::Refused { message, .. } => Err(Error::Conflict(message)),
        _ => panic!("another answer"),
    };
    [
        world.app.create_key(&by_session, &input).await.map(drop),
        world.app.create_key(&by_key, &input).await.map(drop),
        operated,
    ]
}

async fn under(policy: KeyPolicy) -> (World, Somebody) {
    let world = World::new().await;
    let ada = world.person("ada@example.com", roles([RoleId::MEMBER])).await;
    world.app.set_key_policy(&world.root().await, &policy).await.unwrap();
    (world, ada)
}

#[tokio::test]
async fn no_key_is_made_that_lives_longer_than_the_policy_says_by_a_session_a_key_or_the_operator() {
    let (world, ada) = under(KeyPolicy { longest: Expiration::Days90, ..KeyPolicy::default() }).await;
    for expiration in Expiration::ALL {
        let fits = [Expiration::Days7, Expiration::Days30, Expiration::Days90].contains(&expiration);
        for outcome in outcomes(&world, &ada, expiration).await {
            assert_eq!(outcome.is_ok(), fits, "{expiration:?}: {outcome:?}");
        }
    }
    let never = key_input("new", Expiration::Never);
    let refused = world.app.create_key(&ada.session(&world.app).await.unwrap(), &never).await;
    assert!(matches!(refused, Err(Error::Invalid { field: Field::Expiration, .. })));
    assert!(ada.by_key(&world.app).is_ok(), "a key that was made before stays as it is");
}

#[tokio::test]
async fn where_keys_make_no_keys_people_and_the_operator_still_do() {
    let (world, ada) = under(KeyPolicy { keys_may_create_keys: false, ..KeyPolicy::default() }).await;
    let [by_session, by_key, operated] = outcomes(&world, &ada, Expiration::Days30).await;
    assert!(by_session.is_ok() && operated.is_ok());
    assert!(is_forbidden(&by_key));
}

#[tokio::test]
async fn while_creation_is_closed_nobody_makes_a_key_and_everybody_is_told_why_until_it_opens() {
    let closed = Some(PolicyMessage::parse("We are looking into a leak.").unwrap());
    let (world, ada) = under(KeyPolicy { closed, ..KeyPolicy::default() }).await;
    let keys = world.app.directory().keys();
    for outcome in outcomes(&world, &ada, Expiration::Days7).await {
        assert!(outcome.unwrap_err().to_string().contains("We are looking into a leak."));
    }
    // An administrator is no exception.
    let root = world.root().await;
    assert!(world.app.create_key(&root, &key_input("new", Expiration::Days7)).await.is_err());
    assert_eq!(world.app.directory().keys(), keys);
    let world = world.restarted().await;
    assert!(outcomes(&world, &ada, Expiration::Days7).await.iter().all(Result::is_err));
    world.app.set_key_policy(&world.root().await, &KeyPolicy::default()).await.unwrap();
    assert!(outcomes(&world, &ada, Expiration::Never).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn the_policy_of_one_organization_is_no_others() {
    let (world, _) = under(KeyPolicy { longest: Expiration::Days7, ..KeyPolicy::default() }).await;
    let other = world.organization("Second", "other@example.com").await;
    assert!(outcomes(&world, &other, Expiration::Never).await.iter().all(Result::is_ok));
}
