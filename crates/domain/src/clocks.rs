//! Whether a node's wall clock may be believed: expirations go by it.

use jiff::{SignedDuration, Timestamp};

/// By how much the clocks of a node and of its database may differ. A machine that is kept right by NTP is off by milliseconds; one
/// whose clock jumped, or was never set, by more than this.
pub const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_secs(10);

/// By how much a node's clock differs from its database's, if that is too much. `asked` and `answered` are what the node's said before it
/// asked and after it was told; the database's time is of some instant between.
#[must_use]
pub fn clock_error(asked: Timestamp, database: Timestamp, answered: Timestamp) -> Option<SignedDuration> {
    let ahead = asked.duration_since(database);
    let behind = database.duration_since(answered);
    let by = ahead.max(behind);
    (by > CLOCKS_DIFFER_BY).then_some(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn a_clock_that_is_more_than_ten_seconds_off_is_not_believed_in_either_direction() {
        assert_eq!(clock_error(at(0), at(0), at(0)), None);
        for second in [-10, 10] {
            assert_eq!(clock_error(at(second), at(0), at(second)), None);
        }
        for second in [-11, 11] {
            assert_eq!(clock_error(at(second), at(0), at(second)), Some(SignedDuration::from_secs(11)));
        }
    }

    #[test]
    fn an_answer_that_takes_long_is_no_fault_of_the_clock() {
        assert_eq!(clock_error(at(0), at(15), at(30)), None);
        assert_eq!(clock_error(at(0), at(45), at(30)), Some(SignedDuration::from_secs(15)));
    }
}
