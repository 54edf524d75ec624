//! Which events are wanted, and paging through them: newest first, by cursor, never by offset.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Action, ViaKind};
use crate::cursor::List;
use crate::{AuditScope, Error, Field, MAX_PAGE_SIZE, UserId};

/// Which events are wanted. All parts must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Only what was done as this user.
    pub user: Option<UserId>,
    /// Only these actions; none is all.
    pub actions: Vec<Action>,
    /// Only what was done to the thing with this id.
    pub target: Option<[u8; 16]>,
    /// Only what was done through this kind of proof.
    pub via: Option<ViaKind>,
    /// Only what was done at or after this instant.
    pub from: Option<Timestamp>,
    /// Only what was done before this instant.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// From what a caller wrote; an empty text asks for nothing. Instants are those of RFC 3339 (`2026-11-23T10:00:00Z`), or
    /// days, which begin and end by UTC: `to` is then the whole day.
    pub fn parse(
        user: &str,
        actions: &[impl AsRef<str>],
        target: &str,
        via: &str,
        from: &str,
        to: &str,
    ) -> Result<Self, Error> {
        let mut parsed = Self {
            user: given(user).map(|text| id(text, Field::UserId)).transpose()?.map(UserId::from),
            actions: Vec::new(),
            target: given(target).map(|text| id(text, Field::TargetId)).transpose()?.map(Uuid::into_bytes),
            via: given(via).map(ViaKind::parse).transpose()?,
            from: given(from).map(|text| instant(text, Field::From, false)).transpose()?,
            to: given(to).map(|text| instant(text, Field::To, true)).transpose()?,
        };
        for name in actions.iter().filter_map(|name| given(name.as_ref())) {
            let action = Action::parse(name)?;
            if !parsed.actions.contains(&action) {
                parsed.actions.push(action);
            }
        }
        let (from, to) = (parsed.from, parsed.to);
        parsed.between(from, to)
    }

    /// The same filter between two instants, the first inclusive.
    pub fn between(self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Self, Error> {
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(Error::invalid(Field::To, "The end lies before the beginning. Swap the two."));
        }
        Ok(Self { from, to, ..self })
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn id(text: &str, field: Field) -> Result<Uuid, Error> {
    // Any spelling of it: people paste ids from elsewhere.
    Uuid::try_parse(text).map_err(|_| {
        Error::invalid(field, "That is not an id, such as 01936d2c-7a50-7000-8000-3f2b8c1d9e4a.")
    })
}

fn instant(text: &str, field: Field, end: bool) -> Result<Timestamp, Error> {
    let wrong = || {
        Error::invalid(field, "Write a day such as 2026-11-23, or an instant such as 2026-11-23T10:00:00Z.")
    };
    let day = |day: jiff::civil::Date| {
        let day = if end { day.tomorrow().ok()? } else { day };
        jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    };
    match text.parse() {
        Ok(instant) => Ok(instant),
        Err(_) if text.len() == 10 => text.parse().ok().and_then(day).ok_or_else(wrong),
        Err(_) => Err(wrong()),
    }
}

/// The place after which a page begins: the number of the last event seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCursor {
    /// The event's number.
    pub sequence: i64,
}

impl AuditCursor {
    /// As text for the caller: opaque, safe in a URL, bound to the list that it was made for.
    #[must_use]
    pub fn encode(self, scope: &AuditScope, filter: &AuditFilter) -> String {
        in_list(scope, filter, |list| list.encode(&self.sequence.to_be_bytes()))
    }

    fn decode(text: &str, scope: &AuditScope, filter: &AuditFilter) -> Option<Self> {
        let place = in_list(scope, filter, |list| list.decode(text))?;
        Some(Self { sequence: i64::from_be_bytes(place) })
    }
}

fn in_list<T>(scope: &AuditScope, filter: &AuditFilter, work: impl FnOnce(List<'_>) -> T) -> T {
    let millis = |at: Option<Timestamp>| at.map_or(i64::MIN, Timestamp::as_millisecond).to_be_bytes();
    let actions = filter.actions.iter().map(|action| action.name()).collect::<Vec<_>>().join(" ");
    work(List {
        of: "audit events",
        parts: &[
            scope.organization().as_bytes(),
            filter.user.as_ref().map_or(&[], |user| user.as_bytes()),
            actions.as_bytes(),
            filter.target.as_ref().map_or(&[], |target| target),
            filter.via.map_or("", ViaKind::name).as_bytes(),
            &millis(filter.from),
            &millis(filter.to),
        ],
    })
}

/// One page's worth of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPageRequest {
    /// How many, 1 to [`MAX_PAGE_SIZE`].
    pub first: u32,
    /// After which event, towards older ones; `None` is the newest.
    pub after: Option<AuditCursor>,
}

impl AuditPageRequest {
    /// Checks what a caller asked for. The cursor must be one that this list gave out.
    pub fn new(
        first: i64,
        after: Option<&str>,
        scope: &AuditScope,
        filter: &AuditFilter,
    ) -> Result<Self, Error> {
        let first =
            u32::try_from(first).ok().filter(|first| (1..=MAX_PAGE_SIZE).contains(first)).ok_or_else(
                || Error::invalid(Field::First, format!("Ask for 1 to {MAX_PAGE_SIZE} events at a time.")),
            )?;
        let after =
            after.map(|text| AuditCursor::decode(text, scope, filter).ok_or_else(Error::no_such_place));
        Ok(Self { first, after: after.transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IdGenerator, Operator};

    const NONE: [&str; 0] = [];

    #[test]
    fn what_is_written_in_a_filter_is_refused_by_name() {
        let refused = |filter: Result<AuditFilter, Error>| match filter {
            Err(Error::Invalid { field, .. }) => field.name(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(AuditFilter::parse("ada", &NONE, "", "", "", "")), "userId");
        assert_eq!(refused(AuditFilter::parse("", &["key.stolen"], "", "", "", "")), "actions");
        assert_eq!(refused(AuditFilter::parse("", &NONE, "' OR 1=1", "", "", "")), "targetId");
        assert_eq!(refused(AuditFilter::parse("", &NONE, "", "magic", "", "")), "via");
        assert_eq!(refused(AuditFilter::parse("", &NONE, "", "", "yesterday", "")), "from");
        assert_eq!(refused(AuditFilter::parse("", &NONE, "", "", "", "2026-02-30")), "to");
        assert_eq!(refused(AuditFilter::parse("", &NONE, "", "", "2026-11-24", "2026-11-22")), "to");
        assert!(AuditFilter::parse(" ", &["", ""], "", "", "", "").unwrap().is_empty());
    }

    #[test]
    fn the_last_day_of_a_filter_is_whole() {
        let filter = AuditFilter::parse("", &NONE, "", "", "2026-11-23", "2026-11-23").unwrap();
        assert_eq!(filter.from, Some("2026-11-23T00:00:00Z".parse().unwrap()));
        assert_eq!(filter.to, Some("2026-11-24T00:00:00Z".parse().unwrap()));
        let exact = AuditFilter::parse("", &NONE, "", "", "", "2026-11-23T10:00:00+01:00").unwrap();
        assert_eq!(exact.to, Some("2026-11-23T09:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_cursor_belongs_to_the_list_that_gave_it_out() {
        let ids = IdGenerator::default();
        let scope = |seed| Operator.audit_log_of(ids.next(Timestamp::UNIX_EPOCH, [seed; 8]));
        let (ours, theirs) = (scope(1), scope(2));
        let all = AuditFilter::default();
        let keys = AuditFilter::parse("", &["key.created"], "", "", "", "").unwrap();
        let cursor = AuditCursor { sequence: 7 }.encode(&ours, &keys);
        let request = AuditPageRequest::new(50, Some(&cursor), &ours, &keys).unwrap();
        assert_eq!(request.after, Some(AuditCursor { sequence: 7 }));
        assert!(AuditPageRequest::new(50, Some(&cursor), &ours, &all).is_err());
        assert!(AuditPageRequest::new(50, Some(&cursor), &theirs, &keys).is_err());
        for bad in ["", "7", &cursor[1..], &cursor.to_uppercase(), &cursor.replace('0', "1"), "é"] {
            assert!(AuditPageRequest::new(50, Some(bad), &ours, &keys).is_err(), "{bad}");
        }
        for bad in [0, -1, 101, i64::MAX] {
            assert!(AuditPageRequest::new(bad, None, &ours, &keys).is_err(), "{bad}");
        }
    }
}
