//! When a node may answer that a key works, and when a revocation has reached all that may (promise 3).
//!
//! A node answers only while it holds a lease. It asks for one by writing to the store that it is there, and asks the store *after that*
//! how far the feed has come; once it has applied the feed that far, it may answer for the length of a lease, counted from before it
//! asked. Whoever revokes looks, after the commit, at what the nodes have written, and is done when each has applied the
//! revocation or can have no lease any more. Either that look finds a node, or the node asked after the commit and so
//! applies the revocation before it answers.
//!
//! Instants are [`Duration`]s since the machine was started, on a clock that also runs while it sleeps, each on its own machine's: they
//! are never compared between nodes. What is assumed of clocks is that none runs faster or slower than another by more than
//! [`LeaseTerms::DRIFT`].

use std::collections::HashMap;
use std::time::Duration;

use crate::NodeId;

/// How long a lease is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerms {
    length: Duration,
}

impl Default for LeaseTerms {
    fn default() -> Self {
        Self { length: Duration::from_secs(2) }
    }
}

impl LeaseTerms {
    /// The shortest lease: several renewals fit into it on a slow network.
    pub const SHORTEST: Duration = Duration::from_millis(500);
    /// The longest: so long a revocation may take when a node is silent.
    pub const LONGEST: Duration = Duration::from_secs(10);
    /// By how much clocks may differ in speed, as one part in so many: 1 in 50 is a hundred times what a machine's quartz does.
    pub const DRIFT: u32 = 50;

    /// A length from [`SHORTEST`](Self::SHORTEST) to [`LONGEST`](Self::LONGEST); `None` for another.
    #[must_use]
    pub fn new(length: Duration) -> Option<Self> {
        (Self::SHORTEST..=Self::LONGEST).contains(&length).then_some(Self { length })
    }

    /// How long it is.
    #[must_use]
    pub fn length(self) -> Duration {
        self.length
    }

    /// How often a node renews it.
    #[must_use]
    pub fn renew_every(self) -> Duration {
        self.length / 5
    }

    /// When a lease ends that was asked for at an instant: before anything was sent.
    #[must_use]
    pub fn ends(self, asked: Duration) -> Duration {
        asked + self.length
    }

    /// Whether a node may still hold a lease that it asked for so long ago.
    #[must_use]
    pub fn may_hold(self, ago: Duration) -> bool {
        ago < self.length
    }

    /// Whether a lease with so much left was not renewed for too long: its node should be asked less before it can answer no more.
    #[must_use]
    pub fn is_nearly_over(self, left: Duration) -> bool {
        left < self.length / 2
    }

    /// After how long, by any clock, every lease has ended that was asked for before, whatever its length.
    #[must_use]
    pub fn longest_ended(self) -> Duration {
        Self { length: Self::LONGEST.max(self.length) }.surely_ended(Duration::ZERO)
    }

    /// From when on a lease has surely ended, by any clock, that was asked for no later than at an instant.
    #[must_use]
    pub fn surely_ended(self, asked: Duration) -> Duration {
        asked + self.length + self.length / Self::DRIFT
    }
}

/// What a node has written to the store about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeStatus {
    /// Which.
    pub id: NodeId,
    /// How often it has asked for a lease.
    pub renewals: u64,
    /// Up to which number it has applied the feed.
    pub applied: u64,
}

/// What a node knows of the others' leases, from what it has seen of them.
#[derive(Debug)]
pub struct Leases {
    terms: LeaseTerms,
    own: NodeId,
    seen: HashMap<NodeId, Seen>,
    /// Until then there may be nodes that serve and are not in what the store shows.
    in_doubt_until: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    renewals: u64,
    /// No later than then it had asked.
    by: Duration,
}

/// Whether a change holds everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// No node can answer without knowing of it.
    Everywhere,
    /// These may, or some that are not known.
    NotYet(Vec<NodeId>),
}

/// A committed change that some nodes may not know of.
#[derive(Debug, Clone, Copy)]
pub struct Committed {
    /// Its number.
    pub sequence: u64,
    /// An instant after its commit.
    pub at: Duration,
}

impl Leases {
    /// After how long a node that asks for no lease is forgotten: until then people see that there was one.
    pub const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

    /// Of the nodes beside this one, none of which was seen yet.
    #[must_use]
    pub fn new(own: NodeId, terms: LeaseTerms) -> Self {
        Self { terms, own, seen: HashMap::new(), in_doubt_until: Duration::ZERO }
    }

    /// Notes what all nodes had written when they were asked about; the answer was here at `answered`. If another server took over that may
    /// lack the last of what they had written, nothing follows from what is not there until their leases of before have surely ended.
    pub fn seen(&mut self, nodes: &[NodeStatus], took_over: bool, answered: Duration) {
        if took_over {
            self.seen.clear();
            self.in_doubt_until = self.terms.surely_ended(answered);
        }
        self.note(nodes, answered);
    }

    /// Whether another server took over, and a lease may not have ended that it does not know of.
    #[must_use]
    pub fn is_in_doubt(&self, now: Duration) -> bool {
        now < self.in_doubt_until
    }

    /// Notes what all nodes had written when they were asked about; the answer was here at `answered`.
    pub fn note(&mut self, nodes: &[NodeStatus], answered: Duration) {
        self.seen.retain(|id, _| nodes.iter().any(|node| node.id == *id));
        for node in nodes {
            let seen = self.seen.entry(node.id).or_insert(Seen { renewals: node.renewals, by: answered });
            if seen.renewals != node.renewals {
                *seen = Seen { renewals: node.renewals, by: answered };
            }
        }
    }

    /// The nodes among those that were noted last which have not asked for a lease for [`FORGOTTEN_AFTER`](Self::FORGOTTEN_AFTER), by this
    /// node's own clock: nobody's wall clock decides who is gone.
    #[must_use]
    pub fn gone(&self, nodes: &[NodeStatus], now: Duration) -> Vec<NodeStatus> {
        let is_gone = |node: &&NodeStatus| {
            let seen = self.seen.get(&node.id).filter(|seen| seen.renewals == node.renewals);
            node.id != self.own && seen.is_some_and(|seen| now >= seen.by + Self::FORGOTTEN_AFTER)
        };
        nodes.iter().filter(is_gone).copied().collect()
    }

    /// Whether a lease that was asked for before a change's commit has surely ended: then it holds everywhere, whatever nodes say.
    #[must_use]
    pub fn is_long_past(&self, change: Committed, now: Duration) -> bool {
        now >= self.terms.surely_ended(change.at)
    }

    /// How far a change is, according to what the nodes had written when they were asked about, which was begun at `asked`.
    #[must_use]
    pub fn reach(&self, change: Committed, nodes: &[NodeStatus], asked: Duration) -> Reach {
        if self.is_long_past(change, asked) {
            return Reach::Everywhere;
        }
        // What was asked before the commit says nothing of nodes that asked for a lease in between.
        let is_complete = asked >= change.at && !self.is_in_doubt(asked);
        let may_answer = |node: &&NodeStatus| match self.seen.get(&node.id) {
            Some(seen) => seen.renewals != node.renewals || asked < self.terms.surely_ended(seen.by),
            None => true,
        };
        let without: Vec<_> = nodes
            .iter()
            .filter(|node| node.id != self.own && node.applied < change.sequence)
            .filter(may_answer)
            .map(|node| node.id)
            .collect();
        if is_complete && without.is_empty() { Reach::Everywhere } else { Reach::NotYet(without) }
    }
}

#[cfg(test)]
mod tests;
