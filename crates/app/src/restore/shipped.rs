//! Reading shipped audit logs: what they have behind the end of a backup's, and whether that goes on from there without a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use keystead_domain::OrganizationId;
use keystead_domain::audit::{Event, Line, parse_line};
use keystead_store::{BackupError, LoggedEnd};

/// The longest line: far more than any event has.
const LINE_BYTES: u64 = 16 * 1024 * 1024;

/// How a log of the backup goes on.
#[derive(Debug, Clone)]
pub struct ShippedLog {
    /// Whose.
    pub organization: OrganizationId,
    /// What they are called.
    pub name: String,
    /// The last event in the backup.
    pub backup_to: i64,
    /// The last event that was shipped; that of the backup, if none after it was.
    pub shipped_to: i64,
    /// When it happened.
    pub last_at: Option<String>,
    /// Why what was shipped is not all that happened up to there, if it is not.
    pub fault: Option<String>,
}

/// Events of one number: more than one if the files hold more than one history, as after an earlier restore.
type Variants = Vec<(Event, [u8; 32])>;

/// What was shipped.
pub(super) struct Shipped {
    events: BTreeMap<OrganizationId, BTreeMap<i64, Variants>>,
    pub(super) logs: Vec<ShippedLog>,
    pub(super) unknown: BTreeSet<OrganizationId>,
    pub(super) unreadable_lines: u64,
}

impl Shipped {
    /// Reads files of JSON Lines. `ends`: where the backup's logs end; only what is behind that is kept.
    pub(super) fn read(files: &[PathBuf], ends: &[LoggedEnd]) -> Result<Self, BackupError> {
        let ends_by_id = ends.iter().map(|log| (log.organization, log)).collect();
        let mut shipped =
            Self { events: BTreeMap::new(), logs: Vec::new(), unknown: BTreeSet::new(), unreadable_lines: 0 };
        let mut joins = BTreeMap::new();
        for path in files {
            if !shipped.read_file(path, &ends_by_id, &mut joins)? {
                return Err(BackupError::NotALog(path.clone()));
            }
        }
        for end in ends {
            let events = shipped.events.get(&end.organization);
            let mut log = followed(end, events.unwrap_or(&BTreeMap::new()));
            if joins.get(&end.organization) == Some(&false) {
                let fault = format!("its event {} is not the one of the backup", end.end.sequence);
                log.fault.get_or_insert(fault);
            }
            shipped.logs.push(log);
        }
        Ok(shipped)
    }

    /// Keeps what matters of a file. `false`: it has neither an event nor a checkpoint.
    fn read_file(
        &mut self,
        path: &Path,
        ends: &BTreeMap<OrganizationId, &LoggedEnd>,
        joins: &mut BTreeMap<OrganizationId, bool>,
    ) -> Result<bool, BackupError> {
        let io = |cause| BackupError::Io { path: path.to_owned(), cause };
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let (mut any, mut bytes) = (false, Vec::new());
        loop {
            bytes.clear();
            if (&mut file).take(LINE_BYTES).read_until(b'\n', &mut bytes).map_err(io)? == 0 {
                return Ok(any);
            }
            let text = std::str::from_utf8(bytes.trim_ascii_end()).unwrap_or("-");
            if text.is_empty() {
                continue;
            }
            let (event, link) = match parse_line(text) {
                Ok(Line::Event(event, link)) => (*event, link),
                Ok(Line::Checkpoint(_)) => {
                    any = true;
                    continue;
                }
                Err(_) => {
                    self.unreadable_lines += 1;
                    continue;
                }
            };
            any = true;
            let Some(log) = ends.get(&event.organization) else {
                self.unknown.insert(event.organization);
                continue;
            };
            if event.sequence == log.end.sequence {
                // Files may hold another history beside this one.
                *joins.entry(event.organization).or_default() |= link == log.end.link;
            }
            if event.sequence > log.end.sequence {
                let of_number =
                    self.events.entry(event.organization).or_default().entry(event.sequence).or_default();
                // Each event is shipped at least once.
                if !of_number.iter().any(|(there, _)| *there == event) {
                    of_number.push((event, link));
                }
            }
        }
    }

    /// What was shipped of each log behind the backup, in the order of the log.
    pub(super) fn events(&self) -> impl Iterator<Item = (OrganizationId, &Event)> {
        self.events.iter().flat_map(|(organization, events)| {
            events.values().flatten().map(|(event, _)| (*organization, event))
        })
    }

    /// The number of the last event of a log that was shipped behind the backup.
    pub(super) fn last(&self, organization: OrganizationId) -> Option<i64> {
        Some(*self.events.get(&organization)?.last_key_value()?.0)
    }
}

/// Follows a log from the end of the backup's on.
fn followed(end: &LoggedEnd, events: &BTreeMap<i64, Variants>) -> ShippedLog {
    let mut log = ShippedLog {
        organization: end.organization,
        name: end.name.clone(),
        backup_to: end.end.sequence,
        shipped_to: end.end.sequence,
        last_at: end.end.at.map(|at| at.to_string()),
        fault: None,
    };
    // `None` behind a gap: what should come before is not there to be compared.
    let mut before = Some(end.end.link);
    for (&sequence, variants) in events {
        let next = log.shipped_to + 1;
        if sequence > next {
            let fault = match sequence - 1 {
                last if last == next => format!("its event {next} is missing"),
                last => format!("its events {next} to {last} are missing"),
            };
            log.fault.get_or_insert(fault);
            before = None;
        }
        let fits =
            |(event, link): &&(Event, [u8; 32])| before.is_none_or(|before| event.link(&before) == *link);
        if let Some((event, link)) = variants.iter().find(fits).or(variants.first()) {
            if !fits(&&(event.clone(), *link)) {
                log.fault
                    .get_or_insert(format!("its event {sequence} was changed, or is of another history"));
            }
            before = Some(*link);
            log.shipped_to = sequence;
            log.last_at = Some(event.at.to_string());
        }
    }
    log
}
