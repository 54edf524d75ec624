//! Console sessions.

use keystead_domain::audit::Trace;
use keystead_domain::{Lifetimes, UserAgent};
use keystead_store::LinkKind;

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

#[tokio::test]
async fn a_session_keeps_where_it_was_started_and_its_user_sees_their_own_only() {
    let harness = Harness::new().await;
    let (user, other) = (harness.somebody().await, harness.somebody().await);
    let trace = Trace::visitor("sign_in", Some([192, 0, 2, 7].into()), now());
    let mut change = harness.store.begin(trace).await.unwrap();
    let (first, second) = (harness.id(), harness.id());
    change.start_session(first, &user, &[1; 32]).await.unwrap();
    change.describe_session(first, UserAgent::of_header(b"curl/8").as_ref(), &[]).await.unwrap();
    change.start_session(second, &user, &[2; 32]).await.unwrap();
    change.start_session(harness.id(), &other, &[3; 32]).await.unwrap();
    change.touch_session(first, seconds(90)).await.unwrap();
    change.commit().await.unwrap();
    let started = harness.store.sessions_of(&grant(&user)).await.unwrap();
    let ids: Vec<_> = started.iter().map(|started| started.session.id).collect();
    assert_eq!(ids, [first, second], "the one used last first");
    assert_eq!(started[0].address.as_deref(), Some("192.0.2.7"));
    assert_eq!(started[0].user_agent.as_ref().map(UserAgent::as_str), Some("curl/8"));
    assert!(started[1].user_agent.is_none());
}

#[tokio::test]
async fn a_user_was_seen_when_they_signed_in_and_when_their_session_was_used() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let seen = async || harness.number("SELECT COALESCE(MAX(last_seen_at), 0) FROM users").await;
    assert_eq!(seen().await, 0);
    let session = harness.id();
    let mut change = harness.begin().await;
    change.start_session(session, &user, &[1; 32]).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(seen().await, now().as_millisecond());
    for touched in [120, 60] {
        let mut change = harness.begin().await;
        change.touch_session(session, seconds(touched)).await.unwrap();
        change.commit().await.unwrap();
    }
    assert_eq!(seen().await, seconds(120).as_millisecond(), "forward only");
}

#[tokio::test]
async fn a_session_may_switch_to_those_it_was_given_until_they_end_all_ways_to_themselves() {
    let harness = Harness::new().await;
    let (user, other, third) = (harness.somebody().await, harness.somebody().await, harness.somebody().await);
    let (session, switched) = (harness.id(), harness.id());
    let mut change = harness.begin().await;
    change.start_session(session, &user, &[1; 32]).await.unwrap();
    change.describe_session(session, None, &[other.id, third.id]).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(harness.store.session_users(session).await.unwrap(), [other.id, third.id]);

    let mut change = harness.begin().await;
    change.set_active(&grant(&third), false).await.unwrap();
    assert_eq!(change.session_users(session).await.unwrap(), [other.id]);
    let stranger = (harness.id(), &other);
    assert!(!change.switch_session(stranger, (switched, &user), &[2; 32]).await.unwrap(), "no such session");
    let (from, to) = ((session, &user), (switched, &other));
    assert!(change.switch_session(from, to, &[2; 32]).await.unwrap());
    assert!(!change.switch_session(from, to, &[3; 32]).await.unwrap(), "it has ended");
    change.describe_session(switched, None, &[user.id]).await.unwrap();
    change.commit().await.unwrap();
    assert!(harness.store.session(&[1; 32]).await.unwrap().is_none());
    assert_eq!(harness.store.session(&[2; 32]).await.unwrap().unwrap().user, other.id);

    let mut change = harness.begin().await;
    assert!(change.end_sessions_of(&grant(&user)).await.unwrap().is_empty());
    change.commit().await.unwrap();
    assert!(
        harness.store.session_users(switched).await.unwrap().is_empty(),
        "nor is there a way to come back"
    );
    assert!(harness.store.session(&[2; 32]).await.unwrap().is_some());
}

#[tokio::test]
async fn of_two_changes_of_a_password_that_saw_the_same_one_wins() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let one = grant(&user);
    let mut change = harness.begin().await;
    change.create_user_link(&one, LinkKind::SignIn, &[7; 32], seconds(60)).await.unwrap();
    assert!(change.change_password(&one, None, "$argon2id$first").await.unwrap());
    assert!(!change.change_password(&one, None, "$argon2id$second").await.unwrap());
    assert!(!change.change_password(&one, Some("$argon2id$other"), "$argon2id$second").await.unwrap());
    assert!(change.change_password(&one, Some("$argon2id$first"), "$argon2id$third").await.unwrap());
    change.commit().await.unwrap();
    let stored = harness.store.credentials(&user.email).await.unwrap();
    assert_eq!(stored[0].password_hash.as_deref(), Some("$argon2id$third"));
    assert!(harness.store.link(&[7; 32], now()).await.unwrap().is_none(), "links from before are dead");
}
