//! The console's style, script and icon: inside the binary, at addresses that name their content, cached for a year.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use sha2::{Digest, Sha256};

use crate::console::view::Assets;

/// Name, type and content of every asset.
static FILES: [(&str, &str, &str); 3] = [
    ("console.css", "text/css; charset=utf-8", include_str!("../assets/console.css")),
    ("console.js", "text/javascript; charset=utf-8", include_str!("../assets/console.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// The addresses, each with a digest of the content: a new binary is never served with an old script.
static ADDRESSES: LazyLock<Assets> = LazyLock::new(|| {
    let [css, js, icon] = FILES.map(|(name, _, content)| {
        let digest = Sha256::digest(content);
        format!("/assets/{:02x}{:02x}{:02x}{:02x}/{name}", digest[0], digest[1], digest[2], digest[3])
    });
    Assets { css, js, icon }
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
