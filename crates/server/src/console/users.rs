//! The users of the organization: the list, and what can be done to each. Every dialog is an address of its own.

pub(crate) mod actions;
pub(crate) mod edit;
pub(crate) mod export;
mod form;
pub(crate) mod invite;
mod list;
pub(crate) mod person;

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use keystead_domain::{Error, UserId};

use self::list::UserQuery;
use super::html::{PageError, page};
use super::view::{UserDialog, UsersPage};
use super::visit::SignedIn;

/// `GET /settings/users`.
pub(crate) async fn list_page(
    visit: SignedIn,
    Query(query): Query<UserQuery>,
) -> Result<Response, PageError> {
    show(&visit, &query, None, StatusCode::OK).await
}

/// The list with a dialog over it, or without.
async fn show(
    visit: &SignedIn,
    query: &UserQuery,
    dialog: Option<UserDialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let (list, notice) = (query.load(visit).await?, query.notice());
    Ok(page(status, &UsersPage { shell: visit.shell().await?, list, notice, dialog }))
}

/// An id in an address. What cannot be an id is as unknown as what is none.
fn user_id(text: &str) -> Result<UserId, Error> {
    text.parse().map_err(|_| Error::NotFound("user"))
}

/// Where a user's page is, or something that can be done there.
fn address(id: UserId, what: &str) -> String {
    format!("/settings/users/{id}{what}")
}
