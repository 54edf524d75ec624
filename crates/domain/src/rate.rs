//! How often somebody may do something that costs others.

use std::collections::HashMap;
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};

use crate::Error;

/// What each subject does, bounded by GCRA: a burst at once, then one after each pause.
#[derive(Debug)]
pub struct Rate<S> {
    /// How many at once.
    burst: i32,
    /// The time that each of them costs.
    every: SignedDuration,
    /// For each subject, when all that it did so far would have been allowed one by one.
    even: HashMap<S, Timestamp>,
}

impl<S: Eq + Hash> Rate<S> {
    /// Subjects above which those that have done nothing lately are forgotten.
    const REMEMBERED: usize = 10_000;

    /// `burst` at once, then one each `every`.
    #[must_use]
    pub fn new(burst: i32, every: SignedDuration) -> Self {
        Self { burst, every, even: HashMap::new() }
    }

    /// Whether a subject may now; if so, it is counted.
    pub fn attempt(&mut self, subject: S, now: Timestamp) -> Result<(), Error> {
        if self.even.len() >= Self::REMEMBERED {
            self.even.retain(|_, even| *even > now);
        }
        let even = self.even.entry(subject).or_insert(now);
        let start = (*even).max(now);
        // A clock that was set back must not lock anybody out: no more than a burst's time is ever owed.
        let owed = start.duration_since(now).min(self.every * self.burst);
        let wait = owed + self.every - self.every * self.burst;
        if wait > SignedDuration::ZERO {
            *even = now + owed;
            let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
            return Err(Error::RateLimited { retry_after: SignedDuration::from_secs(seconds) });
        }
        *even = now + owed + self.every;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyId;

    fn minting() -> Rate<KeyId> {
        Rate::new(600, SignedDuration::from_millis(100))
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    #[test]
    fn ten_thousand_mintings_in_a_minute_are_1200_at_most_and_another_key_is_not_slowed() {
        let mut rate = minting();
        let (key, other) = (KeyId::from_u128(1), KeyId::from_u128(2));
        let minted = (0..10_000).filter(|n| rate.attempt(key, at(n * 6)).is_ok()).count();
        assert!((1_190..=1_200).contains(&minted), "{minted}");
        assert!(rate.attempt(other, at(60_000)).is_ok());
        assert!(matches!(
            rate.attempt(key, at(59_999)),
            Err(Error::RateLimited { retry_after }) if retry_after.as_secs() == 1
        ));
        assert!(rate.attempt(key, at(61_000)).is_ok(), "after the wait that it was told");
    }

    #[test]
    fn a_clock_set_back_does_not_lock_a_key_out() {
        let mut rate = minting();
        let key = KeyId::from_u128(1);
        for _ in 0..600 {
            rate.attempt(key, at(0)).unwrap();
        }
        let earlier = -86_400_000;
        assert!(rate.attempt(key, at(earlier)).is_err());
        assert!(rate.attempt(key, at(earlier + 100)).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut rate = minting();
        for n in 0..30_000 {
            rate.attempt(KeyId::from_u128(n), at(i64::try_from(n).unwrap())).unwrap();
        }
        assert!(rate.even.len() <= Rate::<KeyId>::REMEMBERED);
    }
}
