//! Paging through keys: those that work first, newest first, then expired ones, newest first. By cursor, never by offset.

use jiff::Timestamp;

use crate::cursor::List;
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

const LENGTH: usize = 8 + 1 + 16;

impl Cursor {
    /// The place after a key in a list whose first page was read at `as_of`.
    #[must_use]
    pub fn after(key: &ApiKey, as_of: Timestamp) -> Self {
        Self { as_of, expired: key.status(as_of) == Status::Expired, last: key.id }
    }

    /// As text for the caller: opaque, safe in a URL, bound to the list that it was made for.
    #[must_use]
    pub fn encode(&self, scope: &KeyScope, filter: &KeyFilter) -> String {
        let mut place = Vec::with_capacity(LENGTH);
        place.extend_from_slice(&self.as_of.as_millisecond().to_be_bytes());
        place.push(u8::from(self.expired));
        place.extend_from_slice(self.last.as_bytes());
        in_list(scope, filter, |list| list.encode(&place))
    }

    fn decode(text: &str, scope: &KeyScope, filter: &KeyFilter, now: Timestamp) -> Result<Self, Error> {
        Self::try_decode(text, scope, filter, now).ok_or_else(Error::no_such_place)
    }

    fn try_decode(text: &str, scope: &KeyScope, filter: &KeyFilter, now: Timestamp) -> Option<Self> {
        let place: [u8; LENGTH] = in_list(scope, filter, |list| list.decode(text))?;
        let as_of = Timestamp::from_millisecond(i64::from_be_bytes(place[..8].try_into().ok()?)).ok()?;
        Some(Self { as_of: as_of.min(now), expired: place[8] == 1, last: KeyId::from_slice(&place[9..])? })
    }
}

fn in_list<T>(scope: &KeyScope, filter: &KeyFilter, work: impl FnOnce(List<'_>) -> T) -> T {
    let creator = scope.creator();
    work(List {
        of: "keys",
        parts: &[
            scope.organization().as_bytes(),
            creator.as_ref().map_or(&[], |creator| creator.as_bytes()),
            filter.status.map_or("", Status::code).as_bytes(),
            filter.search.as_ref().map_or("", SearchText::as_str).as_bytes(),
        ],
    })
}
