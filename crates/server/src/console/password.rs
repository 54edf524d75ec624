//! For whoever forgot their password: asking for a link, and choosing another by it.

use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use keystead_app::LinkTarget;
use keystead_domain::{Error, NewPassword, User};
use serde::Deserialize;

use super::access::{PASSWORD_HINT, spent};
use super::forms::{Posted, field_error};
use super::html::{PageError, page, see_other};
use super::view::{ForgotPage, ResetPage};
use super::visit::Visitor;
use crate::{assets, problem};

const ADVICE: &str = "Ask for another on the sign-in page, under “Forgot your password?”.";

#[derive(Deserialize)]
pub(crate) struct ForgotQuery {
    #[serde(default)]
    done: String,
}

#[derive(Deserialize)]
pub(crate) struct ForgotFields {
    csrf: String,
    email: String,
}

/// `GET /forgot-password`.
pub(crate) async fn forgot_page(
    visitor: Visitor,
    Query(query): Query<ForgotQuery>,
) -> Result<Response, PageError> {
    let template = ForgotPage { sent: query.done == "sent", ..forgot(&visitor)? };
    Ok(visitor.answer(page(StatusCode::OK, &template)))
}

/// `POST /forgot-password`: the same answer, whether anybody has the address or not.
pub(crate) async fn send_link(
    visitor: Visitor,
    Posted(fields): Posted<ForgotFields>,
) -> Result<Response, PageError> {
    visitor.check_form(&fields.csrf)?;
    let public_url = visitor.doors.settings().public_url();
    let asked = visitor.doors.app().request_password_reset(&fields.email, &visitor.origin, public_url);
    let Err(error) = asked else { return Ok(see_other("/forgot-password?done=sent")) };
    let (message, retry_after) = match &error {
        Error::Invalid { message, .. } => (Some(message.clone()), None),
        Error::RateLimited { retry_after } => (None, Some(retry_after.as_secs().unsigned_abs())),
        _ => return Err(error.into()),
    };
    let template = ForgotPage {
        email: fields.email,
        error: message,
        retry_after_seconds: retry_after,
        ..forgot(&visitor)?
    };
    let mut response = page(problem::status(&error), &template);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(visitor.answer(response))
}

fn forgot(visitor: &Visitor) -> Result<ForgotPage, Error> {
    Ok(ForgotPage {
        assets: assets::addresses(),
        csrf: visitor.csrf()?,
        sends_mail: visitor.app().sends_mail(),
        sent: false,
        email: String::new(),
        error: None,
        retry_after_seconds: None,
    })
}

#[derive(Deserialize)]
pub(crate) struct ResetFields {
    csrf: String,
    password: String,
}

/// `GET /reset-password/{code}`: does nothing yet: previews and scanners open links, too.
pub(crate) async fn reset_page(visitor: Visitor, Path(code): Path<String>) -> Result<Response, PageError> {
    match visitor.app().link_target(&code).await {
        Ok(LinkTarget::PasswordReset(user)) => form(&visitor, &code, &user, None),
        Ok(_) | Err(Error::NotFound(_)) => Ok(spent(ADVICE)),
        Err(other) => Err(other.into()),
    }
}

/// `POST /reset-password/{code}`: sets the password, once; signing in with it comes next.
pub(crate) async fn reset(
    visitor: Visitor,
    Path(code): Path<String>,
    Posted(fields): Posted<ResetFields>,
) -> Result<Response, PageError> {
    visitor.check_form(&fields.csrf)?;
    let user = match visitor.app().link_target(&code).await {
        Ok(LinkTarget::PasswordReset(user)) => user,
        Ok(_) | Err(Error::NotFound(_)) => return Ok(spent(ADVICE)),
        Err(other) => return Err(other.into()),
    };
    let mut error = None;
    let password = field_error(NewPassword::parse(&fields.password, user.email.as_str()), &mut error)?;
    let Some(password) = password else { return form(&visitor, &code, &user, error) };
    match visitor.app().reset_password(&code, password, &visitor.origin).await {
        Ok(_) => Ok(see_other("/sign-in?done=password")),
        Err(Error::NotFound(_)) => Ok(spent(ADVICE)),
        Err(other) => Err(other.into()),
    }
}

fn form(visitor: &Visitor, code: &str, user: &User, error: Option<String>) -> Result<Response, PageError> {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let template = ResetPage {
        assets: assets::addresses(),
        csrf: visitor.csrf()?,
        action: format!("/reset-password/{code}"),
        organization: visitor.app().organization_of(user)?.organization.name.to_string(),
        email: user.email.to_string(),
        password_hint: PASSWORD_HINT,
        error,
    };
    Ok(visitor.answer(page(status, &template)))
}
