//! What is kept of apps is bounded: what has run out is forgotten, to the millisecond, and nothing else.

use jiff::{SignedDuration, Timestamp};
use keystead_domain::{Change, RegisteredClientId, RoleId};

use crate::harness::{Harness, now};
use crate::oauth::apps_of;

fn millis(millis: i64) -> Timestamp {
    now() + SignedDuration::from_millis(millis)
}

async fn is_registered(harness: &Harness, id: RegisteredClientId) -> bool {
    harness.store.registered_client(id).await.unwrap().is_some()
}

#[tokio::test]
async fn beyond_its_bound_the_client_that_registered_first_is_forgotten_unless_somebody_allowed_it_something()
{
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let allowed = harness.register("allowed", millis(0), 3).await;
    harness.allow(&user, allowed).await;
    let mut others = Vec::new();
    for n in 1..=5 {
        others.push(harness.register("other", millis(n), 3).await);
    }
    let mut kept = Vec::new();
    for id in &others {
        kept.push(is_registered(&harness, *id).await);
    }
    assert_eq!(kept, [false, false, true, true, true]);
    let said = harness.store.registered_client(allowed).await.unwrap().unwrap();
    assert_eq!(said, crate::oauth::metadata("allowed"));
    // Of a flood that a larger bound let in, each registration forgets some more than it adds.
    for n in 6..=30 {
        harness.register("flood", millis(n), 100).await;
    }
    for n in 31..=33 {
        harness.register("late", millis(n), 3).await;
    }
    assert_eq!(harness.number("SELECT COUNT(*) FROM oauth_clients WHERE allowed_at IS NULL").await, 3);
    assert!(is_registered(&harness, allowed).await);
}

#[tokio::test]
async fn a_client_is_forgotten_at_the_very_millisecond_and_at_most_as_many_as_were_asked_for() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let [unused, allowed] =
        [harness.register("unused", millis(0), 9).await, harness.register("allowed", millis(0), 9).await];
    harness.allow(&user, allowed).await;
    let forget = async |registered_by, allowed_by, limit| {
        let mut change = harness.begin().await;
        let forgotten = change.forget_unused_clients(registered_by, allowed_by, limit).await.unwrap();
        change.commit().await.unwrap();
        forgotten
    };
    assert_eq!(forget(millis(-1), millis(-1), 9).await, 0);
    assert_eq!(forget(millis(0), millis(-1), 9).await, 1);
    assert!(!is_registered(&harness, unused).await && is_registered(&harness, allowed).await);
    assert_eq!(forget(millis(0), millis(0), 9).await, 1);
    assert!(!is_registered(&harness, allowed).await);
    for _ in 0..5 {
        harness.register("many", millis(0), 9).await;
    }
    assert_eq!((forget(millis(0), millis(0), 3).await, forget(millis(0), millis(0), 3).await), (3, 2));
}

#[tokio::test]
async fn apps_and_codes_that_ran_out_are_tidied_at_the_very_millisecond_without_a_trace() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let client = harness.register("app", now(), 9).await;
    let (waiting, connected) = (harness.allow(&user, client).await, harness.connect(&user).await);
    let end = now() + SignedDuration::from_hours(24 * 90);
    let refresh = harness.refresh_token(&connected, end).await;
    let (events, told) = (harness.audit(&organization).await.len(), harness.told().len());
    let tidy = async |at, unredeemed_by, limit| {
        let mut change = harness.begin_at(at).await;
        let tidied = change.tidy_connections(unredeemed_by, limit).await.unwrap();
        change.commit().await.unwrap();
        tidied
    };
    assert_eq!(tidy(now(), millis(-1), 9).await, 0);
    assert_eq!(tidy(now(), millis(0), 9).await, 1, "the code that nobody redeemed");
    assert_eq!(harness.told().len(), told, "which was not in force");
    assert!(harness.begin().await.code(&waiting.code.hash()).await.unwrap().unwrap().client.ended);
    let before = end - SignedDuration::from_millis(1);
    assert_eq!(tidy(before, before, 9).await, 0);
    assert_eq!(harness.store.connections(&apps_of(&user), before).await.unwrap().len(), 1);
    assert_eq!(harness.store.connections(&apps_of(&user), end).await.unwrap().len(), 0);
    assert_eq!((tidy(end, end, 9).await, tidy(end, end, 9).await), (1, 0));
    assert!(matches!(harness.told().last(), Some((_, Change::ConnectionEnded(id))) if *id == connected.id));
    assert!(harness.refresh_record(&refresh).await.is_none());
    assert_eq!(harness.audit(&organization).await.len(), events);

    for _ in 0..5 {
        harness.allow(&user, client).await;
    }
    assert_eq!((tidy(now(), now(), 3).await, tidy(now(), now(), 3).await), (3, 2));
}

#[tokio::test]
async fn refresh_tokens_that_ran_out_are_forgotten_used_or_not_and_no_others() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let app = harness.connect(&user).await;
    let mut tokens = Vec::new();
    for expires_at in [-1, 0, 0, 1, 1] {
        tokens.push(harness.refresh_token(&app, millis(expires_at)).await);
    }
    let mut change = harness.begin().await;
    for used in [1, 3] {
        let record = change.refresh_token(&tokens[used].hash()).await.unwrap().unwrap();
        change.use_refresh_token(&record.client, &tokens[used].hash()).await.unwrap();
    }
    change.commit().await.unwrap();
    let mut change = harness.begin().await;
    assert_eq!(change.forget_refresh_tokens(2).await.unwrap(), 2);
    assert_eq!(change.forget_refresh_tokens(9).await.unwrap(), 1);
    change.commit().await.unwrap();
    let mut kept = Vec::new();
    for token in &tokens {
        kept.push(harness.refresh_record(token).await.map(|record| record.standing.used_at.is_some()));
    }
    assert_eq!(kept, [None, None, None, Some(true), Some(false)], "a used one still tells that it came back");
}
