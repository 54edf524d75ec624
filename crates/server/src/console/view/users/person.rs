//! One user's page.

use askama::Template;

use super::{UserDialog, UserRole, UserStanding};
use crate::console::view::{Action, Notice, Shell, Status, Time};

/// `GET /settings/users/{user}`, and every address of a dialog over it.
#[derive(Template)]
#[template(path = "user.html")]
pub struct UserPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// Who.
    pub user: UserView,
    /// Their keys.
    pub keys: KeysOfUser,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The dialog that is open over it.
    pub dialog: Option<UserDialog>,
}

/// A user as their page shows them.
pub struct UserView {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether they are the viewer.
    pub own: bool,
    /// Whether they may act, and if not, why.
    pub standing: UserStanding,
    /// Their roles, own and inherited.
    pub roles: Vec<UserRole>,
    /// The names of the groups that they are a member of.
    pub groups: Vec<String>,
    /// Facts that a product keeps about them.
    pub attributes: Vec<Fact>,
    /// Whether they may do everything in the organization.
    pub everything: bool,
    /// What they may do everywhere.
    pub permissions: Vec<String>,
    /// When they were added.
    pub added: Time,
    /// When they last used the console; `None` is *Never*.
    pub last_seen: Option<Time>,
    /// *Edit*.
    pub edit: Action,
    /// What else can be done to them.
    pub actions: Vec<UserAction>,
}

/// A fact about a user.
pub struct Fact {
    /// What it is called.
    pub key: String,
    /// What it is.
    pub value: String,
}

/// Something that can be done to a user.
pub struct UserAction {
    /// Part of element ids: `deactivate`.
    pub id: &'static str,
    /// The words on its button.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Whether it cannot be undone.
    pub danger: bool,
    /// Where it leads, or why it cannot be done.
    pub action: Action,
}

/// A user's keys.
pub enum KeysOfUser {
    /// One page of them.
    Shown {
        /// This page's keys, in order.
        rows: Vec<OwnedKey>,
        /// The first page; `None` when this is it.
        first: Option<String>,
        /// The next page; `None` when this is the last.
        next: Option<String>,
    },
    /// The viewer may not see them, and why.
    Refused(String),
}

/// One of a user's keys.
pub struct OwnedKey {
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// The fragment that may be shown.
    pub masked_token: String,
    /// How close it is to its end.
    pub status: Status,
    /// Whether it bears the *Impersonator* badge.
    pub impersonator: bool,
    /// When it was last used; `None` is *Never*.
    pub last_used: Option<Time>,
    /// When it expires or expired; `None` is *Never*.
    pub expires: Option<Time>,
}
