//! Callers who stop waiting, at whatever point: their change is there as a whole or not at all, and nobody else notices.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use futures_util::future::join;
use keystead_domain::audit::verify_chain;
use keystead_domain::{Change, RoleId};

use crate::harness::Harness;
use crate::people::{new_key_for, own};

/// Polls a future so many times, then drops it.
async fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_caller_who_stops_waiting_at_any_point_harms_nobody_and_loses_nothing_acknowledged() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let (mut acknowledged, mut abandoned) = (Vec::new(), Vec::new());
    let mut times = 0;
    for _ in 0..100 {
        let (key, before, after) = (
            harness.new_key("abandoned", None),
            harness.new_key("before", None),
            harness.new_key("after", None),
        );
        // Before and after it in the same line, so that they share its commit.
        let neighbours = join(harness.create(&user, &before), async {
            let outcome = poll_times(harness.create(&user, &key), times).await;
            harness.create(&user, &after).await.unwrap();
            outcome
        });
        let (first, outcome) = neighbours.await;
        first.unwrap();
        acknowledged.extend([before.id, after.id]);
        if let Some(done) = outcome {
            done.unwrap();
            acknowledged.push(key.id);
            // Where the points are depends on how fast the disk answers: begin again, and meet others.
            times = 0;
        } else {
            abandoned.push(key.id);
            times += 1;
        }
    }
    assert!(abandoned.len() > 50, "there were {} points to stop at", abandoned.len());

    // A last turn ends whatever was left open.
    harness.begin().await.commit().await.unwrap();
    let (_, known) = harness.load().await;
    let known: Vec<_> = known.keys.into_values().collect();
    assert!(acknowledged.iter().all(|id| known.contains(id)));
    let told: Vec<_> = harness
        .told()
        .into_iter()
        .filter_map(|(_, change)| match change {
            Change::Key(key) => Some(key.id),
            _ => None,
        })
        .collect();
    let log = harness.audit(&organization).await;
    assert_eq!(verify_chain(log.iter().map(|(event, link)| (event, *link))), Ok(()));
    let traced = |id: &[u8; 16]| log.iter().filter(|(event, _)| event.target == Some(*id)).count();
    for id in &abandoned {
        let there = known.contains(id);
        assert_eq!(told.contains(id), there, "told exactly if kept");
        assert_eq!(traced(id.as_bytes()), usize::from(there), "traced exactly if kept");
        assert_eq!(harness.store.key(&own(&user), *id).await.unwrap().is_some(), there);
    }
    let numbers: Vec<_> = harness.told().iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn whoever_never_begins_to_commit_has_changed_nothing() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.new_key("never", None);
    let mut change = harness.begin().await;
    change.create_key(&new_key_for(&user), &key).await.unwrap();
    drop(change.commit());
    harness.key(&user, "other").await;
    assert!(harness.store.key(&own(&user), key.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_reader_who_stops_waiting_leaves_the_readers_working() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    for times in 0..200 {
        let reading = async { harness.store.key(&own(&user), key.id).await.unwrap() };
        if poll_times(reading, times).await.is_some() {
            break;
        }
    }
    for _ in 0..10 {
        assert!(harness.store.key(&own(&user), key.id).await.unwrap().is_some());
    }
}
