//! An API key: what is kept of it, its status, and what may change.

use jiff::{SignedDuration, Timestamp};
use keystead_token::MaskedToken;

use crate::{Description, Error, Field, KeyId, KeyName, UserId};

/// A key whose expiry is at most this far away is *Expiring soon*.
pub const EXPIRING_SOON: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Somebody probably depends on a key that was used this recently.
const RECENT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A key that was not revoked. The token itself is not here, nor anywhere else (promise 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What it is used for; its creator may change it until it expires.
    pub name: KeyName,
    /// A note; its creator may change it until it expires.
    pub description: Description,
    /// The fragment of the token that may be shown.
    pub masked: MaskedToken,
    /// Whether it may act for others. Frozen (promise 4).
    pub allow_impersonation: bool,
    /// Who made it, and whose permissions it has. Frozen.
    pub creator: UserId,
    /// The creator's name, for lists.
    pub creator_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first instant at which it no longer works; `None` is never. Frozen.
    pub expires_at: Option<Timestamp>,
    /// When it last was accepted, at most 10 s late (promise 9).
    pub last_used_at: Option<Timestamp>,
}

/// How close a key is to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It works.
    Active,
    /// It works, and ends within 7 days.
    ExpiringSoon,
    /// It no longer works. It stays listed, cannot be edited, and can be revoked (promise 5).
    Expired,
}

impl Status {
    /// The status at `now` of a key that expires at `expires_at`, to the second at both borders.
    #[must_use]
    pub fn at(expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        match expires_at {
            Some(end) if end <= now => Self::Expired,
            Some(end) if end.duration_since(now) <= EXPIRING_SOON => Self::ExpiringSoon,
            Some(_) | None => Self::Active,
        }
    }

    /// The name of query strings and forms.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ExpiringSoon => "expiring_soon",
            Self::Expired => "expired",
        }
    }

    /// The inverse of [`Self::code`].
    pub fn parse(code: &str) -> Result<Self, Error> {
        [Self::Active, Self::ExpiringSoon, Self::Expired]
            .into_iter()
            .find(|status| status.code() == code)
            .ok_or_else(|| {
                Error::invalid(
                    Field::Status,
                    "There is no such status. Choose active, expiring_soon or expired.",
                )
            })
    }
}

/// The two things of a key that can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEdit {
    /// The new name.
    pub name: KeyName,
    /// The new description.
    pub description: Description,
}

impl ApiKey {
    /// Its status at `now`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        Status::at(self.expires_at, now)
    }

    /// When it was last used, if that is within 7 days: then revoking it probably breaks something.
    #[must_use]
    pub fn recent_use(&self, now: Timestamp) -> Option<Timestamp> {
        self.last_used_at.filter(|used| now.duration_since(*used) < RECENT)
    }

    /// Whether name and description may be changed: not once it has expired (promise 5).
    pub fn check_editable(&self, now: Timestamp) -> Result<(), Error> {
        match self.status(now) {
            Status::Active | Status::ExpiringSoon => Ok(()),
            Status::Expired => Err(Error::Conflict(
                "This key has expired, and expired keys cannot be edited. Create a new key and revoke this one.".into(),
            )),
        }
    }

    /// Whether it mints sessions: only impersonation keys do.
    pub fn check_mints(&self) -> Result<(), Error> {
        if self.allow_impersonation {
            return Ok(());
        }
        Err(Error::Conflict("This key has no sessions: it was made without Allow impersonation.".into()))
    }

    /// Whether the person who revokes several keys at once typed how many they are.
    pub fn check_typed_count(keys: usize, typed: &str) -> Result<(), Error> {
        if typed.trim().parse() == Ok(keys) {
            return Ok(());
        }
        Err(Error::invalid(Field::Confirm, format!("Type {keys}, the number of keys, to confirm.")))
    }

    /// Whether the person who revokes it typed its exact name. Space around it is forgiven, as it was when the key was named.
    pub fn check_typed_name(&self, typed: &str) -> Result<(), Error> {
        match KeyName::parse(typed) {
            Ok(typed) if typed == self.name => Ok(()),
            _ => Err(Error::invalid(
                Field::ConfirmName,
                "That is not the key's name. Type it exactly as shown.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn status_turns_to_the_second() {
        let end = Some(at("2026-12-01T00:00:00Z"));
        for (now, expected) in [
            ("2026-11-23T23:59:59Z", Status::Active),
            ("2026-11-24T00:00:00Z", Status::ExpiringSoon),
            ("2026-11-30T23:59:59.999Z", Status::ExpiringSoon),
            ("2026-12-01T00:00:00Z", Status::Expired),
            ("2030-01-01T00:00:00Z", Status::Expired),
        ] {
            assert_eq!(Status::at(end, at(now)), expected, "{now}");
        }
        assert_eq!(Status::at(None, Timestamp::MAX), Status::Active);
    }

    #[test]
    fn status_codes_round_trip_and_others_are_refused() {
        for status in [Status::Active, Status::ExpiringSoon, Status::Expired] {
            assert_eq!(Status::parse(status.code()), Ok(status));
        }
        assert!(matches!(Status::parse("ACTIVE"), Err(Error::Invalid { field: Field::Status, .. })));
    }
}
