//! Nodes that cannot know what the others do.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use keystead_app::Refusal;
use keystead_test_hosts::Postgres;

use crate::world::{A_LEASE, Nodes, in_time, until};

#[tokio::test]
async fn a_revocation_returns_only_when_a_node_that_is_cut_off_can_answer_no_more() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    nodes.all[1].link.cut();
    let revoking = tokio::spawn({
        let (app, id) = (Arc::clone(&nodes.all[0].app), key.id);
        async move { app.revoke_key(&actor, id, Some("key")).await }
    });
    until(|| nodes.all[0].verify(&key.token) == Err(Refusal::Unknown)).await;
    // As long as no time passes, its lease counts, and the caller is told nothing.
    assert_eq!(nodes.all[1].verify(&key.token), Ok(()));
    assert!(!revoking.is_finished());
    nodes.advance(A_LEASE);
    in_time(revoking).await.unwrap().unwrap();
    assert_eq!(nodes.all[1].verify(&key.token), Err(Refusal::Unavailable));
}

#[tokio::test]
async fn a_node_that_was_stopped_refuses_before_it_does_anything_else() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    nodes.all[1].link.cut();
    // Only its own clock ran on, as when it was suspended.
    nodes.all[1].clock.advance(A_LEASE);
    assert_eq!(nodes.all[1].verify(&key.token), Err(Refusal::Unavailable));
    assert!(!in_time(nodes.all[1].app.is_ready()).await);
}

#[tokio::test]
async fn a_node_that_is_connected_again_catches_up_before_it_answers() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let (revoked, kept) = (nodes.all[0].create_key(&actor).await, nodes.all[0].create_key(&actor).await);
    nodes.all[1].link.cut();
    nodes.advance(A_LEASE);
    until(|| nodes.all[0].verify(&kept.token).is_ok()).await;
    // Its lease is long over: nobody waits for it, and no clock needs to run.
    nodes.all[0].revoke(&actor, &revoked).await;
    nodes.all[1].link.mend();
    until(|| {
        assert_ne!(nodes.all[1].verify(&revoked.token), Ok(()), "it answered before it knew");
        nodes.all[1].verify(&kept.token).is_ok()
    })
    .await;
    assert_eq!(nodes.all[1].verify(&revoked.token), Err(Refusal::Unknown));
}

#[tokio::test]
async fn a_node_that_cannot_renew_its_lease_says_that_it_is_not_ready_while_it_still_answers() {
    let nodes = Nodes::new(1).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    let node = &nodes.all[0];
    assert!(in_time(node.app.is_ready()).await);
    node.link.cut();
    node.clock.advance(SignedDuration::from_millis(1_100));
    assert!(!in_time(node.app.is_ready()).await);
    assert_eq!(node.verify(&key.token), Ok(()));
    node.clock.advance(SignedDuration::from_millis(1_000));
    assert_eq!(node.verify(&key.token), Err(Refusal::Unavailable));
    node.link.mend();
    until(|| node.verify(&key.token) == Ok(())).await;
    assert!(in_time(node.app.is_ready()).await);
}

#[tokio::test]
async fn whoever_finds_a_user_deactivated_already_is_answered_when_that_holds_on_all_nodes() {
    let nodes = Nodes::new(3).await;
    let actor = nodes.set_up().await;
    let (bob, token) = nodes.all[0].member("bob@example.com").await;
    nodes.all[2].link.cut();
    let deactivate = |node: usize| {
        let (app, actor) = (Arc::clone(&nodes.all[node].app), actor.clone());
        tokio::spawn(async move { app.set_active(&actor, bob, false).await })
    };
    let first = deactivate(0);
    until(|| nodes.all[1].verify(&token).is_err()).await;
    let second = deactivate(1);
    assert_eq!(nodes.all[2].verify(&token), Ok(()), "it holds a lease");
    // In what time the database answers others many times, both have looked; none passes by which a lease ends.
    let is_there = || Postgres::shared_fast().sql(&nodes.url, "SELECT COUNT(*) FROM users").trim() == "2";
    for _ in 0..20 {
        until(is_there).await;
        assert!(!first.is_finished() && !second.is_finished());
    }
    for done in [first, second] {
        nodes.as_time_passes(done).await.unwrap().unwrap();
    }
    assert_eq!(nodes.all[2].verify(&token), Err(Refusal::Unavailable));
}

#[tokio::test]
async fn a_node_that_missed_more_than_it_can_read_before_it_gives_up_a_look_catches_up_by_and_by() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    nodes.all[1].link.cut();
    nodes.advance(A_LEASE);
    let mut last = nodes.all[0].create_key(&actor).await;
    for _ in 0..200 {
        last = nodes.all[0].create_key(&actor).await;
    }
    // It asks about one after the other, which takes 4 s, and gives up after 2 s.
    nodes.all[1].link.slow(Duration::from_millis(10));
    nodes.all[1].link.mend();
    until(|| nodes.all[1].verify(&last.token).is_ok()).await;
}
