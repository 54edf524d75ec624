//! Events and checkpoints as lines of JSON, for exports and for shipping: with all that the links and signatures cover, so that
//! a file can be checked without the store.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Checkpoint, Event};
use crate::{OrganizationId, UserId, hex};

/// The line is neither an event nor a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an event nor a checkpoint of an audit log")]
pub struct BadLine;

/// What a line holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An event, with the link that was stored beside it.
    Event(Box<Event>, [u8; 32]),
    /// A checkpoint.
    Checkpoint(Checkpoint),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EventLine<'a> {
    organization: OrganizationId,
    sequence: i64,
    at: Cow<'a, str>,
    user: Option<UserId>,
    via: Cow<'a, str>,
    via_id: Option<Uuid>,
    address: Option<Cow<'a, str>>,
    action: Cow<'a, str>,
    target: Option<Uuid>,
    details: Box<RawValue>,
    link: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckpointLine {
    organization: OrganizationId,
    sequence: i64,
    link: String,
    at: String,
    key_id: String,
    signature: String,
}

/// An event as a line of JSON, without the line's end. The details are nested as they were stored, to the letter: the link
/// covers their text.
#[must_use]
pub fn event_line(event: &Event, link: &[u8; 32]) -> String {
    written(&EventLine {
        organization: event.organization,
        sequence: event.sequence,
        at: event.at.to_string().into(),
        user: event.user,
        via: event.via.as_str().into(),
        via_id: event.via_id.map(Uuid::from_bytes),
        address: event.address.as_deref().map(Cow::from),
        action: event.action.as_str().into(),
        target: event.target.map(Uuid::from_bytes),
        details: nested(&event.details),
        link: hex::encode(link).into(),
    })
}

/// A checkpoint as a line of JSON, without the line's end.
#[must_use]
pub fn checkpoint_line(checkpoint: &Checkpoint) -> String {
    written(&CheckpointLine {
        organization: checkpoint.organization,
        sequence: checkpoint.sequence,
        link: hex::encode(&checkpoint.link),
        at: checkpoint.at.to_string(),
        key_id: hex::encode(&checkpoint.key_id),
        signature: hex::encode(&checkpoint.signature),
    })
}

/// Reads a line that [`event_line`] or [`checkpoint_line`] wrote.
pub fn parse_line(text: &str) -> Result<Line, BadLine> {
    if let Ok(line) = serde_json::from_str::<EventLine<'_>>(text) {
        let link = hex::decode(&line.link).ok_or(BadLine)?;
        let event = Event {
            organization: line.organization,
            sequence: line.sequence,
            at: instant(&line.at)?,
            user: line.user,
            via: line.via.into_owned(),
            via_id: line.via_id.map(Uuid::into_bytes),
            address: line.address.map(Cow::into_owned),
            action: line.action.into_owned(),
            target: line.target.map(Uuid::into_bytes),
            details: flat(&line.details)?,
        };
        return Ok(Line::Event(Box::new(event), link));
    }
    let line: CheckpointLine = serde_json::from_str(text).map_err(|_| BadLine)?;
    Ok(Line::Checkpoint(Checkpoint {
        organization: line.organization,
        sequence: line.sequence,
        link: hex::decode(&line.link).ok_or(BadLine)?,
        at: instant(&line.at)?,
        key_id: hex::decode(&line.key_id).ok_or(BadLine)?,
        signature: hex::decode(&line.signature).ok_or(BadLine)?,
    }))
}

fn written(line: &impl Serialize) -> String {
    // Texts, numbers and checked JSON: nothing in them can fail to be written.
    serde_json::to_string(line).unwrap_or_default()
}

/// To the millisecond, as the store keeps it: what the link does not cover is not let in.
fn instant(text: &str) -> Result<Timestamp, BadLine> {
    let at: Timestamp = text.parse().map_err(|_| BadLine)?;
    let whole = Timestamp::from_millisecond(at.as_millisecond()).map_err(|_| BadLine)?;
    if whole == at { Ok(at) } else { Err(BadLine) }
}

/// An object as it is; anything else, which only somebody who tampered wrote, as a text.
fn nested(details: &str) -> Box<RawValue> {
    let object = details.starts_with('{') && !details.contains(['\n', '\r']);
    match RawValue::from_string(details.to_owned()) {
        Ok(raw) if object && raw.get() == details => raw,
        _ => serde_json::value::to_raw_value(details).unwrap_or_default(),
    }
}

fn flat(details: &RawValue) -> Result<String, BadLine> {
    let text = details.get();
    if text.starts_with('{') {
        return Ok(text.to_owned());
    }
    serde_json::from_str(text).map_err(|_| BadLine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdGenerator;
    use crate::audit::{Action, End, SigningKey};

    fn event(details: &str) -> Event {
        let ids = IdGenerator::default();
        Event {
            organization: ids.next(Timestamp::UNIX_EPOCH, [1; 8]),
            sequence: 3,
            at: "2026-11-23T10:00:00.123Z".parse().unwrap(),
            user: Some(ids.next(Timestamp::UNIX_EPOCH, [2; 8])),
            via: "key".into(),
            via_id: Some([5; 16]),
            address: Some("2001:db8::1".into()),
            action: Action::KeyRevoked.name().into(),
            target: Some([6; 16]),
            details: details.into(),
        }
    }

    #[test]
    fn a_line_reads_back_as_the_event_that_was_linked() {
        for details in [
            r#"{"name":"CI deploy \" é","n":1.0}"#,
            "{}",
            "",
            "not json",
            "{ \"spaced\": 1 }",
            "{\"a\":1} ",
            "{\n}",
            "\"text\"",
            "[1]",
            "\u{0}\u{2028}",
        ] {
            let event = event(details);
            let line = event_line(&event, &[8; 32]);
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(parse_line(&line), Ok(Line::Event(Box::new(event), [8; 32])), "{details:?}");
        }
    }

    #[test]
    fn nothing_can_be_slipped_into_a_line() {
        let line = event_line(&event("{}"), &[8; 32]);
        for bad in [
            line.replacen('{', r#"{"more":1,"#, 1),
            line.replacen('{', r#"{"sequence":2,"#, 1),
            line.replace(".123Z", ".1234Z"),
            line.replace("0808", "08"),
            format!("{line}{line}"),
            String::new(),
            "{}".to_owned(),
        ] {
            assert_eq!(parse_line(&bad), Err(BadLine), "{bad}");
        }
    }

    #[test]
    fn a_checkpoint_reads_back_as_it_was_signed() {
        let key = SigningKey::from_seed(&[3; 32]);
        let end = End { sequence: 12, link: [9; 32], at: None };
        let checkpoint = Checkpoint::sign(&key, event("").organization, &end, event("").at);
        let line = checkpoint_line(&checkpoint);
        assert_eq!(parse_line(&line), Ok(Line::Checkpoint(checkpoint)));
        assert_eq!(parse_line(&line.replace("\"sequence\":12", "\"sequence\":12,\"x\":1")), Err(BadLine));
    }
}
