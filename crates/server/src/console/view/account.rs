//! The account page.

use askama::Template;

use super::{Notice, Shell, Time, Tone, collect};

/// `GET /settings/account`: three forms, each of which posts to an address of its own. Fields: `name`; `current_password` and
/// `password`; `session`, an id or `all`.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// Field `name`, as it is or as typed.
    pub name: String,
    /// What the viewer may do, by role.
    pub roles: Vec<AccountRole>,
    /// Whether there is a password to be changed, or a first one to be set.
    pub has_password: bool,
    /// What a password must be.
    pub password_hint: &'static str,
    /// The viewer's sessions, the one used last first.
    pub sessions: Vec<SessionRow>,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// What was wrong with the last attempt.
    pub errors: AccountErrors,
}

/// A role that the viewer holds.
pub struct AccountRole {
    /// Its name.
    pub name: String,
    /// Where it holds, if not everywhere: ids of the product's resources.
    pub scopes: String,
    /// The group that it comes from, if it is not the viewer's own.
    pub group: Option<String>,
}

/// One of the viewer's sessions.
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// "Firefox on Linux".
    pub browser: String,
    /// The address that it was started from.
    pub address: Option<String>,
    /// When it was started.
    pub started: Time,
    /// When it was last used.
    pub last_used: Time,
    /// Whether it is the one that looks at the page.
    pub current: bool,
}

/// Errors of the account page's forms.
#[derive(Default)]
pub struct AccountErrors {
    /// About `name`.
    pub name: Option<String>,
    /// About `current_password`.
    pub current_password: Option<String>,
    /// About `password`.
    pub password: Option<String>,
}

impl AccountErrors {
    /// Every error with the id of its field, in the order of the page.
    pub(crate) fn list(&self) -> Vec<(&'static str, &str)> {
        collect([
            ("name", &self.name),
            ("current_password", &self.current_password),
            ("password", &self.password),
        ])
    }
}
