//! The pages of users: the list, one user, and whichever dialog is open over them.

mod dialogs;
mod form;
mod person;

use askama::Template;

pub use dialogs::{Impact, ImpactKey, LinkMade, Typed, UserConfirm, UserDialog};
pub use form::{GroupChoice, UserErrors, UserForm};
pub use person::{Fact, KeysOfUser, OwnedKey, UserAction, UserPage, UserView};

use super::{Action, Count, Notice, Shell, Time, count_words};

/// `GET /settings/users`, and every address of a dialog over it.
#[derive(Template)]
#[template(path = "users.html")]
pub struct UsersPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// The list.
    pub list: UserList,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The dialog that is open over it.
    pub dialog: Option<UserDialog>,
}

/// One page of users and the controls above it.
pub struct UserList {
    /// This page's users, in order.
    pub rows: Vec<UserRow>,
    /// How many users match the filter, on all pages.
    pub matching: Count,
    /// How many users there are.
    pub all: Count,
    /// `q`: searched in name and address.
    pub search: String,
    /// `status`; `None` is *All statuses*.
    pub status: Option<UserFilterStatus>,
    /// Where the links lead.
    pub links: UserListLinks,
}

impl UserList {
    /// Whether the viewer asked for less than everything.
    pub(crate) fn filtered(&self) -> bool {
        !self.search.is_empty() || self.status.is_some()
    }

    /// The count announced to screen readers whenever the list changes.
    pub(crate) fn count(&self) -> String {
        count_words("user", self.rows.len(), self.matching, self.filtered().then_some(self.all))
    }
}

/// Where the links of the list lead. Each keeps the other parameters of the list.
pub struct UserListLinks {
    /// *Invite users*.
    pub invite: Action,
    /// *Export CSV*.
    pub export: String,
    /// The list without search and status filter.
    pub clear: String,
    /// The first page; `None` when this is it.
    pub first: Option<String>,
    /// The next page; `None` when this is the last.
    pub next: Option<String>,
}

/// What the list can be narrowed to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserFilterStatus {
    /// The value of the `status` query parameter.
    pub value: &'static str,
    /// The words shown.
    pub label: &'static str,
}

impl UserFilterStatus {
    /// Every status, in the order of the filter.
    pub const ALL: [Self; 3] = [
        Self { value: "active", label: "Active" },
        Self { value: "pending", label: "Not signed in yet" },
        Self { value: "deactivated", label: "Deactivated" },
    ];
}

/// One user of the list.
pub struct UserRow {
    /// Where their page is.
    pub href: String,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether they are the viewer.
    pub own: bool,
    /// Their roles, own and inherited.
    pub roles: Vec<UserRole>,
    /// Whether they may act, and if not, why.
    pub standing: UserStanding,
    /// When they last used the console; `None` is *Never*.
    pub last_seen: Option<Time>,
    /// When they were added.
    pub added: Time,
    /// Whether the row is marked because the viewer has just invited or changed them.
    pub fresh: bool,
}

/// A role as a user holds it.
pub struct UserRole {
    /// Its name.
    pub name: String,
    /// The group that they inherit it from; `None` is their own.
    pub from: Option<String>,
    /// The resources that it is limited to; none is everywhere.
    pub scopes: Vec<String>,
}

/// Whether a user may act, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserStanding {
    /// They may.
    Active,
    /// They may, and have not signed in yet.
    Invited,
    /// They were deactivated.
    Deactivated,
    /// The organization's e-mail access does not admit their address.
    NotAdmitted,
}

impl UserStanding {
    /// The name of its style and of its icon.
    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "expiring_soon",
            Self::Deactivated => "expired",
            Self::NotAdmitted => "warning",
        }
    }

    /// The words shown.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Invited => "Invited",
            Self::Deactivated => "Deactivated",
            Self::NotAdmitted => "Not admitted",
        }
    }

    /// What it means, where the words alone do not say it.
    #[must_use]
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Active | Self::Deactivated => None,
            Self::Invited => Some("Has not signed in yet"),
            Self::NotAdmitted => Some("by e-mail access"),
        }
    }
}
