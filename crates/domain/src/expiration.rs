//! How long a key stays valid, chosen once, at creation.

use jiff::{SignedDuration, Timestamp};

use crate::{Error, Field};

/// The choices of the *Create API key* dialog. A year is 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Expiration {
    Days7,
    #[default]
    Days30,
    Days90,
    Days180,
    Year1,
    Never,
}

impl Expiration {
    /// In the order in which the dialog shows them.
    pub const ALL: [Self; 6] =
        [Self::Days7, Self::Days30, Self::Days90, Self::Days180, Self::Year1, Self::Never];

    /// The instant from which a key made `now` is expired, in whole seconds; `None` is never.
    #[must_use]
    pub fn expires_at(self, now: Timestamp) -> Option<Timestamp> {
        let days = match self {
            Self::Days7 => 7,
            Self::Days30 => 30,
            Self::Days90 => 90,
            Self::Days180 => 180,
            Self::Year1 => 365,
            Self::Never => return None,
        };
        let at = now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX);
        // Whole seconds: what the page shows is exactly what is checked. Down, so that a key never lives longer than chosen.
        Some(Timestamp::from_second(at.as_second()).unwrap_or(at))
    }

    /// The short name, of the command line and of forms.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Days180 => "180d",
            Self::Year1 => "1y",
            Self::Never => "never",
        }
    }

    /// The inverse of [`Self::code`].
    pub fn parse(code: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|choice| choice.code() == code).ok_or_else(|| {
            let message = "There is no such expiration. Choose 7d, 30d, 90d, 180d, 1y or never.";
            Error::invalid(Field::Expiration, message)
        })
    }

    /// The name that people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Days7 => "7 days",
            Self::Days30 => "30 days",
            Self::Days90 => "90 days",
            Self::Days180 => "180 days",
            Self::Year1 => "1 year",
            Self::Never => "Never",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_lives_longer_than_chosen_and_ends_on_a_whole_second() {
        let now: Timestamp = "2026-11-23T10:00:00.999Z".parse().unwrap();
        let expected = [
            Some("2026-11-30T10:00:00Z"),
            Some("2026-12-23T10:00:00Z"),
            Some("2027-02-21T10:00:00Z"),
            Some("2027-05-22T10:00:00Z"),
            Some("2027-11-23T10:00:00Z"),
            None,
        ];
        for (choice, at) in Expiration::ALL.into_iter().zip(expected) {
            assert_eq!(choice.expires_at(now), at.map(|at| at.parse().unwrap()), "{}", choice.label());
            assert_eq!(Expiration::parse(choice.code()), Ok(choice));
        }
        assert_eq!(Expiration::default(), Expiration::Days30);
        assert!(Expiration::parse("31d").is_err());
    }
}
