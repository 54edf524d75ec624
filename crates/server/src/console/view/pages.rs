//! The error page.

use askama::Template;

use super::Assets;

/// Any page that could not be shown.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Style, script and icon.
    pub assets: Assets,
    /// The HTTP status: 403, 404, 429, 500 …
    pub status: u16,
    /// The heading: "There is no such page".
    pub title: String,
    /// One or two sentences: what happened, what to do, whom to ask.
    pub message: String,
    /// What to quote when asking for help; found in the server's log.
    pub request_id: Option<String>,
    /// Where the one link leads, and its words: `("/settings/api-keys", "Back to API Keys")`.
    pub way_out: (String, String),
}
