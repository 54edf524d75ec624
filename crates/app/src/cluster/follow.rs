//! Following the feed, and renewing the lease.

use std::sync::Arc;
use std::time::Duration;

use keystead_domain::Leases;
use keystead_store::{Follower, Following as Found, Position, Store, StoreError};
use tokio::sync::watch;

use super::{LOOK_EVERY, Shared, load};
#[cfg(feature = "planted-bugs")]
use crate::planted::{Bug, is};
use crate::signing_ring::KeptRing;

/// How long the database may take for one look before it is given up and asked on another connection.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// How long to wait after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(200);
/// How often old rows are forgotten.
const TIDY_EVERY: Duration = Duration::from_mins(1);

/// Whether there may be more to read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Behind(bool);

pub(super) struct Following {
    shared: Arc<Shared>,
    store: Arc<Store>,
    ring: Arc<KeptRing>,
    follower: Follower,
    position: Position,
    /// How far the others have been told that this node is.
    acknowledged: u64,
    renew_at: Duration,
    tidy_at: Duration,
    /// Of the other nodes, to see which are gone.
    leases: Leases,
    /// What it knows is of another history, or too old.
    is_lost: bool,
    /// What the database lost, until that is written there: nothing may be loaded before, as it would be served.
    unsaid: Option<String>,
}

impl Following {
    pub(super) fn new(
        shared: Arc<Shared>,
        store: Arc<Store>,
        ring: Arc<KeptRing>,
        follower: Follower,
        position: Position,
    ) -> Self {
        let acknowledged = position.sequence;
        let leases = Leases::new(follower.id(), shared.terms);
        Self {
            shared,
            store,
            ring,
            follower,
            position,
            acknowledged,
            renew_at: Duration::ZERO,
            tidy_at: Duration::ZERO,
            leases,
            is_lost: false,
            unsaid: None,
        }
    }

    /// Until it is stopped; gives back what it followed by.
    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) -> Follower {
        let mut is_failing = false;
        // It is gone, too, when the app was dropped without being closed.
        while !*stopped.borrow() && stopped.has_changed().is_ok() {
            // Loading takes as long as there is to load.
            let looked = match self.recover().await {
                Ok(()) => tokio::time::timeout(LOOK_WITHIN, self.look()).await,
                Err(error) => Ok(Err(error)),
            };
            let is_behind = matches!(looked, Ok(Ok(Behind(true))));
            let failed = match looked {
                Ok(Ok(Behind(_))) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the database does not answer".to_owned()),
            };
            if let Some(error) = &failed
                && !is_failing
            {
                tracing::error!(
                    error,
                    "the feed cannot be followed; when the lease has ended, nothing is answered"
                );
            }
            is_failing = failed.is_some();
            if (is_behind || self.unsaid.is_some()) && !is_failing {
                continue;
            }
            let pause = if is_failing { AFTER_FAILURE } else { LOOK_EVERY };
            tokio::select! {
                () = self.shared.changed.notified(), if !is_failing => {}
                () = tokio::time::sleep(pause) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        }
        self.follower
    }

    /// Asks for a lease if it is time, reads what was committed, says so, and only then takes the lease. It goes no further than to
    /// when it is time for the next: where changes come faster than they are read, leases do not wait for the end of them.
    async fn look(&mut self) -> Result<Behind, StoreError> {
        // Before anything is sent.
        let asked = self.shared.clock.since_boot();
        let mut committed = None;
        if asked >= self.renew_at {
            committed = Some(self.ask().await?);
        }
        let mut behind = Behind(true);
        while behind == Behind(true) {
            behind = self.catch_up().await?;
            if self.is_lost {
                return Ok(Behind(false));
            }
            if self.acknowledged < self.position.sequence {
                self.acknowledged = self.position.sequence;
                self.follower.acknowledge(&self.position).await?;
            }
            if committed.take_if(|committed| *committed <= self.position.sequence).is_some() {
                #[cfg(feature = "planted-bugs")]
                let asked = if is(Bug::LeaseFromAnswer) { self.shared.clock.since_boot() } else { asked };
                self.shared.directory.lease().extend(self.shared.terms.ends(asked));
                self.renew_at = asked + self.shared.terms.renew_every();
                self.shared.acknowledged.notify_one();
            }
            if committed.is_none() && self.shared.clock.since_boot() >= self.renew_at {
                break;
            }
        }
        if asked >= self.tidy_at {
            self.tidy_at = asked + TIDY_EVERY;
            let nodes = self.follower.nodes().await?;
            let seen = self.shared.clock.since_boot();
            self.leases.note(&nodes, seen);
            self.follower.tidy(&self.leases.gone(&nodes, seen)).await?;
        }
        Ok(behind)
    }

    /// Asks for a lease, and says how far the feed is. There is none for a node whose wall clock is wrong: keys would expire too late,
    /// or too early.
    async fn ask(&mut self) -> Result<u64, StoreError> {
        let shared = Arc::clone(&self.shared);
        let before = shared.clock.system_time();
        let told = self.follower.renew(&self.position, shared.directory.keys(), shared.clock.now()).await;
        if let Err(error @ StoreError::Outdated { .. }) = &told {
            tracing::error!(%error, "this node answers nothing any more: start a later release");
            // In this order: from then on nobody waits for it.
            self.lose();
            self.follower.leave().await?;
        }
        let told = told?;
        let agrees = shared.check_clock(before, told.at);
        if agrees.is_err() {
            shared.directory.lease().end();
        }
        agrees.map(|()| told.committed)
    }

    /// Reads and applies the next changes.
    async fn catch_up(&mut self) -> Result<Behind, StoreError> {
        match self.follower.changes_after(&mut self.position).await? {
            Found::Changes(changes) => {
                let is_all = changes.is_empty();
                for (sequence, change) in changes {
                    if let Err(error) = self.ring.apply(&change) {
                        // What was read is not told again, so all of it is loaded anew.
                        self.lose();
                        return Err(error);
                    }
                    #[cfg(feature = "planted-bugs")]
                    crate::planted::fill_late(&self.shared.directory, &change);
                    let creator = self.shared.directory.creator_of(&change);
                    self.shared.directory.apply(sequence, change);
                    self.shared.changes.applied(creator);
                }
                self.shared.directory.loaded(self.position.sequence);
                self.shared.applied.send_replace(self.position.sequence);
                self.shared.acknowledged.notify_one();
                Ok(Behind(!is_all))
            }
            Found::TooFarBehind => {
                tracing::warn!(known = self.position.sequence, "too far behind the feed; loading anew");
                self.lose();
                Ok(Behind(false))
            }
            Found::Restored => {
                tracing::warn!("the store was restored; loading anew");
                self.lose();
                Ok(Behind(false))
            }
            Found::Lost(why) => {
                tracing::error!(why, "the database lost what it had committed; nothing is answered any more");
                self.lose();
                self.unsaid = Some(why);
                Ok(Behind(false))
            }
            Found::Halted(why) => {
                self.lose();
                Err(StoreError::Halted(why))
            }
        }
    }

    fn lose(&mut self) {
        self.shared.directory.lease().end();
        self.is_lost = true;
    }

    /// Writes down what was found lost, and loads anew if what is known is of no use any more.
    async fn recover(&mut self) -> Result<(), StoreError> {
        if let Some(why) = &self.unsaid {
            match tokio::time::timeout(LOOK_WITHIN, self.follower.halt(why)).await {
                Ok(said) => said?,
                Err(_) => return Err(StoreError::Commit("the database does not answer".to_owned())),
            }
            self.unsaid = None;
        }
        if self.is_lost { self.load_anew().await } else { Ok(()) }
    }

    async fn load_anew(&mut self) -> Result<(), StoreError> {
        self.shared.directory.lease().end();
        self.shared.directory.forget();
        self.position = load(&mut self.follower, &self.store, &self.ring, &self.shared)
            .await
            .map_err(|error| StoreError::Commit(error.to_string()))?;
        self.acknowledged = self.position.sequence;
        self.renew_at = Duration::ZERO;
        self.is_lost = false;
        Ok(())
    }
}
