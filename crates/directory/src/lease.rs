//! The lease by which a node may answer (promise 3).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long what is known may be taken for all that there is to know. When it ends is a single number that each verification compares with
/// the clock, so that a process that was stopped and goes on refuses before anything else happens in it.
pub struct Lease {
    /// Milliseconds on the clock; `u64::MAX` for one that does not end.
    until: AtomicU64,
    /// The time since the machine was started, also while it slept.
    clock: Option<Box<dyn Fn() -> Duration + Send + Sync>>,
}

impl Lease {
    /// One that does not end: for whoever is the only one to write.
    #[must_use]
    pub fn unbounded() -> Self {
        Self { until: AtomicU64::new(u64::MAX), clock: None }
    }

    /// One that is not held yet, and ends by a clock that runs through suspend.
    #[must_use]
    pub fn by(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { until: AtomicU64::new(0), clock: Some(Box::new(clock)) }
    }

    /// Whether it is held now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.clock {
            None => true,
            // Read before the clock: a lease that is extended meanwhile is held until the next look.
            Some(clock) => {
                let until = self.until.load(Ordering::Acquire);
                millis(clock()) < until
            }
        }
    }

    /// How much of it is left; `None` if it does not end.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let clock = self.clock.as_ref()?;
        let left = self.until.load(Ordering::Acquire).saturating_sub(millis(clock()));
        Some(Duration::from_millis(left))
    }

    /// It is held until then, at least.
    pub fn extend(&self, until: Duration) {
        self.until.fetch_max(millis(until), Ordering::Release);
    }

    /// It is not held any more.
    pub fn end(&self) {
        if self.clock.is_some() {
            self.until.store(0, Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("left", &self.left()).finish()
    }
}

fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}
