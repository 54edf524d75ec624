//! Apps that act for a person: the page that asks, and the list of those that were let in.

use askama::Template;

use super::{Assets, Notice, Shell, Time, Viewer};

/// `GET|POST /oauth2/authorize`. Fields: `csrf`, `decision` (`allow` or `deny`).
#[derive(Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// Hidden `csrf` field.
    pub csrf: String,
    /// Who asks.
    pub asking: Asking,
    /// What it will be able to do, a line each.
    pub may: Vec<String>,
    /// For whom it will act.
    pub viewer: Viewer,
    /// Where somebody else signs in, and comes back.
    pub switch: String,
    /// This page's own path and query, where its form posts to.
    pub here: String,
}

/// An app that asks.
pub struct Asking {
    /// What it calls itself.
    pub name: String,
    /// What it can be held to: where it describes itself, or else where the answer goes.
    pub host: String,
    /// Where the answer goes.
    pub answered_at: String,
    /// What is there.
    pub recipient: Recipient,
    /// Whether `host` is where it describes itself.
    pub is_described: bool,
}

/// Who hears the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// A site of the web.
    Site,
    /// A program on the person's own computer.
    ThisComputer,
    /// Whatever app opens addresses of that scheme.
    App,
}

/// `GET /settings/connected-apps`, and every address of a dialog over it.
#[derive(Template)]
#[template(path = "connected-apps.html")]
pub struct ConnectedAppsPage {
    /// What all pages have in common.
    pub shell: Shell,
    /// The apps.
    pub apps: Vec<ConnectedAppRow>,
    /// The address that an app is given to connect.
    pub mcp_url: String,
    /// What came of the last change.
    pub notice: Option<Notice>,
    /// The dialog that is open over it.
    pub dialog: Option<DisconnectForm>,
}

/// One app of the list.
pub struct ConnectedAppRow {
    /// The connection's id; part of element ids.
    pub id: String,
    /// What the app calls itself.
    pub name: String,
    /// What it can be held to.
    pub host: String,
    /// When it was let in.
    pub connected: Time,
    /// When it last asked for a token.
    pub last_used: Time,
    /// When it will have to ask again.
    pub ends: Time,
    /// *Disconnect*.
    pub disconnect: String,
}

/// `GET|POST /settings/connected-apps/{id}/disconnect`. Field: `csrf`.
pub struct DisconnectForm {
    /// Where the form posts to.
    pub action: String,
    /// Where *Cancel* leads.
    pub close: String,
    /// What the app calls itself.
    pub name: String,
    /// What it can be held to.
    pub host: String,
    /// When it last asked for a token.
    pub last_used: Time,
}
