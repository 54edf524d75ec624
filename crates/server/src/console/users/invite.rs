//! Inviting somebody.

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use keystead_app::{Invited, Mailed, NewPerson};
use keystead_domain::Error;

use super::form::{Frame, TypedUser, note};
use super::list::UserQuery;
use super::show;
use crate::console::fields::Fields;
use crate::console::forms::Posted;
use crate::console::html::PageError;
use crate::console::view::{LinkMade, UserDialog, UserErrors};
use crate::console::visit::SignedIn;
use crate::observe::NotCompressed;
use crate::problem;

/// `GET /settings/users/invite`.
pub(crate) async fn invite_page(
    visit: SignedIn,
    Query(query): Query<UserQuery>,
) -> Result<Response, PageError> {
    let form = form(&visit, &query, TypedUser::new(), UserErrors::default())?;
    show(&visit, &query, Some(form), StatusCode::OK).await
}

/// `POST /settings/users/invite`: answers with the one-time link, in this answer and nowhere else.
pub(crate) async fn invite(
    visit: SignedIn,
    Query(query): Query<UserQuery>,
    Posted(fields): Posted<Fields>,
) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    visit.actor.manage_people()?;
    let typed = TypedUser::sent(&fields)?;
    let mut errors = UserErrors::default();
    let Some(parsed) = typed.parse(false, &mut errors)? else {
        let dialog = form(&visit, &query, typed, errors)?;
        return show(&visit, &query, Some(dialog), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let person = NewPerson {
        email: parsed.email,
        name: parsed.name,
        assignments: parsed.assignments,
        groups: parsed.groups,
    };
    let public_url = visit.doors.settings().public_url();
    match visit.app().invite_user(&visit.actor, person, public_url).await {
        Ok(invited) => {
            let close = UserQuery::after_inviting(invited.user.id);
            let made = invitation(&invited, public_url, close);
            let response =
                show(&visit, &UserQuery::default(), Some(UserDialog::Link(made)), StatusCode::OK).await?;
            Ok(secret(response))
        }
        Err(error) => {
            let status = problem::status(&error);
            match error {
                // Somebody has the address: the one conflict that there is here.
                Error::Conflict(message) => errors.email = Some(message),
                other => note(other, &mut errors)?,
            }
            let dialog = form(&visit, &query, typed, errors)?;
            show(&visit, &query, Some(dialog), status).await
        }
    }
}

fn form(
    visit: &SignedIn,
    query: &UserQuery,
    typed: TypedUser,
    errors: UserErrors,
) -> Result<UserDialog, Error> {
    let state = visit.app().organization(&visit.actor)?;
    let frame = Frame {
        title: "Invite a user".to_owned(),
        submit: "Invite",
        action: query.invite(),
        close: query.list(),
    };
    Ok(UserDialog::Form(Box::new(typed.form(&visit.actor, &state, None, errors, frame)?)))
}

/// The dialog that shows an invitation's link.
pub(super) fn invitation(invited: &Invited, public_url: &str, close: String) -> LinkMade {
    LinkMade {
        title: format!("{} is invited", invited.user.name),
        about: "With this link they choose a password and come in. Links that they were given before no longer work."
            .to_owned(),
        link: invited.link(public_url),
        works_for: "7 days",
        mailed: mailed(invited.mailed, invited.user.email.to_string()),
        close,
    }
}

pub(super) fn mailed(mailed: Mailed, address: String) -> Result<String, &'static str> {
    match mailed {
        Mailed::Sent => Ok(address),
        Mailed::NoServer => Err("It was not mailed: this deployment has no mail server."),
        Mailed::Failed => Err("It could not be mailed: the mail server did not take it."),
    }
}

/// A page that carries a secret is not compressed: its length must tell nothing of its content.
pub(super) fn secret(mut response: Response) -> Response {
    response.extensions_mut().insert(NotCompressed);
    response
}
