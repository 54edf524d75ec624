//! The settings page, and what the pages below it share.

use askama::Template;

use super::{Action, Notice, Shell, Time};

/// `GET /settings`.
#[derive(Template)]
#[template(path = "settings.html")]
pub struct SettingsPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// The organization's name, for those who may change it.
    pub rename: Option<RenameForm>,
    /// What came of the last change.
    pub notice: Option<Notice>,
}

/// `POST /settings/organization`. Field: `name`, besides `csrf`.
pub struct RenameForm {
    /// As typed, or as it is.
    pub name: String,
    /// What was wrong with the last attempt.
    pub error: Option<String>,
}

/// A dialog that asks for a typed name before it does something grave. Fields: `csrf`, `confirm_name`.
pub struct ConfirmForm {
    /// The question: "Delete this role?"
    pub title: &'static str,
    /// What will happen.
    pub consequence: String,
    /// What to type: "role".
    pub kind: &'static str,
    /// The name to be typed exactly.
    pub name: String,
    /// The word on the button: "Delete".
    pub verb: &'static str,
    /// Whether the button is red.
    pub danger: bool,
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// As typed.
    pub typed: String,
    /// Why the last attempt was refused.
    pub error: Option<String>,
}

impl ConfirmForm {
    /// What the dialog is called in the browser's tab and history.
    pub(crate) fn tab_title(&self) -> String {
        if self.error.is_some() { format!("Error: {}", self.title) } else { self.title.to_owned() }
    }
}

/// A list of short texts: chips with script, a text area with one a line without. All are sent under the field's name.
pub struct ChipField {
    /// The field's name, and the id of what is typed into.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What the label leaves open, for screen readers: "Domains on the allowlist".
    pub list_label: &'static str,
    /// What belongs there.
    pub hint: &'static str,
    /// What is there.
    pub chips: Vec<Chip>,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// One text of a [`ChipField`].
pub struct Chip {
    /// As it is sent.
    pub text: String,
    /// How it is spelt in Unicode, where that differs.
    pub unicode: Option<String>,
    /// Whether it is among what is wrong.
    pub wrong: bool,
}

/// `GET|POST /settings/key-policy`. Fields: `longest`, `keys_may_create_keys`, `closed` (`on` or absent), `message`.
#[derive(Template)]
#[template(path = "key-policy.html")]
pub struct KeyPolicyPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// The choices of the longest expiration, in order.
    pub longest: Vec<PolicyChoice>,
    /// Whether a key may make keys.
    pub keys_may_create_keys: bool,
    /// Whether nobody can make a key now.
    pub closed: bool,
    /// What people are told meanwhile.
    pub message: String,
    /// What is wrong with it.
    pub message_error: Option<String>,
    /// What came of the last change.
    pub notice: Option<Notice>,
}

impl KeyPolicyPage {
    /// Every error with the id of its field.
    pub(crate) fn errors(&self) -> Vec<(&'static str, &str)> {
        super::collect([("message", &self.message_error)])
    }
}

/// One choice of *Longest expiration*.
pub struct PolicyChoice {
    /// The value of the field.
    pub value: &'static str,
    /// "90 days".
    pub label: &'static str,
    /// Whether it is the one that is set.
    pub chosen: bool,
}

/// `GET /settings/organizations`, and every address of a dialog over it.
#[derive(Template)]
#[template(path = "organizations.html")]
pub struct OrganizationsPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// Every organization, oldest first.
    pub rows: Vec<OrganizationRow>,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The dialog that is open over it.
    pub dialog: Option<OrganizationDialog>,
}

/// One organization of the list.
pub struct OrganizationRow {
    /// Its id; part of element ids.
    pub id: String,
    /// Its name. Several may share one.
    pub name: String,
    /// Whether it is the viewer's own.
    pub own: bool,
    /// When it was made.
    pub created: Time,
    /// Since when it refuses everything.
    pub archived: Option<Time>,
    /// *Archive*, or *Restore* if it is archived.
    pub archive: Action,
}

/// The dialog that is open over the organizations.
pub enum OrganizationDialog {
    /// *Create organization*.
    Create(NewOrganization),
    /// *Organization created*, with its first administrator's link.
    Created(InvitationLink),
    /// *Archive* or *Restore*.
    Confirm(ConfirmForm),
}

/// `GET|POST /settings/organizations/new`. Fields: `csrf`, `name`, `email`.
#[derive(Default)]
pub struct NewOrganization {
    /// The id that it will have.
    pub id: String,
    /// As typed.
    pub name: String,
    /// As typed.
    pub email: String,
    /// About `name`.
    pub name_error: Option<String>,
    /// About `email`.
    pub email_error: Option<String>,
}

impl NewOrganization {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn errors(&self) -> Vec<(&'static str, &str)> {
        super::collect([("name", &self.name_error), ("email", &self.email_error)])
    }
}

/// A one-time link, in the one answer that has it.
pub struct InvitationLink {
    /// The new organization.
    pub organization: String,
    /// Whom it lets in.
    pub email: String,
    /// The link.
    pub link: String,
    /// What became of the mail.
    pub mailed: &'static str,
    /// Where *Done* leads.
    pub close: String,
}

impl OrganizationsPage {
    /// What the open dialog is called in the browser's tab and history.
    pub(crate) fn dialog_title(&self) -> String {
        match &self.dialog {
            Some(OrganizationDialog::Create(form)) if !form.errors().is_empty() => {
                "Error: Create organization".to_owned()
            }
            Some(OrganizationDialog::Create(_)) => "Create organization".to_owned(),
            Some(OrganizationDialog::Created(_)) => "Organization created".to_owned(),
            Some(OrganizationDialog::Confirm(form)) => form.tab_title(),
            None => String::new(),
        }
    }
}
