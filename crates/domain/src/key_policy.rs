//! What an organization allows of new keys, however they are made.

use jiff::Timestamp;

use crate::audit::ViaKind;
use crate::{Error, Expiration, Field, PolicyMessage};

/// The policy of an organization. It is about new keys; those that exist stay as they are (promise 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPolicy {
    /// The longest expiration that a new key may have. [`Expiration::Never`] is no bound; with any other, *Never* is not offered.
    pub longest: Expiration,
    /// Whether a key may make further keys, or only people in the console may.
    pub keys_may_create_keys: bool,
    /// While it is there, nobody makes a key, and this is what they are told: the switch for a bad day.
    pub closed: Option<PolicyMessage>,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self { longest: Expiration::Never, keys_may_create_keys: true, closed: None }
    }
}

impl KeyPolicy {
    /// Whether a key can be made now, through this.
    pub fn check_open(&self, via: ViaKind) -> Result<(), Error> {
        if let Some(message) = &self.closed {
            return Err(Error::Conflict(format!("New keys cannot be created now: {message}")));
        }
        if matches!(via, ViaKind::Key | ViaKind::Connection) && !self.keys_may_create_keys {
            return Err(Error::Forbidden(
                "In this organization only people create keys, no API key and no app. Create it in the console.".into(),
            ));
        }
        Ok(())
    }

    /// Whether a new key may have this expiration.
    pub fn check_expiration(&self, expiration: Expiration) -> Result<(), Error> {
        if self.allows(expiration) {
            return Ok(());
        }
        Err(Error::invalid(Field::Expiration, self.reason()))
    }

    /// Whether a new key may have this expiration.
    #[must_use]
    pub fn allows(&self, expiration: Expiration) -> bool {
        let end = |expiration: Expiration| expiration.expires_at(Timestamp::UNIX_EPOCH);
        match (end(self.longest), end(expiration)) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(longest), Some(wanted)) => wanted <= longest,
        }
    }

    /// The stricter of both in every part.
    #[must_use]
    pub fn within(&self, bound: &Self) -> Self {
        Self {
            longest: if self.allows(bound.longest) { bound.longest } else { self.longest },
            keys_may_create_keys: self.keys_may_create_keys && bound.keys_may_create_keys,
            closed: self.closed.clone().or_else(|| bound.closed.clone()),
        }
    }

    /// The expiration that the dialog begins with: the usual one, or the longest if that is shorter.
    #[must_use]
    pub fn usual(&self) -> Expiration {
        if self.allows(Expiration::default()) { Expiration::default() } else { self.longest }
    }

    /// Why longer expirations are not offered.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.longest {
            Expiration::Never => "Your organization allows every expiration.".to_owned(),
            longest => format!("Your organization allows at most {}.", longest.label()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(longest: Expiration) -> KeyPolicy {
        KeyPolicy { longest, ..KeyPolicy::default() }
    }

    #[test]
    fn no_new_key_lives_longer_than_the_policy_says() {
        for (at, longest) in Expiration::ALL.into_iter().enumerate() {
            let allowed: Vec<_> =
                Expiration::ALL.into_iter().filter(|choice| policy(longest).allows(*choice)).collect();
            assert_eq!(allowed, Expiration::ALL[..=at], "from the shortest up to {}", longest.label());
            assert!(policy(longest).allows(policy(longest).usual()));
        }
        let refused = policy(Expiration::Days90).check_expiration(Expiration::Never).unwrap_err();
        assert!(matches!(&refused, Error::Invalid { field: Field::Expiration, .. }));
        assert_eq!(refused.to_string(), "Your organization allows at most 90 days.");
    }

    #[test]
    fn a_closed_organization_makes_no_key_through_any_door_and_says_why() {
        let closed = KeyPolicy {
            closed: Some(PolicyMessage::parse("we are looking into a leak").unwrap()),
            ..KeyPolicy::default()
        };
        for via in ViaKind::ALL {
            let error = closed.check_open(via).unwrap_err();
            assert!(error.to_string().ends_with("we are looking into a leak"), "{error}");
        }
    }

    #[test]
    fn keys_make_keys_only_where_they_may() {
        let people_only = KeyPolicy { keys_may_create_keys: false, ..KeyPolicy::default() };
        assert!(people_only.check_open(ViaKind::Key).is_err());
        assert!(people_only.check_open(ViaKind::Connection).is_err());
        assert_eq!(people_only.check_open(ViaKind::Session), Ok(()));
        assert_eq!(people_only.check_open(ViaKind::Operator), Ok(()));
    }
}
