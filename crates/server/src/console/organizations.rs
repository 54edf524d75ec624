//! The organizations of the deployment: make, archive, restore.

use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use keystead_app::{Invited, Mailed};
use keystead_domain::{Email, Error, Field, OrganizationId, OrganizationName, OrganizationState};
use serde::Deserialize;

use super::forms::{Posted, field_error};
use super::html::{PageError, page, see_other};
use super::list::time;
use super::roles::offered;
use super::settings::{Confirmation, Done};
use super::view::{
    Action, ConfirmForm, InvitationLink, NewOrganization, OrganizationDialog, OrganizationRow,
    OrganizationsPage,
};
use super::visit::SignedIn;
use crate::observe::NotCompressed;

const LIST: &str = "/settings/organizations";

const DONE: &[(&str, &str)] = &[
    ("archived", "The organization was archived. It refuses everything now."),
    ("restored", "The organization is in use again. Its people and keys work as before."),
    ("created", "The organization was created."),
];

/// `GET /settings/organizations`.
pub(crate) async fn list_page(visit: SignedIn, Query(done): Query<Done>) -> Result<Response, PageError> {
    show(&visit, &done, None, StatusCode::OK).await
}

async fn show(
    visit: &SignedIn,
    done: &Done,
    dialog: Option<OrganizationDialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let rows = visit.app().organizations(&visit.actor)?.iter().map(|state| row(visit, state)).collect();
    Ok(page(
        status,
        &OrganizationsPage { shell: visit.shell().await?, rows, notice: done.notice(DONE), dialog },
    ))
}

fn row(visit: &SignedIn, state: &OrganizationState) -> OrganizationRow {
    OrganizationRow {
        id: state.id().to_string(),
        name: state.organization.name.to_string(),
        own: state.id() == visit.actor.user().organization,
        created: time(state.organization.created_at),
        archived: state.organization.archived_at.map(time),
        archive: archive(visit, state),
    }
}

fn archive(visit: &SignedIn, state: &OrganizationState) -> Action {
    let (allowed, what) = if state.is_archived() {
        (Ok(()), "restore")
    } else {
        (visit.actor.site().and_then(|grant| grant.check_may_archive(state.id())), "archive")
    };
    offered(allowed, || format!("{LIST}/{}/{what}", state.id()))
}

/// `GET /settings/organizations/new`.
pub(crate) async fn create_page(visit: SignedIn) -> Result<Response, PageError> {
    let id = visit.app().new_organization_id()?.to_string();
    let dialog = Some(OrganizationDialog::Create(NewOrganization { id, ..NewOrganization::default() }));
    show(&visit, &Done::default(), dialog, StatusCode::OK).await
}

#[derive(Deserialize)]
pub(crate) struct NewFields {
    csrf: String,
    id: String,
    name: String,
    email: String,
}

/// `POST /settings/organizations/new`: answers with the first administrator's link, in this answer and nowhere else. Sending the
/// form again makes no second organization.
pub(crate) async fn create(
    visit: SignedIn,
    Posted(fields): Posted<NewFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    visit.actor.site()?;
    let id = fields.id.parse();
    let id =
        id.map_err(|_| Error::invalid(Field::RequestId, "Reload the page and fill in the form again."))?;
    let NewFields { id: typed, name, email, .. } = fields;
    let mut form = NewOrganization { id: typed, name, email, ..NewOrganization::default() };
    let name = field_error(OrganizationName::parse(&form.name), &mut form.name_error)?;
    let email = field_error(Email::parse(&form.email), &mut form.email_error)?;
    let (Some(name), Some(email)) = (name, email) else {
        let dialog = Some(OrganizationDialog::Create(form));
        return show(&visit, &Done::default(), dialog, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let public_url = visit.doors.settings().public_url();
    let invited = visit.app().create_organization(&visit.actor, id, name.clone(), email, public_url).await?;
    let dialog = OrganizationDialog::Created(link(&name, &invited, public_url));
    let mut response = show(&visit, &Done::default(), Some(dialog), StatusCode::OK).await?;
    // As with a token: a page with a secret is not compressed.
    response.extensions_mut().insert(NotCompressed);
    Ok(response)
}

fn link(name: &OrganizationName, invited: &Invited, public_url: &str) -> InvitationLink {
    InvitationLink {
        organization: name.to_string(),
        email: invited.user.email.to_string(),
        link: invited.link(public_url),
        mailed: match invited.mailed {
            Mailed::NoServer => "This server sends no e-mail: hand the link on yourself.",
            Mailed::Sent => "It was also sent to them by e-mail.",
            Mailed::Failed => {
                "It could not be sent by e-mail; the server’s log has the cause. Hand the link on yourself."
            }
        },
        close: format!("{LIST}?done=created"),
    }
}

/// `GET /settings/organizations/{id}/archive`.
pub(crate) async fn archive_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    confirm_page(&visit, &id, true).await
}

/// `GET /settings/organizations/{id}/restore`.
pub(crate) async fn restore_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    confirm_page(&visit, &id, false).await
}

async fn confirm_page(visit: &SignedIn, id: &str, archived: bool) -> Result<Response, PageError> {
    let (id, name) = find(visit, id)?;
    if archived {
        visit.actor.site()?.check_may_archive(id)?;
    }
    let dialog = Some(OrganizationDialog::Confirm(confirm(id, &name, archived)));
    show(visit, &Done::default(), dialog, StatusCode::OK).await
}

fn find(visit: &SignedIn, id: &str) -> Result<(OrganizationId, OrganizationName), Error> {
    let organizations = visit.app().organizations(&visit.actor)?;
    let found = organizations.iter().find(|state| Ok(state.id()) == id.parse());
    let found = found.ok_or(Error::NotFound("organization"))?;
    Ok((found.id(), found.organization.name.clone()))
}

fn confirm(id: OrganizationId, name: &OrganizationName, archived: bool) -> ConfirmForm {
    let (title, consequence, verb, what) = if archived {
        (
            "Archive this organization?",
            "Nobody can sign in to it, and none of its keys works, at once. Nothing is deleted: it can be restored.",
            "Archive",
            "archive",
        )
    } else {
        (
            "Restore this organization?",
            "Its people can sign in again, and their keys that have not expired work again, at once.",
            "Restore",
            "restore",
        )
    };
    ConfirmForm {
        title,
        consequence: consequence.to_owned(),
        kind: "organization",
        name: name.to_string(),
        verb,
        danger: archived,
        action: format!("{LIST}/{id}/{what}"),
        close: LIST.to_owned(),
        typed: String::new(),
        error: None,
    }
}

/// `POST /settings/organizations/{id}/archive`.
pub(crate) async fn archive_it(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<Confirmation>,
) -> Result<Response, PageError> {
    set_archived(&visit, &id, fields, true).await
}

/// `POST /settings/organizations/{id}/restore`.
pub(crate) async fn restore_it(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<Confirmation>,
) -> Result<Response, PageError> {
    set_archived(&visit, &id, fields, false).await
}

async fn set_archived(
    visit: &SignedIn,
    id: &str,
    fields: Confirmation,
    archived: bool,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let (id, name) = find(visit, id)?;
    let done = match name.check_typed(&fields.confirm_name) {
        Ok(()) => visit.app().set_archived(&visit.actor, id, archived).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(see_other(&format!("{LIST}?done={}", if archived { "archived" } else { "restored" }))),
        Err(error) => {
            let (form, status) = fields.refused(error, confirm(id, &name, archived))?;
            let dialog = Some(OrganizationDialog::Confirm(form));
            show(visit, &Done::default(), dialog, status).await
        }
    }
}
