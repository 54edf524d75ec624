//! What is wrong with what clients saw, also where the database lost commits.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use keystead_test_hosts::{KeyId, Kind, Operation, Outcome, Violation, check};

use crate::LEASE;
use crate::failover::Loss;

/// How long a node may go on accepting a key that is dead while nobody was told that it is: a lease, what clocks may differ by, and what
/// a busy machine adds.
const WHILE_UNTOLD: Duration = LEASE.saturating_mul(3);
/// How long nodes may answer after a halt.
const AFTER_HALT: Duration = WHILE_UNTOLD;

/// Something that clients saw and should not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// By a history in which nothing was lost.
    Violation(Violation),
    /// A node that knew that a key was revoked accepted it again, after a fail-over that lost the revocation.
    Unlearnt {
        /// What the node had said.
        denied: Operation,
        /// What it said later.
        accepted: Operation,
    },
    /// A key was accepted though the store had been halted for longer than a lease.
    AcceptedAfterHalt(Operation),
}

/// All of it. After a fail-over that lost commits, keys are judged by what the database still has: what became of those that were made or
/// revoked after the standby stopped following is not known, other than that nobody unlearns it, and that the store is halted.
pub(crate) fn judge(history: &[Operation], loss: Option<&Loss>) -> Vec<Finding> {
    let Some(loss) = loss else { return violations(history) };
    let is_in_doubt = |operation: &&Operation| {
        operation.kind != Kind::Verify && operation.answer.is_none_or(|(at, _)| at >= loss.from)
    };
    let in_doubt: HashSet<KeyId> =
        history.iter().filter(is_in_doubt).map(|operation| operation.key).collect();
    let is_known = |operation: &&Operation| {
        !in_doubt.contains(&operation.key) || operation.answer.is_none_or(|(at, _)| at < loss.crashed)
    };
    let known: Vec<Operation> = history.iter().filter(is_known).copied().collect();
    let mut findings = violations(&known);
    findings.extend(unlearnt(history, &in_doubt));
    let after_halt = history.iter().filter(|operation| {
        operation.start > loss.halted + AFTER_HALT && outcome(operation) == Some(Outcome::Accepted)
    });
    findings.extend(after_halt.copied().map(Finding::AcceptedAfterHalt));
    findings
}

fn violations(history: &[Operation]) -> Vec<Finding> {
    check(history, WHILE_UNTOLD).into_iter().map(Finding::Violation).collect()
}

/// Nodes that said that a key is not known, and then accepted it.
fn unlearnt(history: &[Operation], keys: &HashSet<KeyId>) -> Vec<Finding> {
    let verified =
        || history.iter().filter(|operation| operation.kind == Kind::Verify && keys.contains(&operation.key));
    let mut denials: HashMap<(u32, KeyId), Operation> = HashMap::new();
    for denied in verified().filter(|operation| outcome(operation) == Some(Outcome::Denied)) {
        let first = denials.entry((denied.node, denied.key)).or_insert(*denied);
        if end(denied) < end(first) {
            *first = *denied;
        }
    }
    let accepted = verified().filter(|operation| outcome(operation) == Some(Outcome::Accepted));
    let unlearnt = accepted.filter_map(|accepted| {
        let denied = *denials.get(&(accepted.node, accepted.key))?;
        (accepted.start > end(&denied)).then_some(Finding::Unlearnt { denied, accepted: *accepted })
    });
    unlearnt.collect()
}

fn outcome(operation: &Operation) -> Option<Outcome> {
    operation.answer.map(|(_, outcome)| outcome)
}

fn end(operation: &Operation) -> Duration {
    operation.answer.map_or(Duration::MAX, |(at, _)| at)
}

impl Finding {
    /// Whether it is that a key was accepted after its revocation had returned.
    pub fn is_revoked_and_accepted(&self) -> bool {
        matches!(self, Self::Violation(Violation::AcceptedAfterRevocation { .. }))
    }

    /// What it is, and the operations that show it.
    fn parts(&self) -> (&'static str, Vec<(&'static str, Operation)>) {
        match *self {
            Self::Violation(Violation::AcceptedAfterRevocation { revoked, accepted }) => (
                "accepted after its revocation had returned",
                vec![("revoked", revoked), ("accepted", accepted)],
            ),
            Self::Violation(Violation::AcceptedAfterExpiry { created, accepted }) => {
                ("accepted after it had expired", vec![("created", created), ("accepted", accepted)])
            }
            Self::Violation(Violation::Lost { created, denied }) => {
                ("denied though nobody revoked it", vec![("created", created), ("denied", denied)])
            }
            Self::Violation(Violation::Revived { denied, accepted }) => {
                ("accepted long after it was dead", vec![("denied", denied), ("accepted", accepted)])
            }
            Self::Unlearnt { denied, accepted } => {
                ("accepted by a node that had known better", vec![("denied", denied), ("accepted", accepted)])
            }
            Self::AcceptedAfterHalt(accepted) => {
                ("accepted though the store was halted", vec![("accepted", accepted)])
            }
        }
    }

    /// When the answer came that should have been another.
    pub(crate) fn at(&self) -> Duration {
        self.parts().1.iter().map(|(_, operation)| end(operation)).max().unwrap_or_default()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, operations) = self.parts();
        let key = operations[0].1.key.0;
        write!(f, "key {key} was {what}")?;
        for (name, operation) in operations {
            let (start, end) = (operation.start.as_secs_f64(), end(&operation).as_secs_f64());
            write!(f, "; {name} by node {} from {start:.3} to {end:.3} s", operation.node + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: Kind = Kind::Create { by: None, expires: None };
    /// The standby stopped following at 10, and took over at 20; the store was halted at 21.
    const LOSS: Loss = Loss {
        from: Duration::from_secs(10),
        crashed: Duration::from_secs(20),
        halted: Duration::from_secs(21),
    };

    fn at(kind: Kind, node: u32, start: u64, end: u64, outcome: Outcome) -> Operation {
        let (start, end) = (Duration::from_secs(start), Duration::from_secs(end));
        Operation { client: 0, node, key: KeyId(1), kind, start, answer: Some((end, outcome)) }
    }

    fn accepted(kind: Kind, start: u64, end: u64) -> Operation {
        at(kind, 0, start, end, Outcome::Accepted)
    }

    #[test]
    fn a_revocation_that_the_database_kept_holds_after_the_fail_over() {
        let accepted_again = accepted(Kind::Verify, 22, 23);
        let history = [accepted(CREATE, 1, 2), accepted(Kind::Revoke, 8, 9), accepted_again];
        assert!(matches!(judge(&history, Some(&LOSS))[..], [finding] if finding.is_revoked_and_accepted()));
    }

    #[test]
    fn a_revocation_that_may_be_lost_holds_until_the_fail_over_and_no_longer() {
        let revoked = [accepted(CREATE, 1, 2), accepted(Kind::Revoke, 9, 11)];
        let after = [&revoked[..], &[accepted(Kind::Verify, 22, 23)]].concat();
        assert_eq!(judge(&after, Some(&LOSS)), []);
        let before = [&revoked[..], &[accepted(Kind::Verify, 12, 13)]].concat();
        assert!(matches!(judge(&before, Some(&LOSS))[..], [finding] if finding.is_revoked_and_accepted()));
    }

    #[test]
    fn a_revocation_that_was_never_answered_explains_that_a_key_is_denied() {
        let asked = Operation { answer: None, ..accepted(Kind::Revoke, 3, 4) };
        let history = [accepted(CREATE, 1, 2), asked, at(Kind::Verify, 0, 6, 7, Outcome::Denied)];
        assert_eq!(judge(&history, Some(&LOSS)), []);
    }

    #[test]
    fn a_node_that_knew_a_revocation_does_not_unlearn_it() {
        let denied = at(Kind::Verify, 1, 12, 13, Outcome::Denied);
        let history = [accepted(CREATE, 1, 2), accepted(Kind::Revoke, 9, 11), denied];
        let another = accepted(Kind::Verify, 22, 23);
        assert_eq!(judge(&[&history[..], &[another]].concat(), Some(&LOSS)), []);
        let same = at(Kind::Verify, 1, 22, 23, Outcome::Accepted);
        let found = judge(&[&history[..], &[same]].concat(), Some(&LOSS));
        assert_eq!(found, [Finding::Unlearnt { denied, accepted: same }]);
    }

    #[test]
    fn a_key_that_may_be_lost_may_be_denied_and_one_that_was_kept_may_not() {
        let denied = at(Kind::Verify, 0, 22, 23, Outcome::Denied);
        assert_eq!(judge(&[accepted(CREATE, 9, 11), denied], Some(&LOSS)), []);
        assert_eq!(judge(&[accepted(CREATE, 8, 9), denied], Some(&LOSS)).len(), 1);
    }

    #[test]
    fn nobody_answers_a_halted_store_for_longer_than_leases_run() {
        let late = accepted(Kind::Verify, 25, 26);
        let found = judge(&[accepted(CREATE, 1, 2), accepted(Kind::Verify, 23, 24), late], Some(&LOSS));
        assert_eq!(found, [Finding::AcceptedAfterHalt(late)]);
    }
}
