//! The keys that sign session tokens: kept, replaced, and never half written.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use keystead_app::{Clock, SessionRefusal};
use keystead_domain::{Error, SigningKeyInfo, SigningRing};
use keystead_store::OpenError;
use keystead_test_hosts::is_on_postgres;

use crate::impersonation::{Cast, deployment, kept};
use crate::world::{World, open};

fn file(world: &World) -> PathBuf {
    world.folder().join("session-signing.keys")
}

/// What the file holds. Nodes that share a store have none: what holds of their keys is in the tests of nodes.
fn on_file(world: &World) -> Option<Vec<SigningKeyInfo>> {
    let text = (!is_on_postgres()).then(|| std::fs::read_to_string(file(world)).unwrap())?;
    Some(SigningRing::from_secret_text(&text).unwrap().list())
}

fn ids(world: &World) -> Vec<String> {
    world.app.signing_keys().into_iter().map(|key| key.id).collect()
}

fn published(world: &World) -> Vec<String> {
    let jwks = world.app.jwks();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn refusal(folder: &Path) -> String {
    let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
    let Err(error) = open(folder, &deployment(false), &clock, 3).await else { panic!("it must not open") };
    let OpenError::SigningKey { file, .. } = &error else { panic!("{error:?}") };
    assert!(file.ends_with("session-signing.keys"));
    format!("{error}: {}", error.source().unwrap())
}

#[tokio::test]
async fn the_signing_keys_are_the_owners_alone_and_the_same_after_a_restart() {
    let cast = Cast::new().await;
    let token = cast.mint().await;
    let Cast { world, .. } = cast;
    #[cfg(unix)]
    if !is_on_postgres() {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(file(&world)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let before = ids(&world);
    assert_eq!((before.len(), published(&world)), (2, before.clone()));
    let world = world.restarted().await;
    assert_eq!(ids(&world), before);
    assert!(world.session(&token).is_ok());
}

#[tokio::test]
async fn a_file_that_is_damaged_or_open_to_others_stops_the_start_and_says_what_to_do() {
    if is_on_postgres() {
        return;
    }
    let world = World::of(deployment(false)).await;
    let (path, folder) = (file(&world), world.folder().to_owned());
    let good = std::fs::read_to_string(&path).unwrap();
    let secret: Vec<_> = good.split('"').filter(|part| part.len() == 64).map(str::to_owned).collect();
    assert_eq!(secret.len(), 2);
    world.app.close().await.unwrap();
    let World { app, .. } = &world;
    assert_eq!(std::sync::Arc::strong_count(app), 1);
    let folder = copy(&folder);
    let path = folder.path().join(path.file_name().unwrap());
    for damaged in
        ["", "{}", &good[..good.len() / 2], &good.replace(&secret[0], &secret[0][1..]), &format!("{good}}}")]
    {
        std::fs::write(&path, damaged).unwrap();
        let said = refusal(folder.path()).await;
        assert!(said.contains("does not hold signing keys") && said.contains("Move it away"), "{said}");
        assert!(secret.iter().all(|seed| !said.contains(&seed[1..])));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged, "left as it is");
    }
    std::fs::write(&path, &good).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for mode in [0o640, 0o604, 0o622] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let said = refusal(folder.path()).await;
            assert!(
                said.contains("others than its owner can read it") && said.contains("chmod 600"),
                "{said}"
            );
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
    assert!(open(folder.path(), &deployment(false), &clock, 3).await.is_ok());
}

/// A store's files, which another process may open.
fn copy(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
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
    assert!(on_file(&world).is_none_or(|keys| keys == discarded));
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
    assert!(on_file(world).is_none_or(|keys| keys.len() == 2), "and no longer on file");
}

#[tokio::test]
async fn a_rotation_that_cannot_be_written_changes_nothing_and_is_told() {
    if is_on_postgres() {
        return;
    }
    let cast = Cast::new().await;
    let Cast { world, .. } = &cast;
    let (token, before) = (cast.mint().await, ids(world));
    let text = std::fs::read_to_string(file(world)).unwrap();
    let obstacle = world.folder().join("session-signing.keys.new");
    std::fs::create_dir(&obstacle).unwrap();
    for discard_old in [false, true] {
        assert_eq!(world.app.rotate_signing_keys(discard_old).await.err(), Some(Error::Unavailable));
    }
    world.clock.advance(SigningRing::ROTATE_AFTER);
    assert!(world.app.maintain_sessions().await.is_err());
    assert_eq!((ids(world), published(world)), (before.clone(), before.clone()));
    assert_eq!(std::fs::read_to_string(file(world)).unwrap(), text);
    assert!(world.session(&cast.mint().await).is_ok());
    assert!(matches!(world.session(&token), Err(SessionRefusal::Expired { .. })));
    std::fs::remove_dir(&obstacle).unwrap();
    world.app.maintain_sessions().await.unwrap();
    assert_eq!(ids(world)[0], before[1], "tried again");
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
