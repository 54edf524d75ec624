//! A checked model of how many nodes that share a store keep promise 3: once the call that revokes a key has returned, no node accepts a
//! verification that starts later. `stateright` visits every state that nodes can come to, in any order of what happens, within
//! [`Bounds`]; the tests also take away each of the [`Guards`] and show what goes wrong.
//!
//! # The protocol
//! A node renews its lease in five steps: it looks at its clock (0), commits its row (1), asks how far the feed is (2), applies the feed
//! that far (3), and may then answer for the length of a lease from step 0 on (4). A revocation commits (1), and then looks at
//! the rows (2, 3) until each node has applied it or can have no lease any more (4).
//!
//! # What is assumed of clocks
//! Instants of different nodes are never compared; only how fast their clocks run matters. A lease is [`LEASE`] ticks. Each node's clock
//! is as slow as is allowed: its lease lasts [`DRIFT`] ticks longer than it thinks. The revoker's is right, and waits [`DRIFT`]
//! longer. That is the worst case; any smaller difference has fewer behaviours. Clocks run while a machine sleeps.
//!
//! # What holds
//! - With one database, or a **synchronous** standby: no node answers by the key after the revocation returned.
//! - With an **asynchronous** standby, the same for each revocation that is still in the database, whatever else a fail-over lost.
//! - Of a revocation that was lost itself: a node that had applied it never answers by the key again before it is started anew, and once
//!   one node could say so in the database, none answers after a lease. A node that never heard of it, or is started after the
//!   fail-over and before that, cannot know: it answers. Who cannot bear that takes a synchronous standby.
//!
//! # What is not modelled
//! - A database that was failed over from and still answers (it must be fenced), a connection that is moved to another server without being
//!   broken, and reading from a standby.
//! - A feed that is pruned, after a fail-over, past where a node was that had been away: it loads anew as if it had been started.
//! - Loading in parts: it reads its position first, and what came between is told to it again.
//! - A message that comes after its sender gave it up. The late commit of a row only makes others wait.
//! - The restart of the node that revokes: whoever got no answer was promised nothing. That it begins with nothing seen is modelled.
//! - Restored backups, new epochs and opening a store again: who does that waits for a lease before it returns.
//!
//! What leads to a server that took over is a new connection here; the code tells it from one to the same server by its timeline.
//!
//! A paused node is one to which nothing happens for a while, other than time.

mod check;
pub mod guards;
pub mod protocol;
pub mod state;

use stateright::{Model, Property};

pub use check::Checked;
pub use guards::Guards;
pub use protocol::Action;
pub use state::State;
use state::{Database, Node, Returned, Revocation, Revoker, Status};

/// A lease in ticks.
pub const LEASE: u8 = 1;
/// By how many ticks two clocks may differ in the time of a lease.
pub const DRIFT: u8 = 1;
/// How long a lease lasts by the slowest clock.
const FULL_LEASE: u8 = LEASE + DRIFT;

/// What takes over when the database fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standby {
    /// Nothing.
    None,
    /// What has all that was committed.
    Synchronous,
    /// What may lack all that was committed after an instant.
    Asynchronous,
}

/// How much happens, at most.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// How often each node asks for a lease: as many nodes as there are numbers.
    pub renewals: Vec<u8>,
    /// Changes beside the revocation.
    pub writes: u8,
    /// Nodes that are killed and started again.
    pub crashes: u8,
    /// Old rows of the feed are deleted, regardless of who may need them.
    pub prunes: bool,
    /// Rows of nodes are forgotten.
    pub forgets: bool,
}

/// Nodes that share a store.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// What they heed.
    pub guards: Guards,
    /// Of their database.
    pub standby: Standby,
    /// How far they are followed.
    pub bounds: Bounds,
}

impl Cluster {
    /// After how long the revoker takes a lease for ended.
    fn surely_ended(&self) -> u8 {
        if self.guards.allows_for_drift { FULL_LEASE } else { LEASE }
    }
}

/// The names of what is checked.
pub mod properties {
    /// Promise 3, of a revocation that is in the database.
    pub const REVOKED_MEANS_REVOKED: &str = "no node answers by a key whose revocation returned";
    /// Promise 3, of a revocation that the database lost.
    pub const NOT_UNLEARNT: &str = "no node that knew a revocation answers by the key again";
    /// The same, for all nodes.
    pub const HALTED: &str = "no node answers a lease after a halt";
    /// Nodes skip nothing.
    pub const GAPLESS: &str = "a node that follows the feed knows every change up to where it is";
    /// Revocations return.
    pub const BOUNDED: &str = "a revocation waits no longer than a lease";
    /// Not vacuous: keys work.
    pub const ANSWERED: &str = "every node answers by a key that is good";
    /// Not vacuous: nodes acknowledge.
    pub const ACKNOWLEDGED: &str = "a revocation returns because every node applied it";
    /// Not vacuous: nodes are silent.
    pub const LEASE_OVER: &str = "a revocation returns because a lease is over";
}

const OF_A_NODE: [fn(usize) -> Action; 12] = [
    Action::Load,
    Action::Begin,
    Action::Register,
    Action::Ask,
    Action::Follow,
    Action::Lease,
    Action::Acknowledge,
    Action::FindGood,
    Action::Crash,
    Action::Halt,
    Action::Forget,
    Action::TickAsleep,
];
const OF_NO_NODE: [Action; 8] = [
    Action::Tick,
    Action::Prune,
    Action::Write,
    Action::Revoke,
    Action::Commit,
    Action::Look,
    Action::FallBehind,
    Action::FailOver,
];

impl Model for Cluster {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let nodes = self.bounds.renewals.len();
        let mut state = State {
            database: Database {
                log: Vec::new(),
                pruned: 0,
                taken: 0,
                rows: vec![None; nodes],
                halted: false,
            },
            behind: None,
            failed_over: false,
            since_halt: 0,
            nodes: vec![Node::new(0); nodes],
            revoker: Revoker {
                revocation: Revocation::NotYet,
                seen: vec![None; nodes],
                connected: false,
                was_connected: false,
                doubt: 0,
            },
            commits: 0,
            crashes: 0,
        };
        // The first has loaded, the others are about to join.
        state.nodes[0].status = Status::Following;
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let of_nodes = (0..state.nodes.len()).flat_map(|node| OF_A_NODE.map(|action| action(node)));
        let mut tried = state.clone();
        for action in of_nodes.chain(OF_NO_NODE) {
            if self.step(&mut tried, action).is_some() {
                tried.clone_from(state);
                actions.push(action);
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.step(&mut next, action)?;
        next.forget_what_does_not_matter();
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        use properties as named;
        vec![
            Property::always(named::REVOKED_MEANS_REVOKED, |_, state: &State| match state.returned() {
                Some(mark) if state.database.holds(mark) => {
                    state.nodes.iter().all(|node| node.lease == 0 || (node.knows(mark) && !node.found_good))
                }
                _ => true,
            }),
            Property::always(named::NOT_UNLEARNT, |_, state: &State| match state.revocation() {
                Some(mark) => {
                    let knew = |node: &&Node| node.knew_revocation;
                    state.nodes.iter().filter(knew).all(|node| node.lease == 0 || node.knows(mark))
                }
                None => true,
            }),
            Property::always(named::HALTED, |_, state: &State| {
                !state.database.halted
                    || state.since_halt > 0
                    || state.nodes.iter().all(|node| node.lease == 0)
            }),
            Property::always(named::GAPLESS, |_, state: &State| {
                state.nodes.iter().all(|node| is_gapless(state, node))
            }),
            Property::always(named::BOUNDED, |cluster: &Self, state: &State| {
                match state.revoker.revocation {
                    Revocation::Committed { left: 0, .. } => {
                        let next = cluster.next_state(state, Action::Look);
                        next.is_some_and(|next| next.returned().is_some())
                    }
                    _ => true,
                }
            }),
            Property::sometimes(named::ANSWERED, |_, state: &State| {
                state.revocation().is_none() && state.nodes[1..].iter().all(|node| node.lease > 0)
            }),
            Property::sometimes(named::ACKNOWLEDGED, |_, state: &State| {
                let by = matches!(
                    state.revoker.revocation,
                    Revocation::Returned { by: Returned::Acknowledged, .. }
                );
                by && state.nodes[1..].iter().all(|node| node.lease > 0)
            }),
            Property::sometimes(named::LEASE_OVER, |_, state: &State| {
                let by =
                    matches!(state.revoker.revocation, Revocation::Returned { by: Returned::LeaseOver, .. });
                by && state.nodes[1..].iter().all(|node| node.renewals > 0)
            }),
        ]
    }
}

fn is_gapless(state: &State, node: &Node) -> bool {
    // Of a node on another history than the database's, there is nothing to compare with.
    node.status != Status::Following
        || state.database.mark(node.applied) != node.mark
        || (state.database.log.iter())
            .filter(|change| change.number <= node.applied)
            .all(|change| node.knows(change.mark))
}
