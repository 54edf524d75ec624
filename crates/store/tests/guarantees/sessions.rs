//! Console sessions.

use keystead_domain::Lifetimes;
use keystead_domain::audit::Trace;

use crate::harness::{Harness, now, seconds};
use crate::people::grant;

#[tokio::test]
async fn touching_a_session_moves_its_last_use_forward_and_never_its_beginning() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let session = harness.id();
    let mut change = harness.begin().await;
    change.start_session(session, &user, &[1; 32]).await.unwrap();
    change.commit().await.unwrap();
    for (touched, expected) in [(60, 60), (30, 60), (90, 90)] {
        let mut change = harness.begin().await;
        change.touch_session(session, seconds(touched)).await.unwrap();
        change.commit().await.unwrap();
        let read = harness.store.session(&[1; 32]).await.unwrap().unwrap();
        assert_eq!((read.id, read.user), (session, user.id));
        assert_eq!((read.created_at, read.last_seen_at), (now(), seconds(expected)));
    }
    assert!(harness.store.session(&[2; 32]).await.unwrap().is_none());
}

#[tokio::test]
async fn deactivating_a_user_ends_their_sessions_for_good_and_none_begins_until_they_are_back() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let mut change = harness.begin().await;
    change.start_session(harness.id(), &user, &[1; 32]).await.unwrap();
    change.set_active(&grant(&user), false).await.unwrap();
    assert!(change.start_session(harness.id(), &user, &[2; 32]).await.is_err());
    change.set_active(&grant(&user), true).await.unwrap();
    change.commit().await.unwrap();
    assert!(harness.store.session(&[1; 32]).await.unwrap().is_none());
    assert!(harness.store.session(&[2; 32]).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_is_ended_by_its_user_only_and_dead_ones_are_cleared_away() {
    let harness = Harness::new().await;
    let (user, other) = (harness.somebody().await, harness.somebody().await);
    let session = harness.id();
    let mut change = harness.begin().await;
    change.start_session(session, &user, &[1; 32]).await.unwrap();
    change.end_session(session, &other).await.unwrap();
    change.commit().await.unwrap();
    assert!(harness.store.session(&[1; 32]).await.unwrap().is_some());

    let later = now() + Lifetimes::IDLE;
    let mut change = harness.store.begin(Trace::operator(later)).await.unwrap();
    change.start_session(harness.id(), &other, &[2; 32]).await.unwrap();
    change.commit().await.unwrap();
    assert!(harness.store.session(&[1; 32]).await.unwrap().is_none());
    assert!(harness.store.session(&[2; 32]).await.unwrap().is_some());
}

#[tokio::test]
async fn an_address_that_two_organizations_have_means_whoever_can_sign_in() {
    let harness = Harness::new().await;
    let (first, second) = (harness.somebody().await, harness.somebody().await);
    assert_eq!(harness.store.credentials(&first.email).await.unwrap()[0].user, first.id);
    let mut change = harness.begin().await;
    change.set_active(&grant(&first), false).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(harness.store.credentials(&first.email).await.unwrap()[0].user, second.id);
}
