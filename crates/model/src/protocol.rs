//! What can happen next, and what it does. Whatever can happen may also be late or never happen: that is how messages are delayed or
//! lost, and how nodes pause.

use crate::guards::Guards;
use crate::state::{Change, Node, Renewal, Returned, Revocation, Row, Seen, State, Status};
use crate::{Cluster, FULL_LEASE, Standby};

/// One thing that happens. A number says to which node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Time passes, for everybody.
    Tick,
    /// Time passes while this node's machine sleeps, and its clock with it.
    TickAsleep(usize),
    /// It reads everything.
    Load(usize),
    /// Renewal 0: it looks at its clock.
    Begin(usize),
    /// Renewal 1: its row is committed.
    Register(usize),
    /// Renewal 2: it asks how far the feed is, and whether that is still the feed that it knows.
    Ask(usize),
    /// Renewal 3, and any time: it applies the next change.
    Follow(usize),
    /// Renewal 4: the lease begins.
    Lease(usize),
    /// It writes how far it is.
    Acknowledge(usize),
    /// A verification finds the key good before it looks at the lease.
    FindGood(usize),
    /// It is killed and started again.
    Crash(usize),
    /// It says in the database that changes were lost.
    Halt(usize),
    /// Its row is forgotten.
    Forget(usize),
    /// The feed's old rows are deleted.
    Prune,
    /// Somebody commits a change of something else.
    Write,
    /// Revocation 1: its transaction takes a number.
    Revoke,
    /// Revocation 1: that is committed.
    Commit,
    /// Revocation 2 to 4: the revoker looks at the rows, and returns if it may.
    Look,
    /// The standby does not follow from here on.
    FallBehind,
    /// The standby takes over, and the old database answers nobody any more.
    FailOver,
}

impl Cluster {
    /// Does it, if it can happen now; else nothing is changed.
    pub(crate) fn step(&self, state: &mut State, action: Action) -> Option<()> {
        let guards = &self.guards;
        match action {
            Action::Tick => {
                self.tick(state, None);
                Some(())
            }
            Action::TickAsleep(node) => {
                (!guards.clock_runs_through_suspend).then(|| self.tick(state, Some(node)))
            }
            Action::Load(node) => load(state, node, guards),
            Action::Begin(node) => self.begin(&mut state.nodes[node], node),
            Action::Register(node) => register(state, node, guards),
            Action::Ask(node) => ask(state, node, guards),
            Action::Follow(node) => follow(state, node, guards),
            Action::Lease(node) => self.lease(&mut state.nodes[node]),
            Action::Acknowledge(node) => acknowledge(state, node),
            Action::FindGood(node) => {
                let revoked = state.returned().filter(|_| !guards.lease_before_key)?;
                let node = &mut state.nodes[node];
                (node.status == Status::Following && !node.knows(revoked)).then(|| node.found_good = true)
            }
            Action::Crash(node) => {
                // What had been the revoker's would only be lost.
                (node != 0 && state.crashes < self.bounds.crashes).then_some(())?;
                state.crashes += 1;
                // It runs under another id from now on. Its old row is nobody's, and no harm.
                state.nodes[node] = Node::new(state.nodes[node].renewals);
                state.database.rows[node] = None;
                state.revoker.seen[node] = None;
                Some(())
            }
            Action::Halt(node) => {
                let sees = state.nodes[node].status == Status::Refusing && !state.database.halted;
                sees.then(|| (state.database.halted, state.since_halt) = (true, FULL_LEASE))
            }
            Action::Forget(node) => {
                let may = !guards.forgets_ended_only || !state.nodes[node].may_answer();
                (self.bounds.forgets && may).then_some(())?;
                state.database.rows[node].take().map(drop)
            }
            Action::Prune => {
                let until = state.database.head().saturating_sub(1);
                (self.bounds.prunes && state.database.pruned < until).then(|| state.database.pruned = until)
            }
            Action::Write => {
                let others = state.commits - u8::from(state.revocation().is_some());
                (others < self.bounds.writes && may_take(state, guards)).then_some(())?;
                let number = take(state);
                commit(state, number);
                Some(())
            }
            Action::Revoke => {
                let is_new = state.revoker.revocation == Revocation::NotYet;
                (is_new && !state.database.halted && state.nodes[0].status == Status::Following)
                    .then_some(())?;
                let nodes = (0..)
                    .zip(&state.database.rows)
                    .fold(0, |set, (node, row)| set | u8::from(row.is_some()) << node);
                let number = take(state);
                state.revoker.revocation = Revocation::Open { number, nodes };
                Some(())
            }
            Action::Commit => {
                let Revocation::Open { number, nodes } = state.revoker.revocation else { return None };
                let change = commit(state, number);
                let left = self.surely_ended();
                state.revoker.revocation = Revocation::Committed { change, nodes, left };
                Some(())
            }
            Action::Look => self.look(state),
            Action::FallBehind => {
                let can = self.standby == Standby::Asynchronous && !state.failed_over;
                (can && state.behind.is_none()).then(|| state.behind = Some(state.database.clone()))
            }
            Action::FailOver => self.fail_over(state),
        }
    }

    fn tick(&self, state: &mut State, asleep: Option<usize>) {
        for (index, node) in state.nodes.iter_mut().enumerate() {
            if asleep == Some(index) {
                continue;
            }
            node.lease = node.lease.saturating_sub(1);
            if let Some(renewal) = &mut node.renewal {
                renewal.left = renewal.left.saturating_sub(1);
                if renewal.left == 0 && self.guards.lease_counts_from_before_sending {
                    // Its lease would have ended: as good as given up.
                    node.renewal = None;
                }
            }
        }
        let revoker = &mut state.revoker;
        for seen in revoker.seen.iter_mut().flatten() {
            seen.left = seen.left.saturating_sub(1);
        }
        revoker.doubt = revoker.doubt.saturating_sub(1);
        if let Revocation::Committed { left, .. } = &mut revoker.revocation {
            *left = left.saturating_sub(1);
        }
        state.since_halt = state.since_halt.saturating_sub(1);
    }

    fn begin(&self, node: &mut Node, index: usize) -> Option<()> {
        let may = node.status == Status::Following && node.renewal.is_none();
        (may && node.renewals < self.bounds.renewals[index]).then_some(())?;
        node.renewals += 1;
        node.renewal = Some(Renewal { left: FULL_LEASE, registered: false, told: None });
        Some(())
    }

    fn lease(&self, node: &mut Node) -> Option<()> {
        let renewal = node.renewal.filter(|renewal| renewal.registered)?;
        let told = renewal.told?;
        (node.applied >= told || !self.guards.applies_before_lease).then_some(())?;
        let left = if self.guards.lease_counts_from_before_sending { renewal.left } else { FULL_LEASE };
        node.renewal = None;
        node.lease = node.lease.max(left);
        Some(())
    }

    fn look(&self, state: &mut State) -> Option<()> {
        if state.returned().is_some() {
            return None;
        }
        let surely_ended = self.surely_ended();
        let State { revoker, database, nodes, .. } = state;
        if !revoker.connected {
            let first = !revoker.was_connected;
            if if first { self.guards.doubts_first_connection } else { self.guards.doubts_new_connection } {
                revoker.doubt = surely_ended;
                revoker.seen.fill(None);
            }
            (revoker.connected, revoker.was_connected) = (true, true);
        }
        for (seen, row) in revoker.seen.iter_mut().zip(&database.rows) {
            // What has gone is forgotten; what is new, or has asked again, counts from now.
            let same = seen.zip(*row).is_some_and(|(seen, row)| seen.renewals == row.renewals);
            if !same {
                *seen = row.map(|row| Seen { renewals: row.renewals, left: surely_ended });
            }
        }
        if let Revocation::Committed { change, nodes: early, left } = revoker.revocation {
            let others = || {
                let looked_at =
                    |node: usize| self.guards.reads_nodes_after_commit || early & (1 << node) != 0;
                (1..).zip(&database.rows[1..]).filter(move |(node, _)| looked_at(*node))
            };
            let without = |node: usize, row: &Option<Row>| {
                row.is_some_and(|row| row.applied < change.number)
                    && revoker.seen[node].is_some_and(|seen| seen.left > 0)
            };
            let all_applied = others().all(|(_, row)| row.is_none_or(|row| row.applied >= change.number));
            let everywhere = revoker.doubt == 0
                && nodes[0].applied >= change.number
                && !others().any(|(node, row)| without(node, row));
            if everywhere || left == 0 || !self.guards.waits_for_nodes {
                let by = if everywhere && all_applied { Returned::Acknowledged } else { Returned::LeaseOver };
                revoker.revocation = Revocation::Returned { mark: change.mark, by };
            }
        }
        Some(())
    }

    fn fail_over(&self, state: &mut State) -> Option<()> {
        (!state.failed_over).then_some(())?;
        match self.standby {
            Standby::None => return None,
            Standby::Synchronous => {}
            Standby::Asynchronous => state.database = state.behind.take()?,
        }
        state.failed_over = true;
        // What was taken and not committed is rolled back.
        state.database.taken = state.database.head();
        if let Revocation::Open { .. } = state.revoker.revocation {
            state.revoker.revocation = Revocation::NotYet;
        }
        state.revoker.connected = false;
        Some(())
    }
}

fn load(state: &mut State, node: usize, guards: &Guards) -> Option<()> {
    let database = &state.database;
    let node = &mut state.nodes[node];
    let may = node.status == Status::New || (node.status == Status::Refusing && !guards.keeps_refusing);
    (may && !(database.halted && guards.obeys_halt)).then_some(())?;
    node.status = Status::Following;
    node.applied = database.head();
    node.mark = database.mark(node.applied);
    node.known = database.log.iter().fold(0, |known, change| known | 1 << change.mark);
    Some(())
}

fn register(state: &mut State, index: usize, guards: &Guards) -> Option<()> {
    let node = &mut state.nodes[index];
    let renewal = node.renewal.as_mut().filter(|renewal| !renewal.registered)?;
    (guards.row_before_asking || renewal.told.is_some()).then_some(())?;
    renewal.registered = true;
    let row = &mut state.database.rows[index];
    let counted = row.map_or(1, |row| row.renewals + 1);
    let renewals = if guards.counts_never_repeat { node.renewals } else { counted };
    *row = Some(Row { renewals, applied: node.applied });
    Some(())
}

/// Whether the feed is still the one that a node knows; if not, what becomes of the node.
fn compare(state: &mut State, index: usize, guards: &Guards) -> bool {
    let (database, node) = (&state.database, &mut state.nodes[index]);
    let went_back = database.head() < node.applied;
    let is_another = database.mark(node.applied) != node.mark;
    let is_gone = node.applied > 0 && node.applied <= database.pruned;
    let status = if (database.halted && guards.obeys_halt) || went_back {
        Status::Refusing
    } else if is_gone && guards.loads_after_gap {
        Status::New
    } else if is_another && !is_gone && guards.compares_marks {
        Status::Refusing
    } else {
        return true;
    };
    lose(node, status);
    false
}

fn lose(node: &mut Node, status: Status) {
    (node.status, node.lease, node.renewal) = (status, 0, None);
    (node.applied, node.mark, node.known) = (0, None, 0);
}

fn ask(state: &mut State, index: usize, guards: &Guards) -> Option<()> {
    let renewal = state.nodes[index].renewal.filter(|renewal| renewal.told.is_none())?;
    (renewal.registered || !guards.row_before_asking).then_some(())?;
    if compare(state, index, guards) {
        let told = Some(state.database.head());
        state.nodes[index].renewal = Some(Renewal { told, ..renewal });
    }
    Some(())
}

fn follow(state: &mut State, index: usize, guards: &Guards) -> Option<()> {
    (state.nodes[index].status == Status::Following).then_some(())?;
    if !compare(state, index, guards) {
        return Some(());
    }
    let database = &state.database;
    let node = &mut state.nodes[index];
    let from = node.applied.max(database.pruned);
    let next = database.log.iter().find(|change| change.number > from)?;
    if next.number != node.applied + 1 && guards.loads_after_gap {
        lose(node, Status::New);
        return Some(());
    }
    (node.applied, node.mark) = (next.number, Some(next.mark));
    node.known |= 1 << next.mark;
    let revocation = state.revocation();
    let node = &mut state.nodes[index];
    node.knew_revocation |= revocation.is_some_and(|mark| node.knows(mark));
    Some(())
}

fn acknowledge(state: &mut State, index: usize) -> Option<()> {
    let node = &state.nodes[index];
    let row = state.database.rows[index].as_mut()?;
    (node.status == Status::Following && row.applied < node.applied).then(|| row.applied = node.applied)
}

fn may_take(state: &State, guards: &Guards) -> bool {
    let is_locked = matches!(state.revoker.revocation, Revocation::Open { .. });
    !(state.database.halted || is_locked && guards.numbers_under_lock)
}

fn take(state: &mut State) -> u8 {
    state.database.taken += 1;
    state.database.taken
}

fn commit(state: &mut State, number: u8) -> Change {
    let change = Change { number, mark: state.commits };
    state.commits += 1;
    state.database.commit(change);
    change
}
