//! Editing a user: name, address, roles and groups, all or nothing.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use keystead_app::{Person, UserEdit};
use keystead_domain::Error;

use super::form::{Frame, TypedUser, note};
use super::person::{PersonQuery, after_doing, show};
use super::{address, user_id};
use crate::console::fields::Fields;
use crate::console::forms::Posted;
use crate::console::html::{PageError, see_other};
use crate::console::view::{UserDialog, UserErrors};
use crate::console::visit::SignedIn;
use crate::problem;

/// `GET /settings/users/{user}/edit`.
pub(crate) async fn edit_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    let person = visit.app().user(&visit.actor, user_id(&id)?).await?;
    visit.actor.manage_people()?.user(&person.user)?;
    let dialog = form(&visit, &person, TypedUser::of(&person.user), UserErrors::default())?;
    show(&visit, person, &PersonQuery::default(), Some(dialog), StatusCode::OK).await
}

/// `POST /settings/users/{user}/edit`.
pub(crate) async fn edit(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<Fields>,
) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    let person = visit.app().user(&visit.actor, user_id(&id)?).await?;
    visit.actor.manage_people()?.user(&person.user)?;
    let typed = TypedUser::sent(&fields)?;
    let mut errors = UserErrors::default();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(parsed) = typed.parse(true, &mut errors)? {
        let edit = UserEdit {
            name: parsed.name.unwrap_or_else(|| person.user.name.clone()),
            email: parsed.email,
            assignments: parsed.assignments,
            groups: parsed.groups,
        };
        match visit.app().edit_user(&visit.actor, person.user.id, &edit).await {
            Ok(user) => return Ok(see_other(&after_doing(user.id, "updated"))),
            Err(error) => {
                status = problem::status(&error);
                note(error, &mut errors)?;
            }
        }
    }
    let dialog = form(&visit, &person, typed, errors)?;
    show(&visit, person, &PersonQuery::default(), Some(dialog), status).await
}

fn form(
    visit: &SignedIn,
    person: &Person,
    typed: TypedUser,
    errors: UserErrors,
) -> Result<UserDialog, Error> {
    let state = visit.app().organization(&visit.actor)?;
    let frame = Frame {
        title: format!("Edit {}", person.user.name),
        submit: "Save changes",
        action: address(person.user.id, "/edit"),
        close: address(person.user.id, ""),
    };
    let form = typed.form(&visit.actor, &state, Some(&person.user), errors, frame)?;
    Ok(UserDialog::Form(Box::new(form)))
}
