//! The keys that sign session tokens: kept, replaced, and never half written.

use jiff::SignedDuration;
use keystead_app::SessionRefusal;
use keystead_domain::SigningRing;

use crate::impersonation::{Cast, kept};
use crate::world::World;

pub(crate) fn ids(world: &World) -> Vec<String> {
    world.app.signing_keys().into_iter().map(|key| key.id).collect()
}

pub(crate) fn published(world: &World) -> Vec<String> {
    let jwks = world.app.jwks();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_signing_keys_are_the_same_after_a_restart() {
    let cast = Cast::new().await;
    let token = cast.mint().await;
    let Cast { world, .. } = cast;
    let before = ids(&world);
    assert_eq!((before.len(), published(&world)), (2, before.clone()));
    let world = world.restarted().await;
    assert_eq!(ids(&world), before);
    assert!(world.session(&token).is_ok());
}

#[tokio::test]
async fn a_rotation_keeps_what_was_signed_and_discarding_ends_it() {
    let cast = Cast::new().await;
    let Cast { world, .. } = &cast;
    let old = cast.mint().await;
    let before = ids(world);
    let rotated = world.app.rotate_signing_keys(false).await.unwrap();
    assert_eq!(
        (&rotated[0].id, &rotated[2].id),
        (&before[1], &before[0]),
        "the next one signs, which was published before"
    );
    let new = cast.mint().await;
    assert!(world.session(&old).is_ok() && world.session(&new).is_ok());

    let discarded = world.app.rotate_signing_keys(true).await.unwrap();
    assert_eq!(discarded.len(), 2);
    assert!(
        discarded.iter().all(|key| rotated.iter().all(|old| old.id != key.id)),
        "nor does the next one stay"
    );
    for token in [&old, &new] {
        assert!(matches!(world.session(token), Err(SessionRefusal::Ended)));
    }
    let after = cast.mint().await;
    let Cast { world, .. } = cast;
    let world = world.restarted().await;
    assert!(world.session(&after).is_ok() && world.session(&new).is_err());
    assert_eq!(world.app.signing_keys(), discarded, "as they are kept");
}

#[tokio::test]
async fn the_signing_keys_are_replaced_after_30_days_and_forgotten_when_nothing_needs_them() {
    let cast = Cast::new().await;
    let Cast { world, .. } = &cast;
    let first = ids(world);
    world.clock.advance(SigningRing::ROTATE_AFTER - SignedDuration::from_mins(1));
    world.app.maintain_sessions().await.unwrap();
    assert_eq!(ids(world), first);
    let token = cast.mint().await;
    world.clock.advance(SignedDuration::from_mins(1));
    world.app.maintain_sessions().await.unwrap();
    let second = ids(world);
    assert_eq!((second.len(), &second[0], &second[2]), (3, &first[1], &first[0]));
    world.app.maintain_sessions().await.unwrap();
    assert_eq!(ids(world), second, "once");
    // Its last session's last second, on the slowest clock.
    world.clock.advance(SignedDuration::from_mins(60) - SignedDuration::from_millis(1));
    world.app.maintain_sessions().await.unwrap();
    assert!(world.session(&token).is_ok() && ids(world) == second);
    world.clock.advance(SignedDuration::from_mins(2) + SignedDuration::from_millis(1));
    world.app.maintain_sessions().await.unwrap();
    assert_eq!(ids(world), second[..2]);
    assert_eq!(published(world), second[..2]);
    let kept = cast.world.restarted().await;
    assert_eq!(ids(&kept), second[..2], "and no longer kept");
}

/// More than one batch of them.
#[tokio::test]
async fn sessions_that_ran_out_are_forgotten_all_of_them() {
    let cast = Cast::new().await;
    let Cast { world, ada, bob, .. } = &cast;
    for _ in 0..3 {
        let key = world.impersonation_key(ada, keystead_domain::Expiration::Never).await;
        for _ in 0..400 {
            world.mint(&key, bob).await.unwrap();
        }
    }
    let events = world.app.directory().sequence();
    let size = || kept(world.folder());
    assert_eq!(size().await, 1_200);
    world.app.maintain_sessions().await.unwrap();
    assert_eq!(size().await, 1_200, "none that lives");
    world.clock.advance(SignedDuration::from_hours(1));
    world.app.maintain_sessions().await.unwrap();
    assert_eq!((size().await, world.app.directory().sequence()), (0, events));
}
