//! The embedded page as it arrives: without data, and without a word of whose software it is.

use askama::Template;

use super::Assets;

/// `GET /embed/api-keys`. What it shows, its script fetches from `keys`.
#[derive(Template)]
#[template(path = "embed.html")]
pub struct EmbedPage {
    /// Style and scripts.
    pub assets: Assets,
    /// `light` or `dark`; `None` follows the system.
    pub theme: Option<&'static str>,
    /// The product's colours, as custom properties that the script sets: `--fill:#0a5fd6;--on-accent:#fff`. `None` keeps ours.
    pub colors: Option<String>,
    /// Where list and dialogs come from.
    pub keys: &'static str,
    /// The origins that may be around the page, with blanks between.
    pub origins: String,
}
