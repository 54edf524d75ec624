//! Accepting an invitation.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use keystead_app::{Acceptance, LinkTarget};
use keystead_domain::{Error, NewPassword, PersonName, User};
use serde::Deserialize;

use super::access::{HOME, PASSWORD_HINT, enter, spent};
use super::forms::{Posted, field_error};
use super::html::{PageError, page};
use super::view::{InvitationErrors, InvitationPage};
use super::visit::Visitor;
use crate::assets;

const ADVICE: &str =
    "Ask whoever invited you for a new one. If you have a password already, sign in with it.";

#[derive(Deserialize)]
pub(crate) struct InvitationFields {
    csrf: String,
    email: String,
    name: String,
    password: String,
}

/// `GET /invitation/{code}`: says who is invited where, and does nothing: previews and scanners open links, too.
pub(crate) async fn invitation_page(
    visitor: Visitor,
    Path(code): Path<String>,
) -> Result<Response, PageError> {
    match visitor.app().link_target(&code).await {
        Ok(LinkTarget::Invitation(user)) => {
            form(&visitor, &code, &user, user.name.to_string(), InvitationErrors::default(), StatusCode::OK)
        }
        Ok(_) | Err(Error::NotFound(_)) => Ok(spent(ADVICE)),
        Err(other) => Err(other.into()),
    }
}

/// `POST /invitation/{code}`: accepts it, once.
pub(crate) async fn accept(
    visitor: Visitor,
    Path(code): Path<String>,
    Posted(fields): Posted<InvitationFields>,
) -> Result<Response, PageError> {
    visitor.check_form(&fields.csrf)?;
    let user = match visitor.app().link_target(&code).await {
        Ok(LinkTarget::Invitation(user)) => user,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(spent(ADVICE)),
        Err(other) => return Err(other.into()),
    };
    let mut errors = InvitationErrors::default();
    let name = field_error(PersonName::parse(&fields.name), &mut errors.name)?;
    let password =
        field_error(NewPassword::parse(&fields.password, user.email.as_str()), &mut errors.password)?;
    let (Some(name), Some(password)) = (name, password) else {
        return form(&visitor, &code, &user, fields.name, errors, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let input = Acceptance { email: fields.email, name, password };
    match visitor.app().accept_invitation(&code, input, visitor.origin.clone()).await {
        Ok(signed_in) => enter(&visitor, &signed_in, HOME).await,
        Err(Error::NotFound(_)) => Ok(spent(ADVICE)),
        Err(other) => Err(other.into()),
    }
}

fn form(
    visitor: &Visitor,
    code: &str,
    user: &User,
    name: String,
    errors: InvitationErrors,
    status: StatusCode,
) -> Result<Response, PageError> {
    let template = InvitationPage {
        assets: assets::addresses(),
        csrf: visitor.csrf()?,
        action: format!("/invitation/{code}"),
        organization: visitor.app().organization_of(user)?.organization.name.to_string(),
        email: user.email.to_string(),
        name,
        password_hint: PASSWORD_HINT,
        errors,
    };
    Ok(visitor.answer(page(status, &template)))
}
