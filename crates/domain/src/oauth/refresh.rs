//! What becomes of a refresh token that is shown: each is replaced when it is used (OAuth 2.1, section 4.3.1).

use jiff::Timestamp;

use crate::oauth::OauthLifetimes;

/// A refresh token's place among those of its connection. Tokens of one generation replaced the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshStanding {
    /// Its generation.
    pub generation: i64,
    /// The connection's latest.
    pub latest: i64,
    /// How many tokens the latest generation has.
    pub siblings: i64,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// What it is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshUse {
    /// It is the latest: a new generation replaces it, and its siblings with it.
    Replace,
    /// It was replaced a moment ago, and whoever shows it did not wait for the answer: they get a sibling of what replaced it. Of the
    /// siblings one goes on; to use another after that is [`Self::Reuse`], so that a thief and the client do not both go on unnoticed.
    Again,
    /// Two parties have it.
    Reuse,
}

impl RefreshStanding {
    /// Tokens that may replace one: as many things as a program does at once.
    pub const SIBLINGS_MAX: i64 = 16;

    /// What showing the token at `now` is.
    #[must_use]
    pub fn on_use(&self, now: Timestamp) -> RefreshUse {
        match self.used_at {
            None if self.generation == self.latest => RefreshUse::Replace,
            Some(at)
                if self.generation.checked_add(1) == Some(self.latest)
                    && now.duration_since(at) < OauthLifetimes::LEEWAY
                    && self.siblings < Self::SIBLINGS_MAX =>
            {
                RefreshUse::Again
            }
            _ => RefreshUse::Reuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    fn standing(generation: i64, used_at: Option<Timestamp>) -> RefreshStanding {
        RefreshStanding { generation, latest: 5, siblings: 1, used_at }
    }

    #[test]
    fn the_latest_token_is_replaced_and_what_was_replaced_is_used_by_two() {
        assert_eq!(standing(5, None).on_use(at(0)), RefreshUse::Replace);
        assert_eq!(standing(4, None).on_use(at(0)), RefreshUse::Reuse, "a sibling went on");
        for generation in 0..4 {
            assert_eq!(standing(generation, Some(at(0))).on_use(at(1)), RefreshUse::Reuse, "{generation}");
        }
    }

    #[test]
    fn a_token_may_be_used_again_for_ten_seconds_by_whoever_does_sixteen_things_at_once() {
        let used = standing(4, Some(at(0)));
        assert_eq!(OauthLifetimes::LEEWAY, SignedDuration::from_secs(10));
        assert_eq!(used.on_use(at(9_999)), RefreshUse::Again);
        assert_eq!(used.on_use(at(10_000)), RefreshUse::Reuse);
        assert_eq!(RefreshStanding { siblings: 15, ..used }.on_use(at(1)), RefreshUse::Again);
        assert_eq!(RefreshStanding { siblings: 16, ..used }.on_use(at(1)), RefreshUse::Reuse);
    }
}
