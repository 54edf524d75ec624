//! The API Keys page, in the console and embedded.

use axum::response::Response;
use http::StatusCode;

use super::html::{PageError, page, see_other};
use super::list::ListQuery;
use super::place::KeysVisit;
use super::view::{Dialog, EmbeddedKeys, KeyList, KeysPage};

/// `GET /`: the one page that people come for.
pub(crate) async fn home() -> Response {
    see_other("/settings/api-keys")
}

/// `GET /settings/api-keys`, `GET /embed/keys`.
pub(crate) async fn list_page(visit: KeysVisit, query: ListQuery) -> Result<Response, PageError> {
    show(&visit, &query, None, StatusCode::OK).await
}

/// The list with a dialog over it, or without.
pub(super) async fn show(
    visit: &KeysVisit,
    query: &ListQuery,
    dialog: Option<Dialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let list = query.load(visit).await?;
    render(visit, list, dialog, status).await
}

/// The page as the place where it is looked at has it.
pub(super) async fn render(
    visit: &KeysVisit,
    list: KeyList,
    dialog: Option<Dialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    Ok(match visit {
        KeysVisit::Console(visit) => page(status, &KeysPage { shell: visit.shell().await?, list, dialog }),
        KeysVisit::Embedded { .. } => {
            let organization = visit.app().organization(visit.actor())?.organization.name.to_string();
            page(status, &EmbeddedKeys { organization, list, dialog })
        }
    })
}
