//! The audit log's page.

use askama::Template;

use super::{Shell, Time};

/// `GET /settings/audit-log`.
#[derive(Template)]
#[template(path = "audit-log.html")]
pub struct AuditLogPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// What is asked for.
    pub form: AuditForm,
    /// What is wrong with it, if anything: nothing is listed then.
    pub problem: Option<String>,
    /// The events, newest first.
    pub rows: Vec<AuditRow>,
    /// The newest events of the same filter, from a later page.
    pub newest: Option<String>,
    /// Older events of the same filter.
    pub older: Option<String>,
}

/// The filter, as it was filled in.
pub struct AuditForm {
    /// An e-mail address or a user's id.
    pub user: String,
    /// All actions.
    pub actions: Vec<AuditChoice>,
    /// All ways in.
    pub vias: Vec<AuditChoice>,
    /// The id of what something was done to; set by links only.
    pub target: String,
    /// The first day, and the last.
    pub from: String,
    /// See `from`.
    pub to: String,
    /// The same list without that id.
    pub without_target: String,
    /// The parameters that are filled in, for the export.
    pub given: Vec<(&'static str, String)>,
}

impl AuditForm {
    /// What the menu of actions says.
    fn chosen_actions(&self) -> String {
        let chosen: Vec<_> = self.actions.iter().filter(|action| action.chosen).collect();
        match &chosen[..] {
            [] => "All actions".to_owned(),
            [one] => one.label.to_owned(),
            several => format!("{} actions", several.len()),
        }
    }
}

/// Something that can be chosen.
pub struct AuditChoice {
    /// As requests have it.
    pub value: &'static str,
    /// As people read it.
    pub label: &'static str,
    /// Whether it is.
    pub chosen: bool,
}

/// An event.
pub struct AuditRow {
    /// Its number.
    pub sequence: i64,
    /// What was done: "Revoked API key".
    pub what: String,
    /// To what, by name, and the list of all that was done to it.
    pub target: Option<(String, String)>,
    /// Whose doing it was, and the list of all that they did.
    pub who: String,
    /// See `who`.
    pub who_link: Option<String>,
    /// More about them: their address, and whether they were deleted since.
    pub who_more: Option<String>,
    /// Through what.
    pub via: String,
    /// Its name, if it has one.
    pub via_name: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// When.
    pub at: Time,
    /// The rest, as JSON in lines.
    pub details: Option<String>,
}
