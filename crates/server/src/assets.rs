//! Style, scripts and icon: inside the binary, at addresses that name their content, cached for a year.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use sha2::{Digest, Sha256};

use crate::console::view::Assets;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, type and content of every asset.
static FILES: [(&str, &str, &str); 6] = [
    ("console.css", "text/css; charset=utf-8", include_str!("../assets/console.css")),
    ("console.js", SCRIPT, include_str!("../assets/console.js")),
    ("embed.js", SCRIPT, include_str!("../assets/embed.js")),
    ("page.js", SCRIPT, include_str!("../assets/page.js")),
    ("times.js", SCRIPT, include_str!("../assets/times.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// The addresses, with one digest of all the content: a new binary is never served with an old script, nor are the modules
/// that a script loads by their names beside it.
static ADDRESSES: LazyLock<Assets> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (_, _, content) in FILES {
        digest.update(content);
    }
    let digest = digest.finalize();
    let address = |name: &str| {
        format!("/assets/{:02x}{:02x}{:02x}{:02x}/{name}", digest[0], digest[1], digest[2], digest[3])
    };
    Assets {
        css: address("console.css"),
        js: address("console.js"),
        embed_js: address("embed.js"),
        embed_modules: ["page.js", "times.js"].map(address),
        icon: address("icon.svg"),
    }
});

/// Where pages load their assets from.
pub(crate) fn addresses() -> Assets {
    ADDRESSES.clone()
}

/// `GET /assets/{digest}/{name}`.
pub(crate) async fn asset(Path((_, name)): Path<(String, String)>) -> Response {
    let Some((_, kind, content)) = FILES.iter().find(|(file, _, _)| *file == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, *kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, *content).into_response()
}
