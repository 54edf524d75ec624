//! Events in words, for people and for spreadsheets.

use keystead_app::AuditNames;
use keystead_domain::audit::{Action, Event, ViaKind};
use serde_json::Value;

/// Whose doing something was.
pub(super) struct Who {
    pub(super) name: String,
    /// Their address, and whether they were deleted since.
    pub(super) more: Option<String>,
}

pub(super) fn who(event: &Event, names: &AuditNames) -> Who {
    let Some(user) = event.user else {
        let name = match ViaKind::parse(&event.via) {
            Ok(ViaKind::Operator) => "Operator",
            _ => "Somebody not signed in",
        };
        return Who { name: name.to_owned(), more: None };
    };
    match names.user(user.as_bytes()) {
        Some(known) if known.deleted => {
            Who { name: known.name.clone(), more: Some(format!("{}, deleted since", known.email)) }
        }
        Some(known) => Who { name: known.name.clone(), more: Some(known.email.clone()) },
        None => Who { name: user.to_string(), more: None },
    }
}

/// What was done. An action that this release does not know is told by its name.
pub(super) fn what(event: &Event) -> String {
    Action::parse(&event.action).map_or_else(|_| event.action.clone(), |action| action.label().to_owned())
}

/// What it was done to, by the name that it had then or, failing that, has now.
pub(super) fn target(event: &Event, names: &AuditNames) -> Option<String> {
    let details: Value = serde_json::from_str(&event.details).unwrap_or_default();
    let told = ["/after/name", "/name", "/email"]
        .iter()
        .filter_map(|place| details.pointer(place).and_then(Value::as_str))
        .find(|name| !name.is_empty());
    let id = event.target?;
    told.or_else(|| names.key(&id))
        .or_else(|| names.user(&id).map(|user| user.name.as_str()))
        .map(str::to_owned)
}

pub(super) fn via(event: &Event) -> &str {
    match ViaKind::parse(&event.via) {
        Ok(kind) => kind.label(),
        Err(_) => &event.via,
    }
}

/// The name of the key or the app that it was done through.
pub(super) fn via_name(event: &Event, names: &AuditNames) -> Option<String> {
    names.via(event).map(str::to_owned)
}

/// The details in lines, if there are any.
pub(super) fn details(event: &Event) -> Option<String> {
    match serde_json::from_str::<Value>(&event.details) {
        Ok(Value::Object(details)) if details.is_empty() => None,
        Ok(details) => serde_json::to_string_pretty(&details).ok(),
        Err(_) => Some(event.details.clone()),
    }
}
