//! Paging through keys: those that work first, newest first, then expired ones, newest first. By cursor, never by offset.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{ApiKey, Error, Field, KeyId, KeyScope, SearchText, Status};

/// The most keys that one page holds.
pub const MAX_PAGE_SIZE: u32 = 100;

/// Which keys are wanted. All parts must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFilter {
    /// In name, description or masked token.
    pub search: Option<SearchText>,
    /// Only keys of this status.
    pub status: Option<Status>,
}

/// The place after which a page begins.
///
/// Which keys count as expired is decided as of the moment when the first page was read: a key that expires while somebody
/// turns pages is neither listed twice nor left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The moment of the first page.
    pub as_of: Timestamp,
    /// Whether the last key seen stood among the expired.
    pub expired: bool,
    /// The last key seen.
    pub last: KeyId,
}

/// One page's worth of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many, 1 to [`MAX_PAGE_SIZE`].
    pub first: u32,
    /// After which key; `None` is the beginning.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// Checks what a caller asked for. The cursor must be one that this list gave out.
    pub fn new(
        first: i64,
        after: Option<&str>,
        scope: &KeyScope,
        filter: &KeyFilter,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let first =
            u32::try_from(first).ok().filter(|first| (1..=MAX_PAGE_SIZE).contains(first)).ok_or_else(
                || Error::invalid(Field::First, format!("Ask for 1 to {MAX_PAGE_SIZE} keys at a time.")),
            )?;
        let after = after.map(|text| Cursor::decode(text, scope, filter, now)).transpose()?;
        Ok(Self { first, after })
    }
}

const LENGTH: usize = 8 + 1 + 16 + 8;

impl Cursor {
    /// The place after a key in a list whose first page was read at `as_of`.
    #[must_use]
    pub fn after(key: &ApiKey, as_of: Timestamp) -> Self {
        Self { as_of, expired: key.status(as_of) == Status::Expired, last: key.id }
    }

    /// As text for the caller: opaque, safe in a URL. Bound to the list that it was made for by a checksum of that list's
    /// scope and filter; what a caller may see is decided by the scope of the request alone, never by a cursor.
    #[must_use]
    pub fn encode(&self, scope: &KeyScope, filter: &KeyFilter) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&self.as_of.as_millisecond().to_be_bytes());
        bytes.push(u8::from(self.expired));
        bytes.extend_from_slice(self.last.as_bytes());
        bytes.extend_from_slice(&binding(&bytes, scope, filter));
        bytes.iter().fold(String::with_capacity(2 * LENGTH), |mut text, byte| {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
            text
        })
    }

    fn decode(text: &str, scope: &KeyScope, filter: &KeyFilter, now: Timestamp) -> Result<Self, Error> {
        Self::try_decode(text, scope, filter, now).ok_or_else(|| {
            Error::invalid(Field::After, "That is not a place in this list. Start again from the first page.")
        })
    }

    fn try_decode(text: &str, scope: &KeyScope, filter: &KeyFilter, now: Timestamp) -> Option<Self> {
        if text.len() != 2 * LENGTH {
            return None;
        }
        let digit = |byte: u8| HEX.iter().position(|hex| *hex == byte).and_then(|at| u8::try_from(at).ok());
        let bytes: Vec<u8> = text
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
            .collect::<Option<_>>()?;
        let (place, bound) = bytes.split_at(LENGTH - 8);
        if bound != binding(place, scope, filter) {
            return None;
        }
        let as_of = Timestamp::from_millisecond(i64::from_be_bytes(place[..8].try_into().ok()?)).ok()?;
        Some(Self { as_of: as_of.min(now), expired: place[8] == 1, last: KeyId::from_slice(&place[9..])? })
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn binding(place: &[u8], scope: &KeyScope, filter: &KeyFilter) -> [u8; 8] {
    let mut digest = Sha256::new();
    digest.update(b"keystead cursor 1");
    digest.update(place);
    digest.update(scope.organization().as_bytes());
    digest.update(scope.creator().map_or([0; 16], |creator| *creator.as_bytes()));
    digest.update(filter.status.map_or("", Status::code));
    digest.update([0]);
    digest.update(filter.search.as_ref().map_or("", SearchText::as_str));
    let digest: [u8; 32] = digest.finalize().into();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}
