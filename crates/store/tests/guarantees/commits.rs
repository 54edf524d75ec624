//! Shared commits, and readers beside them.

use std::time::Duration;

use futures_util::future::{join, join_all};
use keystead_domain::{KeyFilter, PageRequest};

use crate::harness::{Harness, now};
use crate::people::{new_key_for, own};

#[tokio::test]
async fn changes_that_wait_at_the_same_time_share_one_commit() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let keys: Vec<_> = (0..64).map(|i| harness.new_key(&format!("key {i}"), None)).collect();
    let before = harness.commits().await;
    let first = harness.begin().await;
    // Each is polled once, and so stands in line, before the first lets go.
    let others = join_all(keys.iter().map(|key| harness.create(&user, key)));
    let (first, others) = join(async { first.commit().await }, others).await;
    first.unwrap();
    assert!(others.iter().all(Result::is_ok));
    let commits = harness.commits().await - before;
    assert!((1..=3).contains(&commits), "{commits} commits for 64 keys");
}

#[tokio::test]
async fn a_change_that_fails_or_is_dropped_does_not_harm_the_others_in_its_commit() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let taken = harness.key(&user, "taken").await;
    let keys: Vec<_> = (0..30)
        .map(|i| {
            let mut key = harness.new_key(&format!("key {i}"), None);
            if i % 3 == 1 {
                key.hash = taken.hash;
            }
            key
        })
        .collect();
    let first = harness.begin().await;
    let others = join_all(keys.iter().enumerate().map(|(i, key)| {
        let (harness, user) = (&harness, &user);
        async move {
            if i % 3 == 2 {
                let mut change = harness.begin().await;
                change.create_key(&new_key_for(user), key).await.unwrap();
                return false;
            }
            harness.create(user, key).await.is_ok()
        }
    }));
    let (first, made) = join(async { first.commit().await }, others).await;
    first.unwrap();
    for (i, made) in made.into_iter().enumerate() {
        assert_eq!(made, i % 3 == 0, "{i}");
    }
    let (_, known) = harness.load().await;
    assert_eq!(known.keys.len(), 11);
    assert_eq!(harness.told().len(), 2 + 11);
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer_and_do_not_see_what_it_has_not_committed() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    harness.key(&user, "there").await;
    let mut change = harness.begin().await;
    let key = harness.new_key("not yet", None);
    change.create_key(&new_key_for(&user), &key).await.unwrap();
    let reading = async {
        let page = PageRequest { first: 10, after: None };
        let page = harness.store.keys(&own(&user), &KeyFilter::default(), &page, now()).await.unwrap();
        assert_eq!(page.keys.len(), 1);
        assert_eq!(harness.store.key(&own(&user), key.id).await.unwrap(), None);
        assert!(harness.store.session(&[0; 32]).await.unwrap().is_none());
        assert!(harness.store.is_reachable().await);
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    assert!(change.key(&own(&user), key.id).await.unwrap().is_some(), "its own change it sees");
    change.commit().await.unwrap();
    assert!(harness.store.key(&own(&user), key.id).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_store_was_closed_and_after_it_was_not() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    let crashed = harness.crashed().await;
    assert!(crashed.store.key(&own(&user), key.id).await.unwrap().is_some());
    let harness = harness.reopened().await;
    assert!(harness.store.key(&own(&user), key.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_store_refuses_and_what_was_begun_before_is_finished() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.new_key("last", None);
    let mut change = harness.begin().await;
    change.create_key(&new_key_for(&user), &key).await.unwrap();
    let (committed, ()) = join(async { change.commit().await }, harness.store.close()).await;
    committed.unwrap();
    assert!(harness.create(&user, &harness.new_key("too late", None)).await.is_err());
    assert!(!harness.store.is_reachable().await);
    let harness = harness.reopened().await;
    assert!(harness.store.key(&own(&user), key.id).await.unwrap().is_some());
}
