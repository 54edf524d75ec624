//! Waiting, after a commit, until no node can answer without knowing of it.

use std::sync::Arc;
use std::time::Duration;

use keystead_domain::{Committed, Leases, NodeStatus, Reach};
use keystead_store::{Members, Reached, StoreError, Woken};
use tokio::sync::{mpsc, oneshot, watch};

use super::Shared;
#[cfg(feature = "planted-bugs")]
use crate::planted::{Bug, is};

/// How often nodes are looked at by somebody who waits, when none wakes them.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long the database may take for one look: after a lease nobody needs to look any more.
const LOOK_WITHIN: Duration = Duration::from_millis(500);

/// A commit that somebody waits for.
pub(super) struct Reaching {
    pub(super) change: Committed,
    /// A look found somebody who may be without it.
    pub(super) had_to_wait: bool,
    pub(super) done: oneshot::Sender<Reached>,
}

/// Until it is stopped.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut members: Members,
    mut leases: Leases,
    mut commits: mpsc::UnboundedReceiver<Reaching>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut waiting: Vec<Reaching> = Vec::new();
    let mut has_others = true;
    loop {
        if waiting.is_empty() {
            tokio::select! {
                next = commits.recv() => match next {
                    Some(next) => waiting.push(next),
                    None => return,
                },
                _ = stopped.wait_for(|stop| *stop) => return,
            }
        }
        while let Ok(next) = commits.try_recv() {
            waiting.push(next);
        }
        shared.changed.notify_one();
        let asked = shared.clock.since_boot();
        let looked = tokio::time::timeout(LOOK_WITHIN, look(&mut members, has_others)).await;
        let nodes = match looked {
            Ok(Ok((nodes, took_over))) => {
                leases.seen(&nodes, took_over, shared.clock.since_boot());
                has_others = nodes.len() > 1;
                Some(nodes)
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    ?error,
                    "cannot see how far the other nodes are; waiting for their leases to end"
                );
                None
            }
            Err(_) => None,
        };
        waiting = waiting
            .into_iter()
            .filter_map(|mut reaching| {
                let change = reaching.change;
                let is_here = *shared.applied.borrow() >= change.sequence;
                let reach = nodes.as_ref().map(|nodes| leases.reach(change, nodes, asked));
                #[cfg(feature = "planted-bugs")]
                let reach = if is(Bug::NoAcknowledgementWait) { Some(Reach::Everywhere) } else { reach };
                if is_here && reach == Some(Reach::Everywhere) || leases.is_long_past(change, asked) {
                    let is_known =
                        |nodes: &Vec<NodeStatus>| nodes.iter().all(|node| node.applied >= change.sequence);
                    let is_known = !reaching.had_to_wait || nodes.as_ref().is_some_and(is_known);
                    _ = reaching.done.send(if is_known { Reached::Known } else { Reached::LeaseEnded });
                    return None;
                }
                reaching.had_to_wait |= reach != Some(Reach::Everywhere);
                Some(reaching)
            })
            .collect();
        if !leases.is_in_doubt(asked)
            && let Err(error) = members.believe().await
        {
            tracing::debug!(?error, "what server this is could not be noted; nodes that come wait once more");
        }
        if !waiting.is_empty() {
            tokio::select! {
                () = shared.acknowledged.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stopped.wait_for(|stop| *stop) => return,
            }
        }
    }
}

async fn look(members: &mut Members, has_others: bool) -> Result<(Vec<NodeStatus>, bool), StoreError> {
    if has_others && members.wake(Woken::Changed.channel()).await.is_err() {
        tracing::debug!("other nodes cannot be woken; they look by themselves");
    }
    members.statuses().await
}
