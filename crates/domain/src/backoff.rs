//! How long to wait before something is tried again that many may be trying.

use std::time::Duration;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15);
/// The longest first wait.
const FIRST: Duration = Duration::from_millis(500);

/// The wait before the next attempt after so many that failed: a random part, from a half to the whole, of what doubles with each,
/// so that those who lost a database together do not come back to it together.
#[must_use]
pub fn backoff(failed: u32, random: u16) -> Duration {
    let whole = FIRST.saturating_mul(1 << failed.saturating_sub(1).min(10)).min(LONGEST);
    whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ_by_chance() {
        assert_eq!(backoff(1, 0), FIRST / 2);
        assert_eq!(backoff(1, u16::MAX), FIRST);
        assert_eq!(backoff(3, u16::MAX), FIRST * 4);
        assert_eq!(backoff(u32::MAX, u16::MAX), LONGEST);
        assert!(backoff(4, 1_000) < backoff(4, 60_000));
    }
}
