//! The keys that sign, in the file beside a store of SQLite's: whatever was chosen, these tests are on SQLite. What holds of the keys of
//! nodes that share a store is in the tests of nodes.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use keystead_app::{Clock, Place, SessionRefusal};
use keystead_domain::{Error, SigningRing};
use keystead_store::OpenError;

use crate::impersonation::{Cast, deployment};
use crate::signing_ring::{ids, published};
use crate::world::{World, open_at};

fn file(world: &World) -> PathBuf {
    world.folder().join("session-signing.keys")
}

async fn refusal(folder: &Path) -> String {
    let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
    let Err(error) = open_at(Place::from(folder), &deployment(false), &clock, 3).await else {
        panic!("it must not open")
    };
    let OpenError::SigningKey { file, .. } = &error else { panic!("{error:?}") };
    assert!(file.ends_with("session-signing.keys"));
    format!("{error}: {}", error.source().unwrap())
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_of_the_signing_keys_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::on_sqlite(deployment(false)).await;
    assert_eq!(std::fs::metadata(file(&world)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_that_is_damaged_or_open_to_others_stops_the_start_and_says_what_to_do() {
    let world = World::on_sqlite(deployment(false)).await;
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
    assert!(open_at(Place::from(folder.path()), &deployment(false), &clock, 3).await.is_ok());
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
async fn a_rotation_that_cannot_be_written_changes_nothing_and_is_told() {
    let cast = Cast::in_world(World::on_sqlite(deployment(false)).await).await;
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
