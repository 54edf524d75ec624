//! The list of users as a spreadsheet: written while it is read, a batch at a time, so that a million of them fit.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use keystead_app::Person;
use keystead_domain::{Error, MAX_PAGE_SIZE, OrganizationState, UserFilter};
use serde::Deserialize;

use super::list::{UserQuery, held_roles, standing};
use crate::console::forms::Posted;
use crate::console::html::PageError;
use crate::console::view::UserRole;
use crate::console::visit::SignedIn;
use crate::csv;

const COLUMNS: [&str; 8] = ["name", "e-mail", "status", "roles", "groups", "last seen", "added", "id"];

/// Where a copy stands.
struct Copy {
    visit: SignedIn,
    filter: UserFilter,
    /// The cursor after what is written; `None` at the beginning.
    after: Option<String>,
    ended: bool,
}

#[derive(Deserialize)]
pub(crate) struct ExportFields {
    csrf: String,
}

/// `POST /settings/users/export.csv`: the users that the filter lets through. A fault on the way breaks the transfer off, so that
/// nobody takes a part for the whole.
pub(crate) async fn export(
    visit: SignedIn,
    Query(query): Query<UserQuery>,
    Posted(fields): Posted<ExportFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let filter = query.filter()?;
    visit.app().record_users_export(&visit.actor, &filter).await?;
    let name = format!("attachment; filename=\"users-{}.csv\"", visit.now().strftime("%Y-%m-%d"));
    let copy = Copy { visit, filter, after: None, ended: false };
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, name.as_str()),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, Body::from_stream(try_unfold(copy, next_batch))).into_response())
}

async fn next_batch(mut copy: Copy) -> Result<Option<(Bytes, Copy)>, Error> {
    if copy.ended {
        return Ok(None);
    }
    // Whoever may not see users any more gets no more of them.
    let actor = copy.visit.again().await?;
    let app = copy.visit.app();
    let state: Arc<OrganizationState> = app.organization(&actor)?;
    let page = app.users(&actor, &copy.filter, MAX_PAGE_SIZE.into(), copy.after.as_deref()).await?;
    let mut text = if copy.after.is_none() { csv::row(&COLUMNS) } else { String::new() };
    for person in &page.people {
        text.push_str(&row(person, &state));
    }
    copy.after = page.cursors.last().cloned();
    copy.ended = !page.has_more || copy.after.is_none();
    Ok(Some((Bytes::from(text), copy)))
}

fn row(person: &Person, state: &OrganizationState) -> String {
    let user = &person.user;
    let role = |role: UserRole| {
        let from = role.from.map(|group| format!(" (from {group})")).unwrap_or_default();
        let on =
            if role.scopes.is_empty() { String::new() } else { format!(" on {}", role.scopes.join(" ")) };
        format!("{}{on}{from}", role.name)
    };
    let roles: Vec<_> = held_roles(user, state).into_iter().map(role).collect();
    let groups: Vec<_> = user.groups().iter().map(|group| group.name.to_string()).collect();
    csv::row(&[
        user.name.as_str(),
        user.email.as_str(),
        standing(person).label(),
        &roles.join("; "),
        &groups.join("; "),
        &person.last_seen_at.map_or_else(String::new, |at| at.to_string()),
        &user.created_at.to_string(),
        &user.id.to_string(),
    ])
}
