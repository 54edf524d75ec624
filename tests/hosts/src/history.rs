//! What clients asked of keys, when, and what they were answered.

mod check;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use check::{Violation, check};

/// A key, by a number that the test gives it before it asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To make the key.
    Create {
        /// The key that makes it, if a key does: minting.
        by: Option<KeyId>,
        /// When it expires, on the history's clock. If the nodes' clocks may differ from that, leave it out.
        expires: Option<Duration>,
    },
    /// Whether the key is valid.
    Verify,
    /// To revoke the key.
    Revoke,
}

/// What was answered. That a node cannot say, or that something failed, is no answer: it may be done or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the key is valid.
    Accepted,
    /// Not done, since the key (for a creation: the one that makes it) does not exist, is revoked or expired.
    Denied,
}

/// One question and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Who asked.
    pub client: u32,
    /// The node that was asked.
    pub node: u32,
    /// About which key.
    pub key: KeyId,
    /// What.
    pub kind: Kind,
    /// The time before anything was sent, since the history's start.
    pub start: Duration,
    /// The time after the answer was received, and what it said; `None` if it never came.
    pub answer: Option<(Duration, Outcome)>,
}

/// Writes down what many clients do at the same time, on one clock: clones write into the same history.
#[derive(Debug, Clone)]
pub struct Recorder {
    start: Instant,
    operations: Arc<Mutex<Vec<Operation>>>,
}

impl Recorder {
    /// An empty history that starts now.
    #[expect(clippy::new_without_default, reason = "a clock starts")]
    pub fn new() -> Self {
        Self { start: Instant::now(), operations: Arc::default() }
    }

    /// The time since the start, which [`Kind::Create::expires`] is measured in.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// To be called before anything is sent. If nothing is said of the answer until the result is dropped, none came.
    pub fn ask(&self, client: u32, node: u32, key: KeyId, kind: Kind) -> Asked {
        let operation = Operation { client, node, key, kind, start: self.now(), answer: None };
        Asked { recorder: self.clone(), operation }
    }

    /// What has been written down so far: all questions that have been answered or given up.
    pub fn history(&self) -> Vec<Operation> {
        self.operations().clone()
    }

    fn operations(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is on its way.
#[derive(Debug)]
#[must_use = "dropped, it counts as never answered"]
pub struct Asked {
    recorder: Recorder,
    operation: Operation,
}

impl Asked {
    /// To be called when the answer has been received.
    pub fn answered(mut self, outcome: Outcome) {
        self.operation.answer = Some((self.recorder.now(), outcome));
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.recorder.operations().push(self.operation);
    }
}

/// How many operations of each kind a history has, to say what a run has seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Keys made.
    pub created: u64,
    /// Keys made by keys, which are in [`Self::created`] too.
    pub minted: u64,
    /// Verifications that said that the key is valid.
    pub valid: u64,
    /// Verifications that said that it is not.
    pub invalid: u64,
    /// Keys revoked.
    pub revoked: u64,
    /// Creations and revocations that were denied.
    pub denied: u64,
    /// Questions of any kind that were never answered.
    pub unknown: u64,
}

impl Summary {
    /// Counts.
    pub fn of(history: &[Operation]) -> Self {
        let mut summary = Self::default();
        for operation in history {
            let Some((_, outcome)) = operation.answer else {
                summary.unknown += 1;
                continue;
            };
            let count = match (operation.kind, outcome) {
                (Kind::Create { by, .. }, Outcome::Accepted) => {
                    summary.minted += u64::from(by.is_some());
                    &mut summary.created
                }
                (Kind::Verify, Outcome::Accepted) => &mut summary.valid,
                (Kind::Verify, Outcome::Denied) => &mut summary.invalid,
                (Kind::Revoke, Outcome::Accepted) => &mut summary.revoked,
                (Kind::Create { .. } | Kind::Revoke, Outcome::Denied) => &mut summary.denied,
            };
            *count += 1;
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, minted, valid, invalid, revoked, denied, unknown } = self;
        let all = created + valid + invalid + revoked + denied + unknown;
        write!(
            f,
            "{all} operations: {created} keys created ({minted} by keys), {revoked} revoked, {valid} verified as valid, \
             {invalid} as invalid, {denied} changes denied, {unknown} never answered"
        )
    }
}
