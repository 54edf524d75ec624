//! The operator's switch that stops all issuing, on all nodes at once.

use futures_util::future::join_all;
use keystead_domain::{Error, Operator, StopReason};

use crate::world::{Node, Nodes, in_time, until};

async fn stop(node: &Node) {
    let why = StopReason::parse("Stopped for a test.").unwrap();
    in_time(Box::pin(node.app.stop_issuing(Operator, why))).await.unwrap();
}

#[tokio::test]
async fn what_one_node_stops_is_stopped_on_all_when_it_returns_and_on_those_that_come_later() {
    let mut nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[1].create_key(&actor).await;
    stop(&nodes.all[0]).await;
    nodes.start().await;
    for node in &nodes.all {
        assert!(node.app.issuing().stop().is_some());
        assert_eq!(node.try_to_create_key(&actor, false).await.err(), Some(Error::IssuingStopped));
        assert_eq!(node.verify(&key.token), Ok(()), "verification goes on");
    }
    in_time(Box::pin(nodes.all[1].app.start_issuing(Operator))).await.unwrap();
    nodes.all[0].create_key(&actor).await;
    assert!(nodes.all.iter().all(|node| node.app.issuing().stop().is_none()));
}

/// A node that is cut off cannot write either: nothing is decided by what it remembers.
#[tokio::test]
async fn a_node_that_has_not_heard_of_the_stop_issues_nothing_all_the_same() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    nodes.all[1].link.cut();
    nodes.as_time_passes(stop(&nodes.all[0])).await;
    assert!(nodes.all[1].app.issuing().stop().is_none());
    nodes.all[1].link.mend();
    assert!(nodes.all[1].try_to_create_key(&actor, false).await.is_err());
    until(|| nodes.all[1].app.issuing().stop().is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_keys_that_three_nodes_make_while_it_is_stopped_none_comes_after_the_stop_returned() {
    let nodes = Nodes::new(3).await;
    let actor = nodes.set_up().await;
    for round in 0..10 {
        let making = join_all((0..30).map(|n| {
            let (node, actor) = (&nodes.all[n % 3], &actor);
            async move {
                if let Err(error) = node.try_to_create_key(actor, false).await {
                    assert_eq!(error, Error::IssuingStopped);
                }
            }
        }));
        let stopping = async {
            stop(&nodes.all[round % 3]).await;
            // It knows of all that was committed before the stop.
            nodes.all[round % 3].app.directory().keys()
        };
        let ((), kept) = tokio::join!(async { _ = making.await }, stopping);
        let known = |n: usize| nodes.all[n].app.directory().keys();
        until(|| known(0) == known(1) && known(1) == known(2)).await;
        assert_eq!(known(0), kept, "round {round}: none was committed behind the stop");
        in_time(Box::pin(nodes.all[0].app.start_issuing(Operator))).await.unwrap();
    }
}
