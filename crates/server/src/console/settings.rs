//! The settings page.

use axum::response::Response;
use http::StatusCode;

use super::html::{PageError, page};
use super::view::SettingsPage;
use super::visit::SignedIn;

/// `GET /settings`.
pub(crate) async fn settings_page(visit: SignedIn) -> Result<Response, PageError> {
    Ok(page(StatusCode::OK, &SettingsPage { shell: visit.shell().await? }))
}
