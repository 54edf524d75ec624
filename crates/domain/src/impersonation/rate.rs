//! How fast one key may mint: a leaked one cannot sign everybody in at once, and a loop in a product does not fill the log.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::{Error, KeyId};

/// Mintings of each key, bounded by GCRA: [`BURST`](Self::BURST) at once, then one each [`EVERY`](Self::EVERY). So a key mints at most
/// 1,200 sessions in any minute, and keeps 36,000 people signed in who refresh once an hour.
#[derive(Debug, Default)]
pub struct MintingRate {
    /// For each key, when all that it minted so far would have been allowed one by one.
    even: HashMap<KeyId, Timestamp>,
}

impl MintingRate {
    /// Mintings at once.
    pub const BURST: i32 = 600;
    /// The time that each of them costs.
    pub const EVERY: SignedDuration = SignedDuration::from_millis(100);
    /// Keys above which those that have not minted lately are forgotten.
    const REMEMBERED: usize = 10_000;

    /// Whether a key may mint now; if so, it is counted.
    pub fn attempt(&mut self, key: KeyId, now: Timestamp) -> Result<(), Error> {
        if self.even.len() >= Self::REMEMBERED {
            self.even.retain(|_, even| *even > now);
        }
        let even = self.even.entry(key).or_insert(now);
        let start = (*even).max(now);
        // A clock that was set back must not lock a key out: no more than a burst's time is ever owed.
        let owed = start.duration_since(now).min(Self::EVERY * Self::BURST);
        let wait = owed + Self::EVERY - Self::EVERY * Self::BURST;
        if wait > SignedDuration::ZERO {
            *even = now + owed;
            let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
            return Err(Error::RateLimited { retry_after: SignedDuration::from_secs(seconds) });
        }
        *even = now + owed + Self::EVERY;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    #[test]
    fn ten_thousand_mintings_in_a_minute_are_1200_at_most_and_another_key_is_not_slowed() {
        let mut rate = MintingRate::default();
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
        let mut rate = MintingRate::default();
        let key = KeyId::from_u128(1);
        for _ in 0..MintingRate::BURST {
            rate.attempt(key, at(0)).unwrap();
        }
        let earlier = -86_400_000;
        assert!(rate.attempt(key, at(earlier)).is_err());
        assert!(rate.attempt(key, at(earlier + 100)).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut rate = MintingRate::default();
        for n in 0..30_000 {
            rate.attempt(KeyId::from_u128(n), at(i64::try_from(n).unwrap())).unwrap();
        }
        assert!(rate.even.len() <= MintingRate::REMEMBERED);
    }
}
