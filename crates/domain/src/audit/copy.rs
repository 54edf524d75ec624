//! Checking a copy of a log as a file, line by line, without the store.

use std::fmt;

use super::{ChainCheck, Checkpoint, End, Fault, Line, PublicKey, check_checkpoint, parse_line};
use crate::OrganizationId;

/// What is wrong with a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFault {
    /// A line, counted from 1, is neither an event nor a checkpoint.
    BadLine(u64),
    /// Its events are not the log's.
    Events(Fault),
    /// Nothing vouches for its end, the event of that number: it was cut off there, or leaves events out by a filter.
    Unsigned(i64),
}

impl fmt::Display for CopyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLine(line) => write!(f, "line {line} is neither an event nor a checkpoint"),
            Self::Events(fault) => fault.fmt(f),
            Self::Unsigned(end) => {
                write!(f, "the copy was cut off: no signed checkpoint follows event {end}")
            }
        }
    }
}

/// What was proven of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedCopy {
    /// Whose log it is.
    pub organization: OrganizationId,
    /// Its last event, which is signed.
    pub end: End,
    /// Up to which event it agrees with checkpoints that were kept elsewhere; 0 is none.
    pub kept_elsewhere: i64,
}

/// A check under way.
#[derive(Debug)]
pub struct CopyCheck {
    keys: Vec<PublicKey>,
    /// From elsewhere, the last first.
    elsewhere: Vec<Checkpoint>,
    lines: u64,
    chain: Option<(OrganizationId, ChainCheck)>,
    /// Up to which event the copy's own checkpoints vouch for it, and those from elsewhere.
    signed: i64,
    kept: i64,
}

impl CopyCheck {
    /// Begins. `keys` are trusted; `elsewhere` are checkpoints that were kept apart from the copy.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>, mut elsewhere: Vec<Checkpoint>) -> Self {
        elsewhere.sort_unstable_by_key(|checkpoint| std::cmp::Reverse(checkpoint.sequence));
        Self { keys, elsewhere, lines: 0, chain: None, signed: 0, kept: 0 }
    }

    /// The next line.
    ///
    /// # Errors
    /// Nothing that could follow would make it good.
    pub fn line(&mut self, text: &str) -> Result<(), CopyFault> {
        self.lines += 1;
        match parse_line(text).map_err(|_| CopyFault::BadLine(self.lines))? {
            Line::Event(event, link) => {
                let new = || (event.organization, ChainCheck::new(event.organization));
                let (organization, chain) = self.chain.get_or_insert_with(new);
                if !chain.event(&event, &link) {
                    return Ok(());
                }
                let (organization, end) = (*organization, chain.end());
                while let Some(checkpoint) = self.elsewhere.pop_if(|next| next.sequence <= end.sequence) {
                    if checkpoint.organization == organization {
                        let there = (checkpoint.sequence == end.sequence).then_some(&end.link);
                        check_checkpoint(&checkpoint, &self.keys, there, end.sequence, self.kept)
                            .map_err(CopyFault::Events)?;
                        self.kept = checkpoint.sequence;
                    }
                }
                Ok(())
            }
            Line::Checkpoint(checkpoint) => {
                let Some((organization, chain)) = &self.chain else {
                    return Err(CopyFault::BadLine(self.lines));
                };
                let end = chain.end();
                // One that stands elsewhere than right behind its event vouches for nothing here.
                if checkpoint.organization != *organization || checkpoint.sequence < end.sequence {
                    return Err(CopyFault::BadLine(self.lines));
                }
                let there = (checkpoint.sequence == end.sequence).then_some(&end.link);
                check_checkpoint(&checkpoint, &self.keys, there, end.sequence, self.signed)
                    .map_err(|fault| self.worse(fault))?;
                self.signed = checkpoint.sequence;
                Ok(())
            }
        }
    }

    /// What was wrong with the events before comes first.
    fn worse(&mut self, fault: Fault) -> CopyFault {
        let chain = self.chain.take().map(|(_, chain)| chain.finish());
        CopyFault::Events(chain.and_then(Result::err).unwrap_or(fault))
    }

    /// There are no further lines.
    pub fn finish(self) -> Result<CheckedCopy, CopyFault> {
        let Some((organization, chain)) = self.chain else { return Err(CopyFault::Unsigned(0)) };
        let end = chain.finish().map_err(CopyFault::Events)?;
        if self.signed != end.sequence {
            return Err(CopyFault::Unsigned(end.sequence));
        }
        Ok(CheckedCopy { organization, end, kept_elsewhere: self.kept })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::IdGenerator;
    use crate::audit::{Action, CHAIN_START, Event, FaultKind, SigningKey, checkpoint_line, event_line};

    fn key() -> SigningKey {
        SigningKey::from_seed(&[3; 32])
    }

    /// Events as lines, the signed end, and the links.
    fn copy(length: i64) -> (Vec<String>, Vec<Checkpoint>) {
        let organization = IdGenerator::default().next(Timestamp::UNIX_EPOCH, [1; 8]);
        let (mut lines, mut checkpoints, mut link) = (Vec::new(), Vec::new(), CHAIN_START);
        for sequence in 1..=length {
            let event = Event {
                organization,
                sequence,
                at: Timestamp::UNIX_EPOCH,
                user: None,
                via: "operator".into(),
                via_id: None,
                address: None,
                action: Action::KeyCreated.name().into(),
                target: None,
                details: format!("{{\"name\":\"key {sequence}\"}}"),
            };
            link = event.link(&link);
            lines.push(event_line(&event, &link));
            let end = End { sequence, link, at: None };
            checkpoints.push(Checkpoint::sign(&key(), organization, &end, Timestamp::UNIX_EPOCH));
        }
        lines.extend(checkpoints.last().map(checkpoint_line));
        (lines, checkpoints)
    }

    fn check(lines: &[String], elsewhere: &[Checkpoint]) -> Result<(i64, i64), CopyFault> {
        let mut check = CopyCheck::new(vec![key().public()], elsewhere.to_vec());
        lines.iter().try_for_each(|line| check.line(line))?;
        check.finish().map(|checked| (checked.end.sequence, checked.kept_elsewhere))
    }

    #[test]
    fn a_whole_copy_is_proven_by_itself_and_by_what_was_kept_elsewhere() {
        let (lines, checkpoints) = copy(9);
        assert_eq!(check(&lines, &[]), Ok((9, 0)));
        // One that is newer than the copy says nothing of it.
        let (_, newer) = copy(12);
        assert_eq!(check(&lines, &[newer[11], checkpoints[3], checkpoints[1]]), Ok((9, 4)));
    }

    #[test]
    fn what_was_done_to_a_copy_is_told_apart() {
        let (lines, _) = copy(9);
        let events = |sequence, kind| Err(CopyFault::Events(Fault { sequence, kind }));
        let changed: Vec<_> = lines.iter().map(|line| line.replace("key 4", "key 5")).collect();
        assert_eq!(check(&changed, &[]), events(4, FaultKind::Changed));
        let mut swapped = lines.clone();
        swapped.swap(2, 5);
        assert_eq!(check(&swapped, &[]), events(3, FaultKind::Reordered));
        let mut missing = lines.clone();
        missing.remove(6);
        assert_eq!(check(&missing, &[]), events(7, FaultKind::LeftOut));
        let mut doubled = lines.clone();
        doubled.insert(6, lines[5].clone());
        assert_eq!(check(&doubled, &[]), events(6, FaultKind::Repeated));
        let mut tail = lines.clone();
        tail.remove(8);
        assert_eq!(check(&tail, &[]), events(9, FaultKind::CutOff { signed: 9 }));
        assert_eq!(check(&lines[..7], &[]), Err(CopyFault::Unsigned(7)));
        assert_eq!(check(&[], &[]), Err(CopyFault::Unsigned(0)));
        let mut torn = lines.clone();
        torn[3].truncate(40);
        assert_eq!(check(&torn, &[]), Err(CopyFault::BadLine(4)));
        assert_eq!(check(&lines[9..], &[]), Err(CopyFault::BadLine(1)));
    }

    #[test]
    fn a_copy_that_was_made_up_whole_is_not_the_one_that_was_signed() {
        let (lines, checkpoints) = copy(9);
        let mut forged = Checkpoint { link: [7; 32], ..checkpoints[5] };
        let bad = Fault { sequence: 6, kind: FaultKind::BadSignature };
        assert_eq!(check(&lines, &[forged]), Err(CopyFault::Events(bad)));
        let end = End { sequence: 6, link: [7; 32], at: None };
        forged = Checkpoint::sign(&key(), forged.organization, &end, Timestamp::UNIX_EPOCH);
        let rewritten = Fault { sequence: 3, kind: FaultKind::Rewritten { signed: 6 } };
        assert_eq!(check(&lines, &[checkpoints[1], forged]), Err(CopyFault::Events(rewritten)));
        let strange = SigningKey::from_seed(&[4; 32]);
        let mut other = CopyCheck::new(vec![strange.public()], Vec::new());
        let unknown = Fault { sequence: 9, kind: FaultKind::UnknownKey };
        let checked = lines.iter().try_for_each(|line| other.line(line));
        assert_eq!(checked, Err(CopyFault::Events(unknown)));
    }
}
