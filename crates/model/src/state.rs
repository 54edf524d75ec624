//! Who knows what: the database, its standby, the nodes, and the node that revokes.
//!
//! All time is counted down, so that nothing grows: what ends later than `n` ticks from now holds `n`.

/// A change that was committed: what tells it from every other, also from one that takes its number after a fail-over.
pub type Mark = u8;

/// One row of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Change {
    /// Where it is in the feed, from 1.
    pub number: u8,
    /// Which change it is.
    pub mark: Mark,
}

/// What a node has written of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// How often it has asked for a lease.
    pub renewals: u8,
    /// How far it says to have applied the feed.
    pub applied: u8,
}

/// What is committed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Database {
    /// All changes there were, by number.
    pub log: Vec<Change>,
    /// The feed has no rows up to this number any more.
    pub pruned: u8,
    /// The last number that was taken.
    pub taken: u8,
    /// Of each node that has one.
    pub rows: Vec<Option<Row>>,
    /// Somebody saw that changes were lost.
    pub halted: bool,
}

impl Database {
    /// The last number in the feed.
    #[must_use]
    pub fn head(&self) -> u8 {
        self.log.last().map_or(0, |change| change.number)
    }

    /// Which change has a number.
    #[must_use]
    pub fn mark(&self, number: u8) -> Option<Mark> {
        self.log.iter().find(|change| change.number == number).map(|change| change.mark)
    }

    /// Whether a change is committed here.
    #[must_use]
    pub fn holds(&self, mark: Mark) -> bool {
        self.log.iter().any(|change| change.mark == mark)
    }

    /// Commits a change under a number.
    pub fn commit(&mut self, change: Change) {
        let place = self.log.partition_point(|other| other.number < change.number);
        self.log.insert(place, change);
    }
}

/// What a node is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It has loaded nothing, or must load anew.
    New,
    /// It follows the feed.
    Following,
    /// It saw that changes were lost.
    Refusing,
}

/// A node that asks for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Renewal {
    /// Until a lease would end that counts from when this began.
    pub left: u8,
    /// Its row is committed.
    pub registered: bool,
    /// How far it was told that the feed is.
    pub told: Option<u8>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it is at.
    pub status: Status,
    /// Until its lease ends. It answers while this is more than 0.
    pub lease: u8,
    /// The lease that it asks for.
    pub renewal: Option<Renewal>,
    /// How often it has asked.
    pub renewals: u8,
    /// How far it has applied the feed.
    pub applied: u8,
    /// Which change that was, if it is not the beginning.
    pub mark: Option<Mark>,
    /// Which changes its directory holds, as a set of bits.
    pub known: u8,
    /// It has, in this run, known that the key was revoked.
    pub knew_revocation: bool,
    /// A verification that began after the revocation returned has found the key good, and has yet to look at the lease.
    pub found_good: bool,
}

impl Node {
    /// One that was just started.
    #[must_use]
    pub fn new(renewals: u8) -> Self {
        Self {
            status: Status::New,
            lease: 0,
            renewal: None,
            renewals,
            applied: 0,
            mark: None,
            known: 0,
            knew_revocation: false,
            found_good: false,
        }
    }

    /// Whether its directory holds a change.
    #[must_use]
    pub fn knows(&self, mark: Mark) -> bool {
        self.known & (1 << mark) != 0
    }

    /// Whether it holds a lease or may still take one that it asked for.
    #[must_use]
    pub fn may_answer(&self) -> bool {
        self.lease > 0 || self.renewal.is_some_and(|renewal| renewal.registered)
    }
}

/// How a revocation came to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Returned {
    /// All nodes had applied it.
    Acknowledged,
    /// Some had not, and their leases had ended.
    LeaseOver,
}

/// The one revocation of the one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// The key is good.
    NotYet,
    /// Its transaction is open and has its number. The rows that there were then are the bits of `nodes`.
    Open {
        /// In the feed, once it is committed.
        number: u8,
        /// Used only where nodes are read too early.
        nodes: u8,
    },
    /// It is committed and somebody waits.
    Committed {
        /// Itself.
        change: Change,
        /// As above.
        nodes: u8,
        /// Until every lease from before the commit has surely ended.
        left: u8,
    },
    /// Promise 3 holds from here.
    Returned {
        /// Which change it was.
        mark: Mark,
        /// Why it could.
        by: Returned,
    },
}

/// What the node that revokes has seen of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// How often it had asked for a lease.
    pub renewals: u8,
    /// Until a lease from then has surely ended.
    pub left: u8,
}

/// What the node that revokes knows of the others: it is node 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revoker {
    /// The revocation.
    pub revocation: Revocation,
    /// What it has seen.
    pub seen: Vec<Option<Seen>>,
    /// It has a connection on which to look at rows.
    pub connected: bool,
    /// It has had one before.
    pub was_connected: bool,
    /// Until rows can be believed.
    pub doubt: u8,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What answers as the database.
    pub database: Database,
    /// What a standby that is behind would answer.
    pub behind: Option<Database>,
    /// The standby took over.
    pub failed_over: bool,
    /// Until leases from before the halt have ended.
    pub since_halt: u8,
    /// The nodes; the first also revokes.
    pub nodes: Vec<Node>,
    /// The rest of the first.
    pub revoker: Revoker,
    /// Changes that were ever committed.
    pub commits: u8,
    /// Crashes there were.
    pub crashes: u8,
}

impl State {
    /// Which change revoked the key, once that was committed anywhere.
    #[must_use]
    pub fn revocation(&self) -> Option<Mark> {
        match self.revoker.revocation {
            Revocation::Committed { change, .. } => Some(change.mark),
            Revocation::Returned { mark, .. } => Some(mark),
            Revocation::NotYet | Revocation::Open { .. } => None,
        }
    }

    /// The same, once it has returned.
    #[must_use]
    pub fn returned(&self) -> Option<Mark> {
        match self.revoker.revocation {
            Revocation::Returned { mark, .. } => Some(mark),
            _ => None,
        }
    }

    /// Makes states the same that differ in nothing that anybody will look at.
    pub(crate) fn forget_what_does_not_matter(&mut self) {
        // The revoker needs no row to know of itself.
        self.database.rows[0] = None;
        self.revoker.seen[0] = None;
        if self.returned().is_some() {
            // It looks at nobody any more.
            self.database.rows.fill(None);
            self.revoker.seen.fill(None);
            (self.revoker.connected, self.revoker.was_connected, self.revoker.doubt) = (true, true, 0);
            if let Some(behind) = &mut self.behind {
                behind.rows.fill(None);
            }
        }
    }
}
