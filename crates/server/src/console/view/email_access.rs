//! Email Access Control.

use askama::Template;

use super::{ChipField, Notice, Shell};

/// `GET|POST /settings/email-access`. Fields: `csrf` and, repeated, `allowed_domains`, `allowed_addresses`, `blocked_domains`,
/// `blocked_addresses`; of the question besides: `expected`, and `back` of the button that does not answer it.
#[derive(Template)]
#[template(path = "email-access.html")]
pub struct EmailAccessPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// The allowlist's domains and addresses.
    pub allow: [ChipField; 2],
    /// The blocklist's domains and addresses.
    pub block: [ChipField; 2],
    /// Whether both allowlists are empty.
    pub open: bool,
    /// What is wrong with all of it together.
    pub form_error: Option<String>,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The question to answer before these rules are saved.
    pub question: Option<Exclusion>,
}

impl EmailAccessPage {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn errors(&self) -> Vec<(&'static str, &str)> {
        let form = self.form_error.as_deref().map(|error| ("title", error));
        let fields = self.allow.iter().chain(&self.block);
        let fields = fields.filter_map(|field| Some((field.name, field.error.as_deref()?)));
        form.into_iter().chain(fields).collect()
    }
}

/// Whom the rules would exclude.
pub struct Exclusion {
    /// How many.
    pub count: usize,
    /// The first 100: name and address.
    pub people: Vec<(String, String)>,
    /// The rules, to be sent again as they are: field and value.
    pub fields: Vec<(&'static str, String)>,
}

impl Exclusion {
    /// "1 person", "214 people".
    pub(crate) fn people_words(&self) -> String {
        if self.count == 1 { "1 person".to_owned() } else { format!("{} people", self.count) }
    }
}
