//! Slowing down whoever guesses passwords, per account and per network, in a table that cannot grow without bound.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::Error;

/// Who is slowed down.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An account, by its folded e-mail address, whether it exists or not.
    Account(String),
    /// Whoever asks for links to choose another password for an address, by its folded form, whether anybody has it or not.
    Reset(String),
    /// A network: an IPv4 address, or the /64 of an IPv6 address, since one host commonly holds a whole /64.
    Network(IpAddr),
}

impl Subject {
    /// The network that an address belongs to. All spellings of an address are one (IPv4-mapped IPv6 included).
    #[must_use]
    pub fn network(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        })
    }

    /// Attempts that may fail before waiting begins. A network may be a whole office behind one address.
    fn free_failures(&self) -> u32 {
        match self {
            Self::Account(_) => 5,
            Self::Reset(_) => 3,
            Self::Network(_) => 50,
        }
    }
}

/// The failures of a subject that is still remembered.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// Failed sign-ins, by subject. After the free failures each further one doubles the wait, from 1 s to [`Throttle::LONGEST`];
/// a success forgets the account's failures, and time forgets all.
#[derive(Debug)]
pub struct Throttle {
    failures: HashMap<Subject, Failures>,
    capacity: usize,
}

impl Throttle {
    /// The longest wait. Bounded, since whoever knows an address could otherwise lock its owner out for good.
    pub const LONGEST: SignedDuration = SignedDuration::from_mins(5);
    /// Failures this old are forgotten.
    pub const MEMORY: SignedDuration = SignedDuration::from_mins(30);

    /// A table of at most `capacity` subjects.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { failures: HashMap::new(), capacity }
    }

    /// Whether the next attempt may be looked at, and if so counts it as failed until [`Throttle::succeeded`] says otherwise:
    /// counted before the work, so that a thousand attempts at once are not all free.
    pub fn attempt(&mut self, subjects: &[Subject], now: Timestamp) -> Result<(), Error> {
        if let Some(wait) = subjects.iter().filter_map(|subject| self.wait(subject, now)).max() {
            return Err(Error::RateLimited { retry_after: wait });
        }
        for subject in subjects {
            self.count(subject, now);
        }
        Ok(())
    }

    /// The attempt was right: what was counted against these subjects is taken back; an account's record is cleared.
    pub fn succeeded(&mut self, subjects: &[Subject]) {
        for subject in subjects {
            match (subject, self.failures.get_mut(subject)) {
                (Subject::Network(_), Some(failures)) if failures.count > 1 => failures.count -= 1,
                _ => {
                    self.failures.remove(subject);
                }
            }
        }
    }

    /// Subjects remembered now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Whether nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    fn wait(&self, subject: &Subject, now: Timestamp) -> Option<SignedDuration> {
        let failures = self.failures.get(subject)?;
        let beyond = failures.count.checked_sub(subject.free_failures())?;
        let pause = SignedDuration::from_secs(1 << beyond.min(20)).min(Self::LONGEST);
        // A clock set back must not lengthen the wait beyond the pause itself.
        let left = (pause - now.duration_since(failures.last)).min(pause);
        (left > SignedDuration::ZERO)
            .then(|| SignedDuration::from_secs(left.as_secs() + i64::from(left.subsec_nanos() > 0)))
    }

    fn count(&mut self, subject: &Subject, now: Timestamp) {
        if !self.failures.contains_key(subject) && self.failures.len() >= self.capacity {
            self.make_room(now);
        }
        let failures = self.failures.entry(subject.clone()).or_insert(Failures { count: 0, last: now });
        if now.duration_since(failures.last) >= Self::MEMORY {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// Forgets what is old; if nothing is, the tenth with the fewest failures and longest silence: a flood of made-up
    /// subjects pushes out itself before it pushes out who is really being attacked.
    fn make_room(&mut self, now: Timestamp) {
        self.failures.retain(|_, failures| now.duration_since(failures.last) < Self::MEMORY);
        if self.failures.len() < self.capacity {
            return;
        }
        let mut rank: Vec<_> =
            self.failures.iter().map(|(subject, f)| (f.count, f.last, subject.clone())).collect();
        rank.sort_unstable_by_key(|(count, last, _)| (*count, *last));
        for (_, _, subject) in rank.into_iter().take((self.capacity / 10).max(1)) {
            self.failures.remove(&subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn after(seconds: i64) -> Timestamp {
        START + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn guessing_one_account_slows_down_from_whatever_address() {
        let mut throttle = Throttle::new(100);
        let account = [Subject::Account("ada@example.com".into())];
        for _ in 0..5 {
            throttle.attempt(&account, START).unwrap();
        }
        assert_eq!(
            throttle.attempt(&account, START),
            Err(Error::RateLimited { retry_after: SignedDuration::from_secs(1) })
        );
        throttle.attempt(&account, after(1)).unwrap();
        assert_eq!(
            throttle.attempt(&account, after(2)),
            Err(Error::RateLimited { retry_after: SignedDuration::from_secs(1) })
        );
        throttle.attempt(&account, after(3)).unwrap();
        throttle.succeeded(&account);
        throttle.attempt(&account, after(3)).unwrap();
    }

    #[test]
    fn the_wait_is_bounded_so_that_nobody_is_locked_out_for_good() {
        let mut throttle = Throttle::new(100);
        let account = [Subject::Account("ada@example.com".into())];
        let mut now = START;
        for _ in 0..100 {
            while throttle.attempt(&account, now).is_err() {
                now += Throttle::LONGEST;
            }
        }
        let Err(Error::RateLimited { retry_after }) = throttle.attempt(&account, now) else {
            panic!("slowed down")
        };
        assert!(retry_after <= Throttle::LONGEST);
        let set_back = now - SignedDuration::from_hours(24);
        let Err(Error::RateLimited { retry_after }) = throttle.attempt(&account, set_back) else {
            panic!("slowed down")
        };
        assert!(retry_after <= Throttle::LONGEST, "a clock set back does not lengthen the wait");
    }

    #[test]
    fn one_ipv6_network_and_all_spellings_of_an_address_are_one_subject() {
        let network = |text: &str| Subject::network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
    }

    #[test]
    fn the_table_is_bounded_and_a_flood_does_not_push_out_the_account_under_attack() {
        let mut throttle = Throttle::new(1_000);
        let attacked = [Subject::Account("ada@example.com".into())];
        for _ in 0..5 {
            throttle.attempt(&attacked, START).unwrap();
        }
        for i in 0..20_000 {
            throttle.attempt(&[Subject::Account(format!("{i}@example.com"))], START).unwrap();
            assert!(throttle.len() <= 1_000);
        }
        assert!(throttle.attempt(&attacked, START).is_err());
    }
}
