//! All nodes at work.

use futures_util::future::join_all;
use keystead_app::Refusal;

use crate::world::{Nodes, until};

#[tokio::test]
async fn a_key_that_one_node_made_works_on_all_and_once_revoked_on_none() {
    let nodes = Nodes::new(3).await;
    let actor = nodes.set_up().await;
    for round in 0..50 {
        let key = nodes.all[round % 3].create_key(&actor).await;
        assert_eq!(nodes.verify(&key.token), [Ok(()); 3], "{round}");
        nodes.all[(round + 1) % 3].revoke(&actor, &key).await;
        assert_eq!(nodes.verify(&key.token), [Err(Refusal::Unknown); 3], "{round}");
    }
}

#[tokio::test]
async fn whatever_nodes_change_at_once_each_knows_in_the_end() {
    let nodes = Nodes::new(3).await;
    let actor = nodes.set_up().await;
    let made = join_all((0..60).map(|n| nodes.all[n % 3].create_key(&actor))).await;
    let (revoked, kept) = made.split_at(30);
    join_all(revoked.iter().enumerate().map(|(n, key)| nodes.all[(n + 1) % 3].revoke(&actor, key))).await;
    for key in revoked {
        assert_eq!(nodes.verify(&key.token), [Err(Refusal::Unknown); 3]);
    }
    for key in kept {
        assert_eq!(nodes.verify(&key.token), [Ok(()); 3]);
    }
    let known = |n: usize| nodes.all[n].app.directory().sequence();
    until(|| known(0) == known(1) && known(1) == known(2)).await;
}

#[tokio::test]
async fn a_node_that_comes_later_knows_what_was_before_and_what_comes() {
    let mut nodes = Nodes::new(1).await;
    let actor = nodes.set_up().await;
    let (first, second) = (nodes.all[0].create_key(&actor).await, nodes.all[0].create_key(&actor).await);
    nodes.all[0].revoke(&actor, &first).await;
    nodes.start().await;
    assert_eq!(nodes.verify(&first.token), [Err(Refusal::Unknown); 2]);
    assert_eq!(nodes.verify(&second.token), [Ok(()); 2]);
    nodes.all[0].revoke(&actor, &second).await;
    assert_eq!(nodes.verify(&second.token), [Err(Refusal::Unknown); 2]);
}

#[tokio::test]
async fn nobody_waits_for_a_node_that_said_goodbye() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    nodes.all[1].app.close().await.unwrap();
    assert_eq!(nodes.all[1].verify(&key.token), Err(Refusal::Unavailable));
    // No clock runs: whoever waited for a lease would wait for ever.
    nodes.all[0].revoke(&actor, &key).await;
    assert_eq!(nodes.all[0].verify(&key.token), Err(Refusal::Unknown));
}
