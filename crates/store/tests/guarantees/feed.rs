//! The change feed: whole, in commit order, told in time (promise 3).

use std::sync::Arc;

use futures_util::future::join_all;
use keystead_domain::{Change, RoleId};

use crate::harness::Harness;
use crate::known::Known;
use crate::people::{grant, new_key_for, own, roles};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_have_no_gaps_and_are_in_commit_order_under_50_concurrent_writers() {
    let harness = Arc::new(Harness::new().await);
    let user = Arc::new(harness.somebody().await);
    let writers = (0..50).map(|writer| {
        let (harness, user) = (Arc::clone(&harness), Arc::clone(&user));
        tokio::spawn(async move {
            for round in 0..6 {
                let key = harness.new_key(&format!("{writer} {round}"), None);
                if round % 3 == 2 {
                    // Takes a number and gives it back.
                    let mut change = harness.begin().await;
                    let grant = new_key_for(&user);
                    change.create_key(&grant, &key).await.unwrap();
                    continue;
                }
                harness.create(&user, &key).await.unwrap();
                if round % 2 == 0 {
                    assert!(harness.revoke(&own(&user), key.id).await);
                }
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let told: Vec<u64> = harness.told().iter().map(|(sequence, _)| *sequence).collect();
    // One organization and one user, then per writer four keys of which two were revoked.
    assert_eq!(told, (1..=2 + 50 * 6).collect::<Vec<_>>());
    assert_eq!(harness.number("SELECT COUNT(*) FROM changes").await, 302);
    assert_eq!(harness.number("SELECT sequence FROM feed").await, 302);
    let mut known = Known::default();
    harness.told().iter().for_each(|(_, change)| known.apply(change));
    assert_eq!(harness.load().await, (302, known), "what was told is what is stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_was_told_before_its_commit_returns() {
    let harness = Arc::new(Harness::new().await);
    let user = Arc::new(harness.somebody().await);
    let writers = (0..20).map(|_| {
        let (harness, user) = (Arc::clone(&harness), Arc::clone(&user));
        tokio::spawn(async move {
            let key = harness.key(&user, "key").await;
            let told = |wanted: fn(&Change) -> Option<&[u8; 32]>| {
                let told = harness.told();
                told.iter().any(|(_, change)| wanted(change) == Some(key.hash.as_bytes()))
            };
            assert!(told(|change| match change {
                Change::Key(key) => Some(key.hash.as_bytes()),
                _ => None,
            }));
            assert!(harness.revoke(&own(&user), key.id).await);
            assert!(told(|change| match change {
                Change::KeyRevoked(hash) => Some(hash.as_bytes()),
                _ => None,
            }));
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_change_before_it_is_on_disk_or_if_it_was_dropped() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let told = harness.told().len();
    let mut change = harness.begin().await;
    let key = harness.new_key("key", None);
    change.create_key(&new_key_for(&user), &key).await.unwrap();
    assert_eq!(harness.told().len(), told);
    drop(change);
    harness.key(&user, "other").await;
    assert_eq!(harness.told().len(), told + 1);
}

#[tokio::test]
async fn what_a_user_may_do_is_told_as_it_is_after_each_change() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let mut change = harness.begin().await;
    change.set_assignments(&grant(&user), &user.assignments, &roles([RoleId::ADMINISTRATOR])).await.unwrap();
    change.set_active(&grant(&user), false).await.unwrap();
    change.commit().await.unwrap();
    let states: Vec<_> = harness
        .told()
        .into_iter()
        .filter_map(|(_, change)| match change {
            Change::User(user) => Some((user.assignments, user.active)),
            _ => None,
        })
        .collect();
    assert_eq!(
        states,
        [
            (roles([RoleId::MEMBER]), true),
            (roles([RoleId::ADMINISTRATOR]), true),
            (roles([RoleId::ADMINISTRATOR]), false)
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_load_and_the_changes_after_its_number_make_the_present_state() {
    let harness = Arc::new(Harness::new().await);
    let user = Arc::new(harness.somebody().await);
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let (harness, user) = (Arc::clone(&harness), Arc::clone(&user));
            tokio::spawn(async move {
                for round in 0..10 {
                    let key = harness.key(&user, "key").await;
                    if round % 2 == 0 {
                        assert!(harness.revoke(&own(&user), key.id).await);
                    }
                }
            })
        })
        .collect();
    let mut loads = Vec::new();
    while writers.iter().any(|writer| !writer.is_finished()) {
        loads.push(harness.load().await);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let (_, present) = harness.load().await;
    assert_eq!(present.keys.len(), 100);
    for (loaded, mut known) in loads {
        for (_, change) in harness.told().iter().filter(|(sequence, _)| *sequence > loaded) {
            known.apply(change);
        }
        assert_eq!(known, present, "loaded at {loaded}");
    }
}

#[tokio::test]
async fn numbers_go_on_after_a_restart() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    harness.key(&user, "key").await;
    let harness = harness.reopened().await;
    harness.key(&user, "key").await;
    assert_eq!(harness.told().iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [4]);
}
