//! One node among those that share a store: it follows the feed, holds a lease by which it may answer, and tells whoever commits a
//! change when no node can be without it (promise 3). The rules are the domain's ([`Leases`]); here is when what is asked.

mod follow;
mod reach;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use keystead_directory::Directory;
use keystead_domain::{Committed, LeaseTerms, Leases, clock_error};
use keystead_store::{
    DatabaseUrl, Follower, Members, NodeRecord, OpenError, Position, Reached, Store, StoreError, Subscriber,
    Wake, Woken,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::Clock;
use crate::signing_ring::KeptRing;
use crate::watch::ChangeSignal;
use follow::Following;
use reach::Reaching;

/// How a node looks by itself when nobody wakes it: changes reach it no later.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a node is told about itself.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// What people call it.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// How long leases are, so long a revocation waits for a node that says nothing: the same for all nodes. None: as the store
    /// says.
    pub lease: Option<LeaseTerms>,
}

/// What its parts share.
struct Shared {
    directory: Arc<Directory>,
    changes: Arc<ChangeSignal>,
    clock: Clock,
    terms: LeaseTerms,
    /// How far this node has applied the feed.
    applied: watch::Sender<u64>,
    /// There may be something to read.
    changed: Notify,
    /// A node may have applied something.
    acknowledged: Notify,
}

impl Shared {
    /// Whether this machine's wall clock agrees with the database's, by which it was `at` when it was asked, after `before`. A manual
    /// clock is nobody's but the test's.
    fn check_clock(&self, before: Option<Timestamp>, at: Timestamp) -> Result<(), StoreError> {
        let (Some(before), Some(after)) = (before, self.clock.system_time()) else { return Ok(()) };
        clock_error(before, at, after).map_or(Ok(()), |by| Err(StoreError::Clock(by.unsigned_abs())))
    }
}

/// A node that runs until it is [stopped](Self::stop).
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    following: JoinHandle<Follower>,
    others: [JoinHandle<()>; 2],
}

/// What asks for a commit's reach, before there is anybody to ask.
pub(crate) struct Joining {
    shared: Arc<Shared>,
    commits: mpsc::UnboundedReceiver<Reaching>,
    follower: Follower,
    members: Members,
    url: DatabaseUrl,
}

impl Joining {
    /// Of a node that has not loaded anything yet, with what its store is to ask about each commit.
    pub(crate) fn new(
        url: &DatabaseUrl,
        node: NodeRecord,
        terms: LeaseTerms,
        directory: Arc<Directory>,
        changes: Arc<ChangeSignal>,
        clock: Clock,
    ) -> Result<(Self, Subscriber), OpenError> {
        let shared = Arc::new(Shared {
            directory,
            changes,
            clock: clock.clone(),
            terms,
            applied: watch::Sender::new(0),
            changed: Notify::new(),
            acknowledged: Notify::new(),
        });
        let (ask, commits) = mpsc::unbounded_channel();
        let subscriber = Subscriber::Asked(Box::new(move |sequence| -> BoxFuture<'static, Reached> {
            let (done, reached) = oneshot::channel();
            let change = Committed { sequence, at: clock.since_boot() };
            // A node that stops answers nobody any more, and tells nobody that a change holds.
            _ = ask.send(Reaching { change, had_to_wait: false, done });
            Box::pin(async move { reached.await.unwrap_or(Reached::LeaseEnded) })
        }));
        let joining = Self {
            shared,
            commits,
            follower: Follower::new(url, node)?,
            members: Members::new(url)?,
            url: url.clone(),
        };
        Ok((joining, subscriber))
    }

    /// Loads what there is, and takes part from then on.
    pub(crate) async fn join(mut self, store: Arc<Store>, ring: Arc<KeptRing>) -> Result<Cluster, OpenError> {
        let mut leases = Leases::new(self.follower.id(), self.shared.terms);
        let (nodes, took_over) = self.members.statuses().await?;
        leases.seen(&nodes, took_over, self.shared.clock.since_boot());
        let position = load(&mut self.follower, &store, &ring, &self.shared).await?;
        let (stop, stopped) = watch::channel(false);
        let following = Following::new(Arc::clone(&self.shared), store, ring, self.follower, position);
        let reaching = tokio::spawn(reach::run(
            Arc::clone(&self.shared),
            self.members,
            leases,
            self.commits,
            stopped.clone(),
        ));
        let listening = tokio::spawn(listen(Arc::clone(&self.shared), self.url, stopped.clone()));
        let following = tokio::spawn(following.run(stopped));
        Ok(Cluster { shared: self.shared, stop, following, others: [reaching, listening] })
    }
}

impl Cluster {
    /// Resolves when the node first may answer.
    pub(crate) async fn first_lease(&self) {
        while !self.shared.directory.may_answer() {
            let applied = self.shared.acknowledged.notified();
            _ = tokio::time::timeout(LOOK_EVERY, applied).await;
        }
    }

    /// Answers nothing from now on, and lets the others know that nobody need wait for it.
    pub(crate) async fn stop(self) {
        let Self { shared, stop, following, others } = self;
        _ = stop.send(true);
        for other in others {
            _ = other.await;
        }
        shared.directory.lease().end();
        if let Ok(mut follower) = following.await {
            let left = tokio::time::timeout(shared.terms.renew_every(), follower.leave()).await;
            if !matches!(left, Ok(Ok(()))) {
                tracing::warn!(
                    "the other nodes could not be told; they wait for this one no longer than a lease"
                );
            }
        }
    }
}

/// Loads everything into the directory, as of a position from which to go on.
async fn load(
    follower: &mut Follower,
    store: &Store,
    ring: &KeptRing,
    shared: &Shared,
) -> Result<Position, OpenError> {
    let before = shared.clock.system_time();
    let (position, at) = follower.position().await?;
    shared.check_clock(before, at)?;
    // After the position: whoever changes it begins another epoch, which is noticed from there.
    let (kept, own) = (store.lease().await?, shared.terms);
    if kept != own {
        return Err(OpenError::OtherLease { kept: kept.length(), wanted: own.length() });
    }
    // Of then, or newer: what came between is told again.
    ring.reload(store).await?;
    crate::open::load(store, &shared.directory).await?;
    shared.directory.loaded(position.sequence);
    shared.applied.send_replace(position.sequence);
    Ok(position)
}

/// Hears from other nodes, as long as that works: it only saves time.
async fn listen(shared: Arc<Shared>, url: DatabaseUrl, mut stopped: watch::Receiver<bool>) {
    let hearing = async {
        loop {
            match Wake::connect(&url).await {
                Ok(mut wake) => {
                    while let Ok(woken) = wake.next().await {
                        match woken {
                            Woken::Changed => shared.changed.notify_one(),
                            Woken::Acknowledged => shared.acknowledged.notify_one(),
                        }
                    }
                }
                Err(error) => tracing::debug!(?error, "cannot listen to other nodes; looking by itself"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = hearing => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}
