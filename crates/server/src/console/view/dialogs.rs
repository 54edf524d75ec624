//! The dialogs of the API Keys page. Each is also an address; without script it is a page with the list behind it.
//!
//! `action` is where a dialog's form posts to and `close` where cancelling leads; both keep the list's parameters.

use super::{Count, Time, collect};

/// The dialog that is open over the list.
pub enum Dialog {
    /// *Create API key*.
    Create(CreateForm),
    /// Nobody can create a key now.
    Closed(Closed),
    /// *API key created*, with the token.
    Created(Created),
    /// The form of a key that exists already was sent again.
    AlreadyCreated(AlreadyCreated),
    /// *Edit API key*.
    Edit(EditForm),
    /// The key cannot be edited.
    EditRefused(EditRefused),
    /// *Revoke access?*
    Revoke(RevokeForm),
    /// *End its sessions?*
    EndSessions(EndSessionsForm),
    /// *Revoke keys?*, several at once.
    RevokeMany(RevokeManyForm),
}

impl Dialog {
    /// What it is called in the browser's tab and history.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::Create(form) if !form.errors.list().is_empty() => "Error: Create API key",
            Self::Create(_) => "Create API key",
            Self::Closed(closed) => closed.title(),
            Self::Created(_) => "API key created",
            Self::AlreadyCreated(_) => "Created already",
            Self::Edit(form) if !form.errors.list().is_empty() => "Error: Edit API key",
            Self::Edit(_) | Self::EditRefused(_) => "Edit API key",
            Self::Revoke(form) if form.error.is_some() => "Error: Revoke access?",
            Self::Revoke(_) => "Revoke access?",
            Self::EndSessions(_) => "End its sessions?",
            Self::RevokeMany(form) if form.error.is_some() => "Error: Revoke keys?",
            Self::RevokeMany(_) => "Revoke keys?",
        }
    }
}

/// `GET|POST /settings/api-keys/new`. Fields: `csrf`, `request_id`, `name`, `description`, `expiration`,
/// `allow_impersonation` (`on` or absent).
pub struct CreateForm {
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// One-time id of this form, by which a repeated submission is known.
    pub request_id: String,
    /// As typed.
    pub name: String,
    /// As typed.
    pub description: String,
    /// The choices, in order; exactly one is `chosen`. At most eight.
    pub expirations: Vec<ExpirationChoice>,
    /// Why some of them cannot be chosen.
    pub bound: Option<String>,
    /// Whether *Allow impersonation* is on; `None` when it is not offered.
    pub impersonation: Option<bool>,
    /// What was wrong with the last attempt.
    pub errors: CreateErrors,
}

/// One choice of *Expiration*.
pub struct ExpirationChoice {
    /// The value of the `expiration` field.
    pub value: String,
    /// "30 days".
    pub label: String,
    /// When a key created now would expire; `None` is never.
    pub expires: Option<Time>,
    /// Whether it is the one that is set.
    pub chosen: bool,
    /// Whether the organization allows it.
    pub allowed: bool,
}

/// The create dialog for whom there is none.
pub struct Closed {
    /// Why, as the organization's administrators put it, and what to do.
    pub reason: String,
    /// Whether the organization has closed creation, and not only for whoever asks.
    pub for_everybody: bool,
    /// Where *Close* leads.
    pub close: String,
}

impl Closed {
    pub(crate) fn title(&self) -> &'static str {
        if self.for_everybody { "Keys cannot be created now" } else { "Keys cannot be created here" }
    }
}

/// Errors of the create form.
#[derive(Default)]
pub struct CreateErrors {
    /// About `name`.
    pub name: Option<String>,
    /// About `description`.
    pub description: Option<String>,
    /// About `expiration`.
    pub expiration: Option<String>,
    /// About nothing in particular: a limit, an overload.
    pub form: Option<String>,
}

impl CreateErrors {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn list(&self) -> Vec<(&'static str, &str)> {
        collect([
            ("dialog-title", &self.form),
            ("name", &self.name),
            ("description", &self.description),
            ("expiration", &self.expiration),
        ])
    }
}

/// The answer to a successful `POST /settings/api-keys/new`, sent with `Cache-Control: no-store`. The only page that
/// carries a token.
pub struct Created {
    /// The key's name.
    pub name: String,
    /// The whole token.
    pub token: String,
    /// When it expires; `None` is never.
    pub expires: Option<Time>,
    /// Whether it is an impersonation key.
    pub impersonator: bool,
    /// What to paste it into. Each holds the token, too.
    pub snippets: Vec<Snippet>,
    /// Where *Done* leads: the list, with the new row marked.
    pub close: String,
}

/// A text to be pasted somewhere, with the token in it.
pub struct Snippet {
    /// Part of element ids.
    pub id: &'static str,
    /// Where it is pasted: "curl".
    pub label: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// The text.
    pub text: String,
}

impl Snippet {
    /// How many lines it takes where the browser does not count them itself.
    pub(crate) fn rows(&self) -> usize {
        self.text.lines().map(|line| line.len() / 60 + 1).sum()
    }
}

/// The answer when the create form is sent again: the key exists, its token is not shown a second time.
pub struct AlreadyCreated {
    /// The key's name.
    pub name: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// The revoke dialog of this key, for those who lost the token.
    pub revoke: String,
    /// A fresh create form.
    pub create: String,
    /// Where *Done* leads.
    pub close: String,
}

/// `GET|POST /settings/api-keys/{id}/edit`. Fields: `csrf`, `name`, `description`.
pub struct EditForm {
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// As typed, or as it is.
    pub name: String,
    /// As typed, or as it is.
    pub description: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// When it expires; `None` is never.
    pub expires: Option<Time>,
    /// What was wrong with the last attempt.
    pub errors: EditErrors,
}

/// Errors of the edit form.
#[derive(Default)]
pub struct EditErrors {
    /// About `name`.
    pub name: Option<String>,
    /// About `description`.
    pub description: Option<String>,
    /// About nothing in particular.
    pub form: Option<String>,
}

impl EditErrors {
    /// Every error with the id of its field, in the order of the form.
    pub(crate) fn list(&self) -> Vec<(&'static str, &str)> {
        collect([("dialog-title", &self.form), ("name", &self.name), ("description", &self.description)])
    }
}

/// The edit dialog of a key that cannot be edited.
pub struct EditRefused {
    /// The key's name.
    pub name: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// Why, and what to do instead.
    pub reason: String,
    /// A fresh create form.
    pub create: String,
    /// Where *Close* leads.
    pub close: String,
}

/// `GET|POST /settings/api-keys/{id}/revoke`. Fields: `csrf`, `confirm_name`.
pub struct RevokeForm {
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// The key's name, to be typed exactly.
    pub name: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// The creator's name, when that is not the viewer.
    pub creator: Option<String>,
    /// When it was last used, if that is so recent that somebody probably depends on it.
    pub recent_use: Option<Time>,
    /// As typed.
    pub typed: String,
    /// Why the last attempt was refused: "That is not the key's name."
    pub error: Option<String>,
}

/// `GET|POST /settings/api-keys/{id}/end-sessions`. Field: `csrf`.
pub struct EndSessionsForm {
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// The key's name.
    pub name: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// The creator's name, when that is not the viewer.
    pub creator: Option<String>,
    /// How many sessions would end.
    pub live: Count,
}

/// `GET|POST /settings/api-keys/revoke`. Fields: `csrf`, `id` of each key, `confirm`.
pub struct RevokeManyForm {
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// The keys.
    pub keys: Vec<ChosenKey>,
    /// How many of those that were chosen are gone by now.
    pub gone: usize,
    /// As typed.
    pub typed: String,
    /// Why the last attempt was refused.
    pub error: Option<String>,
}

impl RevokeManyForm {
    /// How many keys were used within the last 7 days.
    pub(crate) fn in_use(&self) -> usize {
        self.keys.iter().filter(|key| key.recent_use.is_some()).count()
    }
}

/// One of several keys to be revoked.
pub struct ChosenKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// The creator's name, when that is not the viewer.
    pub creator: Option<String>,
    /// When it was last used, if that is so recent that somebody probably depends on it.
    pub recent_use: Option<Time>,
}
