//! The only place that reads the system's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time, never backwards: a system clock that is set back does not bring an expired key back to life, it stands still
/// until the time that was already seen has come again. Milliseconds.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System { latest: AtomicI64 },
    Manual { millis: AtomicI64, moves_leases: bool },
}

/// A step back that is worth a line in the log.
const NOTABLE: i64 = 60_000;

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Kind::System { latest: AtomicI64::new(i64::MIN) }))
    }

    /// A clock that stands still until [`Clock::advance`] moves it, for tests.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Kind::Manual { millis: AtomicI64::new(start.as_millisecond()), moves_leases: true }))
    }

    /// A clock whose time of day stands still until [`Clock::advance`] moves it, while leases run by the system's: for tests of what
    /// a node does that is alone.
    #[must_use]
    pub fn manual_time_of_day(start: Timestamp) -> Self {
        Self(Arc::new(Kind::Manual { millis: AtomicI64::new(start.as_millisecond()), moves_leases: false }))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let millis = match &*self.0 {
            Kind::Manual { millis, .. } => millis.load(Ordering::Acquire),
            Kind::System { latest } => never_back(latest, system_millis()),
        };
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// What the system's clock says, also if it was set back; `None` of a manual one, which nobody else's agrees with.
    #[must_use]
    pub fn system_time(&self) -> Option<Timestamp> {
        match &*self.0 {
            Kind::Manual { .. } => None,
            Kind::System { .. } => Timestamp::from_millisecond(system_millis()).ok(),
        }
    }

    /// The time since the machine was started, also while it slept: what leases are counted on. Nobody can set it.
    #[must_use]
    pub fn since_boot(&self) -> Duration {
        match &*self.0 {
            Kind::Manual { millis, moves_leases: true } => {
                Duration::from_millis(millis.load(Ordering::Acquire).unsigned_abs())
            }
            Kind::Manual { .. } | Kind::System { .. } => system_since_boot(),
        }
    }

    /// Moves a manual clock, in either direction. Does nothing to the system's.
    pub fn advance(&self, by: SignedDuration) {
        if let Kind::Manual { millis, .. } = &*self.0 {
            millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::AcqRel);
        }
    }
}

fn never_back(latest: &AtomicI64, now: i64) -> i64 {
    let seen = latest.load(Ordering::Relaxed);
    if now > seen {
        // Shared by all cores and on every request's path: written once a millisecond at most.
        latest.fetch_max(now, Ordering::Relaxed);
        return now;
    }
    if seen - now > NOTABLE {
        tracing::warn!(
            behind_ms = seen - now,
            "the system clock was set back; time stands still here until it has caught up"
        );
    }
    seen
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_millis() -> i64 {
    Timestamp::now().as_millisecond()
}

fn system_since_boot() -> Duration {
    // Elsewhere the monotonic clock is the one that runs through sleep.
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    let time = Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0));
    #[cfg(feature = "planted-bugs")]
    let time = crate::planted::without_stops(time);
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_stands_still() {
        let latest = AtomicI64::new(i64::MIN);
        assert_eq!(
            [1_000, 2_000, 1_500, 2_001].map(|now| never_back(&latest, now)),
            [1_000, 2_000, 2_000, 2_001]
        );
    }
}
