//! The API Keys page.

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;

use super::html::{PageError, page, see_other};
use super::list::ListQuery;
use super::view::{Dialog, KeysPage};
use super::visit::SignedIn;

/// `GET /`: the one page that people come for.
pub(crate) async fn home() -> Response {
    see_other("/settings/api-keys")
}

/// `GET /settings/api-keys`.
pub(crate) async fn list_page(
    visit: SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Response, PageError> {
    show(&visit, &query, None, StatusCode::OK).await
}

/// The list with a dialog over it, or without.
pub(super) async fn show(
    visit: &SignedIn,
    query: &ListQuery,
    dialog: Option<Dialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let list = query.load(visit).await?;
    Ok(page(status, &KeysPage { shell: visit.shell().await?, list, dialog }))
}
