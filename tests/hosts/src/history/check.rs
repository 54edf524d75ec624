//! What no history may show, whatever happened to the nodes, the network and the database.
//!
//! A key that was acknowledged to be made dies at one moment, or never: at its expiry, or at some moment after a revocation was
//! asked for. That moment is no later than the answer to any revocation; where no answer came, it may be any, or none. Until it,
//! every node accepts the key. After it a node may still accept the key for as long as its lease runs, though no longer than until
//! a revocation has been answered (promise 3). A history is right if there is such a moment for each of its keys.
//!
//! A key whose creation was not answered is nobody's, since the answer is what tells its secret.

use std::collections::HashMap;
use std::time::Duration;

use super::{KeyId, Kind, Operation, Outcome};

/// What is wrong with a history, with the operations that show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// A key was accepted by an operation that began after a revocation of it had returned.
    AcceptedAfterRevocation {
        /// The first revocation that returned.
        revoked: Operation,
        /// What should have been denied.
        accepted: Operation,
    },
    /// A key was accepted by an operation that began after it had expired.
    AcceptedAfterExpiry {
        /// What made it, and said when it would expire.
        created: Operation,
        /// What should have been denied.
        accepted: Operation,
    },
    /// A key was denied although its creation had returned before, and neither a revocation had begun nor had it expired.
    Lost {
        /// What made it.
        created: Operation,
        /// What should have been accepted.
        denied: Operation,
    },
    /// A key was accepted longer after its death was seen than any lease runs.
    Revived {
        /// What saw its death.
        denied: Operation,
        /// What should have been denied.
        accepted: Operation,
    },
}

/// All that is wrong with a history. `lease` is how long a node may at most go on accepting a key that is dead, if its
/// revocation has not returned: the lease, the allowance for drift, and what a busy machine adds to it.
pub fn check(history: &[Operation], lease: Duration) -> Vec<Violation> {
    let mut keys: HashMap<KeyId, Seen> = HashMap::new();
    for operation in history {
        if let Kind::Create { by, .. } = operation.kind {
            if let Some(by) = by {
                keys.entry(by).or_default().sees(operation);
            }
            if outcome(operation) == Some(Outcome::Accepted) {
                keys.entry(operation.key).or_default().created = Some(*operation);
            }
        } else {
            let seen = keys.entry(operation.key).or_default();
            if operation.kind == Kind::Revoke && outcome(operation) != Some(Outcome::Denied) {
                seen.revocations.push(*operation);
            } else {
                seen.sees(operation);
            }
        }
    }
    let mut violations: Vec<Violation> = keys.values().flat_map(|seen| seen.violations(lease)).collect();
    violations.sort_by_key(Violation::at);
    violations
}

impl Violation {
    /// When the answer came that should have been another.
    pub fn at(&self) -> Duration {
        match self {
            Self::AcceptedAfterRevocation { accepted, .. }
            | Self::AcceptedAfterExpiry { accepted, .. }
            | Self::Revived { accepted, .. } => end(accepted),
            Self::Lost { denied, .. } => end(denied),
        }
    }
}

/// What a history says of one key.
#[derive(Default)]
struct Seen {
    created: Option<Operation>,
    /// Those that were done, or may have been.
    revocations: Vec<Operation>,
    accepted: Vec<Operation>,
    denied: Vec<Operation>,
}

impl Seen {
    fn sees(&mut self, operation: &Operation) {
        match outcome(operation) {
            Some(Outcome::Accepted) => self.accepted.push(*operation),
            Some(Outcome::Denied) => self.denied.push(*operation),
            None => {}
        }
    }

    fn violations(&self, lease: Duration) -> Vec<Violation> {
        let Some(created) = self.created else { return Vec::new() };
        let expires = match created.kind {
            Kind::Create { expires, .. } => expires,
            Kind::Verify | Kind::Revoke => None,
        };
        // No earlier than this it can have died.
        let first_asked = self.revocations.iter().map(|revocation| revocation.start).min();
        let may_be_dead = [first_asked, expires].into_iter().flatten().min().unwrap_or(Duration::MAX);
        // No later than this it was dead on every node.
        let revoked = self
            .revocations
            .iter()
            .filter(|revocation| revocation.answer.is_some())
            .min_by_key(|done| end(done));

        // What was denied while the key was already everywhere says that it was dead.
        let denied = self.denied.iter().filter(|denied| denied.start > end(&created));
        let (explained, lost): (Vec<Operation>, Vec<Operation>) =
            denied.partition(|denied| end(denied) >= may_be_dead);
        let first_denied = explained.iter().min_by_key(|denied| end(denied));

        let wrongly_accepted = self.accepted.iter().filter_map(|&accepted| {
            if let Some(&revoked) = revoked.filter(|revoked| accepted.start > end(revoked)) {
                Some(Violation::AcceptedAfterRevocation { revoked, accepted })
            } else if expires.is_some_and(|expires| accepted.start > expires) {
                Some(Violation::AcceptedAfterExpiry { created, accepted })
            } else {
                let denied =
                    *first_denied.filter(|denied| accepted.start > end(denied).saturating_add(lease))?;
                Some(Violation::Revived { denied, accepted })
            }
        });
        let lost = lost.into_iter().map(|denied| Violation::Lost { created, denied });
        wrongly_accepted.chain(lost).collect()
    }
}

fn outcome(operation: &Operation) -> Option<Outcome> {
    operation.answer.map(|(_, outcome)| outcome)
}

/// When the answer was there; what was not answered has not ended yet.
fn end(operation: &Operation) -> Duration {
    operation.answer.map_or(Duration::MAX, |(at, _)| at)
}
