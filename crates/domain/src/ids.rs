//! Identifiers: UUID version 7 (RFC 9562, section 5.7), one type for each thing, so that an id of one kind is never taken
//! for another's. Their order is the order of creation, which is what lists and cursors sort by.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The 16 bytes that the store keeps.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the store's bytes. `None` if there are not 16.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }

            /// As a number; its order is the order of creation.
            #[must_use]
            pub fn as_u128(&self) -> u128 {
                self.0.as_u128()
            }

            /// The inverse of [`Self::as_u128`].
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        /// Only the canonical lower-case form with hyphens: one thing has one name.
        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Uuid::try_parse(text).map_err(|_| InvalidId)?;
                let mut canonical = Uuid::encode_buffer();
                if id.as_hyphenated().encode_lower(&mut canonical) == text { Ok(Self(id)) } else { Err(InvalidId) }
            }
        }
    )+};
}

id! {
    /// Names an organization.
    OrganizationId,
    /// Names a user.
    UserId,
    /// Names an API key. Not secret: it says nothing of the token.
    KeyId,
    /// Names a role that an organization made.
    OwnRoleId,
    /// Names a group of users.
    GroupId,
    /// Names a session: of the console, or one that an impersonation key minted. Not the session's cookie or token.
    SessionId,
    /// Names an app that somebody connected.
    ConnectionId,
    /// Names a client that registered itself. Its text form in requests is [`ClientId`](crate::ClientId)'s.
    RegisteredClientId,
    /// Names an access token of an app (`jti`).
    AccessTokenId,
    /// Names a run of a server on a store that many share.
    NodeId,
}

/// The text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct InvalidId;

/// Makes ids that only ever go up, even when the clock is set back or many are made in one millisecond.
#[derive(Debug, Default)]
pub struct IdGenerator {
    /// Milliseconds in the upper bits, a counter in the 12 bits that version 7 has for it.
    last: Mutex<u64>,
}

impl IdGenerator {
    /// The next id, of whatever kind is asked for. `random` fills the 62 bits that make it unguessable by accident.
    ///
    /// # Panics
    /// Never: a poisoned lock is taken over, since the counter is valid after any interruption.
    pub fn next<Id: From<Uuid>>(&self, now: Timestamp, random: [u8; 8]) -> Id {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0) & ((1 << 48) - 1);
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = (millis << 12).max(*last + 1);
        let (millis, counter) = (*last >> 12, *last & 0xfff);
        let high = (u128::from(millis) << 80) | (0x7 << 76) | (u128::from(counter) << 64);
        let low = (u128::from(u64::from_be_bytes(random)) & ((1 << 62) - 1)) | (0b10 << 62);
        Id::from(Uuid::from_u128(high | low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_up_within_a_millisecond_and_when_the_clock_is_set_back() {
        let ids = IdGenerator::default();
        let now = Timestamp::from_millisecond(1_790_000_000_000).unwrap();
        let earlier = Timestamp::from_millisecond(1_780_000_000_000).unwrap();
        let made: Vec<KeyId> =
            (0..10_000).map(|i| ids.next(if i < 5_000 { now } else { earlier }, [0xff; 8])).collect();
        assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(made[0].0.get_version_num(), 7);
        assert_eq!(made[0].0.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id: KeyId = IdGenerator::default().next(Timestamp::UNIX_EPOCH, [0xab; 8]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!(" {text}"),
        ] {
            assert_eq!(other.parse::<KeyId>(), Err(InvalidId), "{other}");
        }
    }
}
