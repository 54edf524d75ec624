//! Checking a log from its first event to its last, one event at a time, in memory that does not grow with the log.

use std::fmt;

use jiff::Timestamp;

use super::{CHAIN_START, Event};
use crate::OrganizationId;

/// What is wrong with a log, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The number of the first event that is not as it was.
    pub sequence: i64,
    /// In what way, as far as that can be told.
    pub kind: FaultKind,
}

/// What can be wrong with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The event's row or line cannot be read.
    Unreadable,
    /// The event, or the link beside it, is not what it was.
    Changed,
    /// The event stands at another place.
    Reordered,
    /// The event is there twice.
    Repeated,
    /// The event is missing, and later ones are there.
    LeftOut,
    /// The event is another organization's.
    Foreign,
    /// The event and all after it are missing: a signed checkpoint says that the log went on to `signed`.
    CutOff {
        /// The number that was signed.
        signed: i64,
    },
    /// Links fit each other, but not the signed checkpoint at `signed`: somebody wrote the log anew from there, or from some
    /// event between the last checkpoint that fits and this one.
    Rewritten {
        /// The number that was signed.
        signed: i64,
    },
    /// The checkpoint at this event was not signed by the key that it names.
    BadSignature,
    /// The checkpoint at this event was signed by a key that nobody vouched for.
    UnknownKey,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, kind } = self;
        match kind {
            FaultKind::Unreadable => write!(f, "event {sequence} cannot be read"),
            FaultKind::Changed => write!(f, "event {sequence} was changed"),
            FaultKind::Reordered => {
                write!(f, "events were reordered: event {sequence} stands at another place")
            }
            FaultKind::Repeated => write!(f, "event {sequence} is there twice"),
            FaultKind::LeftOut => write!(f, "event {sequence} was left out"),
            FaultKind::Foreign => {
                write!(f, "another organization's event stands in the place of event {sequence}")
            }
            FaultKind::CutOff { signed } => {
                write!(
                    f,
                    "the log was cut off: event {sequence} is missing, and it was signed up to event {signed}"
                )
            }
            FaultKind::Rewritten { signed } if *signed == *sequence => {
                write!(f, "the log was written anew: event {sequence} is not the one that was signed")
            }
            FaultKind::Rewritten { signed } => write!(
                f,
                "the log was written anew, from event {sequence} or a later one: event {signed} is not the one that was signed"
            ),
            FaultKind::BadSignature => {
                write!(f, "the signature of the checkpoint at event {sequence} is false")
            }
            FaultKind::UnknownKey => {
                write!(f, "the checkpoint at event {sequence} was signed by an unknown key")
            }
        }
    }
}

/// Where a log that fits together ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The number of the last event; 0 for a log without any.
    pub sequence: i64,
    /// Its link, which stands for it and all before it.
    pub link: [u8; 32],
    /// When it happened.
    pub at: Option<Timestamp>,
}

impl End {
    /// Before the first event.
    pub const NONE: Self = Self { sequence: 0, link: CHAIN_START, at: None };
}

/// A check under way.
#[derive(Debug)]
pub struct ChainCheck {
    organization: OrganizationId,
    end: End,
    suspect: Option<Suspect>,
}

/// The first event that did not fit. What follows it may tell why.
#[derive(Debug)]
struct Suspect {
    fault: Fault,
    /// The link that stands in its place, and the one that would fit what stands there.
    links: Option<[[u8; 32]; 2]>,
    settled: bool,
}

/// How many events taken out in one place, with all after them renumbered, are recognized as that; more look like a change.
const RENUMBERED: i64 = 100;

impl ChainCheck {
    /// Begins with the first event of an organization's log.
    #[must_use]
    pub fn new(organization: OrganizationId) -> Self {
        Self::after(organization, End::NONE)
    }

    /// Goes on behind an event that is known to be as it was.
    #[must_use]
    pub fn after(organization: OrganizationId, end: End) -> Self {
        Self { organization, end, suspect: None }
    }

    /// The next event, with the link that was stored beside it. `false`: nothing that could follow tells more.
    pub fn event(&mut self, event: &Event, link: &[u8; 32]) -> bool {
        match &mut self.suspect {
            None => self.fits(event, link),
            Some(suspect) if suspect.settled => {}
            Some(suspect) => suspect.learn(event, link, &self.end),
        }
        !self.is_settled()
    }

    /// The next event is there and cannot be read.
    pub fn unreadable(&mut self) {
        self.suspect.get_or_insert(Suspect {
            fault: Fault { sequence: self.end.sequence + 1, kind: FaultKind::Unreadable },
            links: None,
            settled: true,
        });
    }

    /// Whether it is certain what is wrong.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.suspect.as_ref().is_some_and(|suspect| suspect.settled)
    }

    /// The last event that fits, so far.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }

    /// There are no further events.
    pub fn finish(self) -> Result<End, Fault> {
        match self.suspect {
            None => Ok(self.end),
            Some(suspect) => Err(suspect.fault),
        }
    }

    fn fits(&mut self, event: &Event, link: &[u8; 32]) {
        let next = self.end.sequence + 1;
        let fitting = event.link(&self.end.link);
        let suspect = |sequence, kind, settled, links| {
            Some(Suspect { fault: Fault { sequence, kind }, links, settled })
        };
        self.suspect = if event.organization != self.organization {
            suspect(next, FaultKind::Foreign, true, None)
        } else if event.sequence < next {
            suspect(event.sequence, FaultKind::Repeated, true, None)
        } else if event.sequence > next {
            suspect(next, FaultKind::LeftOut, false, None)
        } else if fitting != *link {
            suspect(next, FaultKind::Changed, false, Some([*link, fitting]))
        } else {
            self.end = End { sequence: next, link: *link, at: Some(event.at) };
            None
        };
    }
}

/// Checks a whole log that is in memory: each event with the link that was stored beside it. The number of the first event
/// that does not fit, if any.
pub fn verify_chain<'a>(events: impl IntoIterator<Item = (&'a Event, [u8; 32])>) -> Result<(), i64> {
    let mut check: Option<ChainCheck> = None;
    for (event, link) in events {
        check.get_or_insert_with(|| ChainCheck::new(event.organization)).event(event, &link);
    }
    check.map_or(Ok(()), |check| check.finish().map(drop).map_err(|fault| fault.sequence))
}

impl Suspect {
    fn learn(&mut self, event: &Event, link: &[u8; 32], end: &End) {
        let sequence = self.fault.sequence;
        // The true event of that place, whatever number it has now.
        let moved = Event { sequence, ..event.clone() };
        if moved.link(&end.link) == *link {
            self.fault.kind = FaultKind::Reordered;
            self.settled = true;
            return;
        }
        // Right behind it, the next link tells whether the event or its own link was changed, or the rest was moved up.
        let Some(links) = self.links.take() else { return };
        if event.sequence == sequence + 1 && links.iter().any(|before| event.link(before) == *link) {
            self.settled = true;
        } else if (1..=RENUMBERED)
            .map(|by| Event { sequence: event.sequence.saturating_add(by), ..event.clone() })
            .any(|renumbered| renumbered.link(&links[0]) == *link)
        {
            self.fault.kind = FaultKind::LeftOut;
            self.settled = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdGenerator;
    use crate::audit::Action;

    type Log = Vec<(Event, [u8; 32])>;

    const LENGTH: usize = 1_000;

    fn organization(seed: u8) -> OrganizationId {
        IdGenerator::default().next(Timestamp::UNIX_EPOCH, [seed; 8])
    }

    fn log() -> Log {
        let mut end = CHAIN_START;
        (1..=LENGTH)
            .map(|sequence| {
                let event = Event {
                    organization: organization(1),
                    sequence: i64::try_from(sequence).unwrap(),
                    at: Timestamp::UNIX_EPOCH,
                    user: None,
                    via: "operator".into(),
                    via_id: None,
                    address: None,
                    action: Action::KeyCreated.name().into(),
                    target: Some([7; 16]),
                    details: format!("{{\"name\":\"key {sequence}\"}}"),
                };
                end = event.link(&end);
                (event, end)
            })
            .collect()
    }

    fn check(log: &Log) -> Result<i64, (i64, FaultKind)> {
        check_after(End::NONE, log)
    }

    fn check_after(end: End, log: &Log) -> Result<i64, (i64, FaultKind)> {
        let mut check = ChainCheck::after(organization(1), end);
        for (event, link) in log {
            if !check.event(event, link) {
                break;
            }
        }
        check.finish().map(|end| end.sequence).map_err(|fault| (fault.sequence, fault.kind))
    }

    fn number(index: usize) -> i64 {
        i64::try_from(index).unwrap() + 1
    }

    /// Does something to each event of the log in turn, or to some that follow, and checks. Events far from it are left out:
    /// the check remembers one link of those before it.
    fn to_each(
        tamper: impl Fn(&mut Log, usize),
        found: impl Fn(usize, usize, Result<i64, (i64, FaultKind)>),
    ) {
        let log = log();
        for at in 0..LENGTH {
            let (first, last) = (at.saturating_sub(2), (at + 6).min(LENGTH));
            let end = match first {
                0 => End::NONE,
                _ => End { sequence: number(first - 1), link: log[first - 1].1, at: None },
            };
            let mut part = log[first..last].to_vec();
            tamper(&mut part, at - first);
            found(at, LENGTH - 1 - at, check_after(end, &part));
        }
    }

    #[test]
    fn an_untouched_log_fits_to_its_end() {
        assert_eq!(check(&log()), Ok(number(LENGTH - 1)));
        assert_eq!(check(&Log::new()), Ok(0));
    }

    #[test]
    fn a_bit_flipped_anywhere_is_found_at_its_event() {
        let found = |at, _, checked| assert_eq!(checked, Err((number(at), FaultKind::Changed)));
        let in_details = |log: &mut Log, at: usize| {
            let mut bytes = log[at].0.details.clone().into_bytes();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            log[at].0.details = String::from_utf8(bytes).unwrap();
        };
        to_each(in_details, found);
        let in_link = |log: &mut Log, at: usize| log[at].1[31] ^= 1;
        to_each(in_link, found);
    }

    #[test]
    fn no_field_flows_into_another() {
        let mut log = log();
        log[2].0.via = "operatorkey".into();
        log[2].0.action = ".created".into();
        assert_eq!(check(&log), Err((3, FaultKind::Changed)));
    }

    #[test]
    fn an_event_taken_out_anywhere_is_missed() {
        let out = |log: &mut Log, at: usize| drop(log.remove(at));
        to_each(out, |at, after, checked| match after {
            // That is a log that was cut off: only a checkpoint tells.
            0 => assert_eq!(checked, Ok(number(at) - 1)),
            _ => assert_eq!(checked, Err((number(at), FaultKind::LeftOut))),
        });
        let renumbered = |log: &mut Log, at: usize| {
            out(log, at);
            for (event, _) in &mut log[at..] {
                event.sequence -= 1;
            }
        };
        to_each(renumbered, |at, after, checked| match after {
            0 => assert_eq!(checked, Ok(number(at) - 1)),
            // The one that remains says too little.
            1 => assert_eq!(checked, Err((number(at), FaultKind::Changed))),
            _ => assert_eq!(checked, Err((number(at), FaultKind::LeftOut))),
        });
    }

    #[test]
    fn events_that_changed_places_anywhere_are_found_whether_or_not_they_changed_numbers() {
        for far in [false, true] {
            let other =
                move |log: &Log, at: usize| if far { log.len() - 1 } else { (at + 1).min(log.len() - 1) };
            let found = |at, after, checked| match after {
                0 => assert_eq!(checked, Ok(number(at)), "nothing to change places with"),
                _ => assert_eq!(checked, Err((number(at), FaultKind::Reordered))),
            };
            let places = |log: &mut Log, at: usize| {
                let other = other(log, at);
                log.swap(at, other);
            };
            to_each(places, found);
            let with_numbers = |log: &mut Log, at: usize| {
                let other = other(log, at);
                let numbers = (log[at].0.sequence, log[other].0.sequence);
                log.swap(at, other);
                (log[at].0.sequence, log[other].0.sequence) = numbers;
            };
            to_each(with_numbers, found);
        }
    }

    #[test]
    fn an_event_that_is_there_twice_is_found_anywhere() {
        let twice = |log: &mut Log, at: usize| log.insert(at + 1, log[at].clone());
        to_each(twice, |at, _, checked| assert_eq!(checked, Err((number(at), FaultKind::Repeated))));
        let renumbered = |log: &mut Log, at: usize| {
            twice(log, at);
            for (event, _) in &mut log[at + 1..] {
                event.sequence += 1;
            }
        };
        // The copy has taken the place, and the number, of the event that followed.
        to_each(renumbered, |at, _, checked| {
            assert!(checked.is_err_and(|(sequence, _)| sequence == number(at + 1)), "{at}");
        });
    }

    #[test]
    fn a_log_without_its_beginning_or_of_another_organization_does_not_fit() {
        let mut log = log();
        log.remove(0);
        assert_eq!(check(&log), Err((1, FaultKind::LeftOut)));
        let mut log = self::log();
        log[4].0.organization = organization(2);
        assert_eq!(check(&log), Err((5, FaultKind::Foreign)));
    }

    #[test]
    fn a_check_goes_on_behind_an_event_that_is_known() {
        let mut log = log();
        let end = End { sequence: 500, link: log[499].1, at: None };
        // What lies before it was looked at before.
        log[3].0.details.clear();
        let mut check = ChainCheck::after(organization(1), end);
        assert!(log[500..].iter().all(|(event, link)| check.event(event, link)));
        assert_eq!(check.finish().map(|end| end.sequence), Ok(number(LENGTH - 1)));
    }
}
