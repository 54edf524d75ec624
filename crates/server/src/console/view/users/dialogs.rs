//! The dialogs of the users' pages. Each is also an address; without script it is a page with the list or the user behind it.

use super::UserForm;
use crate::console::view::Time;

/// The dialog that is open.
pub enum UserDialog {
    /// *Invite a user*, *Edit …*.
    Form(Box<UserForm>),
    /// A one-time link, in this answer and nowhere else.
    Link(LinkMade),
    /// *Deactivate …?* and others that only ask.
    Confirm(UserConfirm),
}

impl UserDialog {
    /// What the open dialog is called in the browser's tab and history.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Form(form) if !form.errors.list().is_empty() => format!("Error: {}", form.title),
            Self::Form(form) => form.title.clone(),
            Self::Link(made) => made.title.clone(),
            Self::Confirm(form) if form.error.is_some() => format!("Error: {}", form.title),
            Self::Confirm(form) => form.title.clone(),
        }
    }
}

/// The answer that carries a one-time link: an invitation, or a password reset.
pub struct LinkMade {
    /// *Grace Hopper is invited*.
    pub title: String,
    /// What the link is for, in a sentence.
    pub about: String,
    /// The link.
    pub link: String,
    /// How long it works: "7 days".
    pub works_for: &'static str,
    /// The address that it was sent to; or why it was not sent.
    pub mailed: Result<String, &'static str>,
    /// Where *Done* leads.
    pub close: String,
}

/// A dialog that asks before something is done. Fields: `csrf`, and `confirm` if something is to be typed.
pub struct UserConfirm {
    /// *Deactivate Grace Hopper?*
    pub title: String,
    /// What happens, in a sentence or two.
    pub about: String,
    /// The words on the button.
    pub submit: &'static str,
    /// Whether it cannot be undone.
    pub danger: bool,
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// What becomes of their keys; `None` if nothing does.
    pub impact: Option<Impact>,
    /// What is to be typed.
    pub typed: Option<Typed>,
    /// Why the last attempt was refused; about what was typed if something was to be.
    pub error: Option<String>,
}

impl UserConfirm {
    /// The error, if it is about what was typed.
    pub(crate) fn typed_error(&self) -> Option<String> {
        self.error.clone().filter(|_| self.typed.is_some())
    }

    /// The error, if it is about nothing in particular.
    pub(crate) fn form_error(&self) -> Vec<(&'static str, &str)> {
        self.error
            .as_deref()
            .filter(|_| self.typed.is_none())
            .map(|error| ("dialog-title", error))
            .into_iter()
            .collect()
    }
}

/// What is to be typed before something is done.
pub struct Typed {
    /// The address that must be typed.
    pub email: String,
    /// As typed.
    pub typed: String,
}

/// What becomes of a user's keys.
pub struct Impact {
    /// "3 keys stop working at once."
    pub words: String,
    /// Those that were used in the last 7 days.
    pub recent: Vec<ImpactKey>,
    /// Whether there are more such keys than are listed.
    pub more: bool,
}

/// A key that was used in the last 7 days.
pub struct ImpactKey {
    /// Its name.
    pub name: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// When it was last used.
    pub last_used: Option<Time>,
}
