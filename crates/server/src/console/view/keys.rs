//! The API Keys page: the list, and whichever dialog is open over it.

use askama::Template;

use super::{Count, Dialog, Notice, Shell, Time, Tone, count_words};

/// `GET /settings/api-keys`, and every address of a dialog over it.
#[derive(Template)]
#[template(path = "keys.html")]
pub struct KeysPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// The list.
    pub list: KeyList,
    /// The dialog that is open over it.
    pub dialog: Option<Dialog>,
}

/// The same at `GET /embed/keys`, for the script of the embedded page: list and dialog, and no console around them. Nothing
/// of it names this product.
#[derive(Template)]
#[template(path = "embed-keys.html")]
pub struct EmbeddedKeys {
    /// The organization's name.
    pub organization: String,
    /// The list.
    pub list: KeyList,
    /// The dialog that is open over it.
    pub dialog: Option<Dialog>,
}

/// One page of keys and the controls above it.
pub struct KeyList {
    /// Its address without parameters.
    pub path: &'static str,
    /// This page's keys, in order.
    pub rows: Vec<KeyRow>,
    /// How many keys match the filter, on all pages.
    pub matching: Count,
    /// How many keys of this view there are.
    pub all: Count,
    /// What the controls are set to.
    pub filter: Filter,
    /// Whether *My keys / All keys* is offered.
    pub may_view_all: bool,
    /// Where the links lead.
    pub links: ListLinks,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The form that revokes several keys at once, for those who may revoke everyone's.
    pub bulk: Option<Bulk>,
}

/// The form around the list that leads to the dialog for several keys. Its fields besides the keys' are those of the list.
pub struct Bulk {
    /// Where it leads: `/settings/api-keys/revoke`.
    pub action: String,
    /// Hidden fields: name and value.
    pub hidden: Vec<(&'static str, String)>,
}

impl KeyList {
    /// Whether the viewer asked for less than everything.
    pub(crate) fn filtered(&self) -> bool {
        !self.filter.search.is_empty() || self.filter.status.is_some()
    }

    /// The count announced to screen readers whenever the list changes.
    pub(crate) fn count(&self) -> String {
        count_words("key", self.rows.len(), self.matching, self.filtered().then_some(self.all))
    }

    /// How many keys of this view the search and status filter leave out.
    pub(crate) fn hidden(&self) -> Count {
        let beyond = self.all.0 >= u64::from(Count::AT_MOST);
        if beyond { self.all } else { Count(self.all.0.saturating_sub(self.matching.0)) }
    }
}

/// What the controls above the list are set to; the names are those of the query parameters.
pub struct Filter {
    /// `view=all` rather than `view=mine`.
    pub all: bool,
    /// `q`: searched in name, description and masked token.
    pub search: String,
    /// `status`; `None` is *All statuses*.
    pub status: Option<Status>,
}

/// Where the links of the list lead. Each keeps the other parameters of the list.
pub struct ListLinks {
    /// `/settings/api-keys/new?…`
    pub create: String,
    /// *My keys*.
    pub mine: String,
    /// *All keys*.
    pub all: String,
    /// The list without search and status filter.
    pub clear: String,
    /// The first page; `None` when this is it.
    pub first: Option<String>,
    /// The next page; `None` when this is the last.
    pub next: Option<String>,
}

/// How close a key is to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Valid.
    Active,
    /// Valid, for 7 days at most.
    ExpiringSoon,
    /// No longer works.
    Expired,
}

impl Status {
    /// Every status, in the order of the filter.
    pub const ALL: [Self; 3] = [Self::Active, Self::ExpiringSoon, Self::Expired];

    /// The value of the `status` query parameter.
    #[must_use]
    pub const fn value(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ExpiringSoon => "expiring_soon",
            Self::Expired => "expired",
        }
    }

    /// The words shown.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::ExpiringSoon => "Expiring soon",
            Self::Expired => "Expired",
        }
    }
}

/// One key of the list.
pub struct KeyRow {
    /// The key's id; part of element ids.
    pub id: String,
    /// Its name. Several keys may share one.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// The fragment that may be shown: `ks_3fQx…9kZa`.
    pub masked_token: String,
    /// How close it is to its end.
    pub status: Status,
    /// Whether it bears the *Impersonator* badge.
    pub impersonator: bool,
    /// When it was last used; `None` is *Never*.
    pub last_used: Option<Time>,
    /// The sessions that it has minted, if it is an impersonation key.
    pub sessions: Option<Sessions>,
    /// When it expires or expired; `None` is *Never*.
    pub expires: Option<Time>,
    /// When it was created.
    pub created: Time,
    /// The creator's name, in *All keys*.
    pub creator: Option<String>,
    /// *Edit API Key*.
    pub edit: Action,
    /// *Revoke API Key*.
    pub revoke: Action,
    /// Whether the row is marked because the viewer has just created or changed this key.
    pub fresh: bool,
}

/// What an impersonation key has minted.
pub struct Sessions {
    /// When it last minted a session; `None` is never.
    pub last: Option<Time>,
    /// How many of them are live.
    pub live: Count,
    /// *End its sessions*.
    pub end: Action,
}

/// An entry of a row's menu.
pub enum Action {
    /// Offered; leads to this path.
    Open(String),
    /// Shown but disabled, with the reason: "Expired keys cannot be edited."
    Refused(String),
}
