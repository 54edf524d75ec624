//! Coming in and going out: sign-in, sign-out, first set-up, one-time links.

use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use http::StatusCode;
use http::header::RETRY_AFTER;
use keystead_app::{LinkTarget, SetUp};
use keystead_domain::{Email, Error, NewPassword, OrganizationName, PASSWORD_MIN, PersonName};
use serde::Deserialize;

use super::forms::{Posted, field_error};
use super::html::{PageError, page, see_other};
use super::view::{LinkSpentPage, SetupErrors, SetupPage, SignInLinkPage, SignInPage};
use super::visit::{SignedIn, Visitor, role_words};
use crate::{assets, credentials, problem};

/// Where people land.
pub(super) const HOME: &str = "/settings/api-keys";

/// Stands under the field of a new password.
pub(super) const PASSWORD_HINT: &str = "At least 12 characters. A few unrelated words are good.";
const _: () = assert!(PASSWORD_MIN == 12, "the hint says so");

#[derive(Deserialize)]
pub(crate) struct SignInQuery {
    #[serde(default)]
    next: String,
    #[serde(default)]
    done: String,
}

#[derive(Deserialize)]
pub(crate) struct SignInFields {
    csrf: String,
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`.
pub(crate) async fn sign_in_page(
    visitor: Visitor,
    Query(query): Query<SignInQuery>,
) -> Result<Response, PageError> {
    let template = SignInPage {
        assets: assets::addresses(),
        csrf: visitor.csrf()?,
        next: local_path(&query.next).unwrap_or_default().to_owned(),
        email: String::new(),
        error: None,
        retry_after_seconds: None,
        notice: match query.done.as_str() {
            "password" => Some("Your password is set. Sign in with it."),
            "everywhere" => Some("You are signed out everywhere."),
            _ => None,
        },
    };
    Ok(visitor.answer(page(StatusCode::OK, &template)))
}

/// `POST /sign-in`.
pub(crate) async fn sign_in(
    visitor: Visitor,
    Posted(fields): Posted<SignInFields>,
) -> Result<Response, PageError> {
    visitor.check_form(&fields.csrf)?;
    let error = match visitor.app().sign_in(&fields.email, &fields.password, visitor.origin.clone()).await {
        Ok(signed_in) => return enter(&visitor, &signed_in, local_path(&fields.next).unwrap_or(HOME)).await,
        Err(error) => error,
    };
    let (message, retry_after) = match &error {
        Error::Invalid { message, .. } => (Some(message.clone()), None),
        Error::RateLimited { retry_after } => (None, Some(retry_after.as_secs().unsigned_abs())),
        _ => return Err(error.into()),
    };
    let template = SignInPage {
        assets: assets::addresses(),
        csrf: visitor.csrf()?,
        next: local_path(&fields.next).unwrap_or_default().to_owned(),
        email: fields.email,
        error: message,
        retry_after_seconds: retry_after,
        notice: None,
    };
    let mut response = page(problem::status(&error), &template);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(visitor.answer(response))
}

#[derive(Deserialize)]
pub(crate) struct CsrfOnly {
    pub(super) csrf: String,
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(
    visit: SignedIn,
    Posted(fields): Posted<CsrfOnly>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    visit.app().sign_out(&visit.actor).await?;
    let jar = CookieJar::new().add(credentials::sign_out_cookie(visit.doors.settings()));
    Ok((jar, see_other("/sign-in")).into_response())
}

/// `GET /setup/{code}`.
pub(crate) async fn set_up_page(visitor: Visitor, Path(code): Path<String>) -> Result<Response, PageError> {
    match visitor.app().link_target(&code).await {
        Ok(LinkTarget::SetUp) => {
            set_up_form(&visitor, &code, SetUpFields::default(), SetupErrors::default(), StatusCode::OK)
        }
        Ok(_) | Err(Error::NotFound(_)) => Ok(spent(
            "Start the server again on an empty store to get a new one, or sign in with your password.",
        )),
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize, Default)]
pub(crate) struct SetUpFields {
    csrf: String,
    organization: String,
    name: String,
    email: String,
    password: String,
}

/// `POST /setup/{code}`.
pub(crate) async fn set_up(
    visitor: Visitor,
    Path(code): Path<String>,
    Posted(fields): Posted<SetUpFields>,
) -> Result<Response, PageError> {
    visitor.check_form(&fields.csrf)?;
    let mut errors = SetupErrors::default();
    let organization = field_error(OrganizationName::parse(&fields.organization), &mut errors.organization)?;
    let name = field_error(PersonName::parse(&fields.name), &mut errors.name)?;
    let email = field_error(Email::parse(&fields.email), &mut errors.email)?;
    let password = field_error(NewPassword::parse(&fields.password, &fields.email), &mut errors.password)?;
    let (Some(organization), Some(name), Some(email), Some(password)) = (organization, name, email, password)
    else {
        return set_up_form(&visitor, &code, fields, errors, StatusCode::UNPROCESSABLE_ENTITY);
    };
    match visitor
        .app()
        .set_up(&code, SetUp { organization, name, email, password }, visitor.origin.clone())
        .await
    {
        Ok(signed_in) => enter(&visitor, &signed_in, HOME).await,
        Err(Error::NotFound(_)) => Ok(spent("Keystead has been set up. Sign in with your password.")),
        Err(other) => Err(other.into()),
    }
}

fn set_up_form(
    visitor: &Visitor,
    code: &str,
    fields: SetUpFields,
    errors: SetupErrors,
    status: StatusCode,
) -> Result<Response, PageError> {
    let template = SetupPage {
        assets: assets::addresses(),
        csrf: visitor.csrf()?,
        action: format!("/setup/{code}"),
        organization: fields.organization,
        name: fields.name,
        email: fields.email,
        password_hint: PASSWORD_HINT,
        errors,
    };
    Ok(visitor.answer(page(status, &template)))
}

/// `GET /sign-in/link/{code}`: says whom it would sign in, and does nothing: previews and scanners open links, too.
pub(crate) async fn link_page(visitor: Visitor, Path(code): Path<String>) -> Result<Response, PageError> {
    match visitor.app().link_target(&code).await {
        Ok(LinkTarget::SignIn(user)) => {
            let state = visitor.app().organization_of(&user)?;
            let template = SignInLinkPage {
                assets: assets::addresses(),
                csrf: visitor.csrf()?,
                action: format!("/sign-in/link/{code}"),
                name: user.name.to_string(),
                role: role_words(&user, &state),
                organization: state.organization.name.to_string(),
            };
            Ok(visitor.answer(page(StatusCode::OK, &template)))
        }
        Ok(_) | Err(Error::NotFound(_)) => Ok(spent(SIGN_IN_ADVICE)),
        Err(other) => Err(other.into()),
    }
}

/// `POST /sign-in/link/{code}`: signs in, once.
pub(crate) async fn use_link(
    visitor: Visitor,
    Path(code): Path<String>,
    Posted(fields): Posted<CsrfOnly>,
) -> Result<Response, PageError> {
    visitor.check_form(&fields.csrf)?;
    match visitor.app().use_sign_in_link(&code, visitor.origin.clone()).await {
        Ok(signed_in) => enter(&visitor, &signed_in, HOME).await,
        Err(Error::NotFound(_)) => Ok(spent(SIGN_IN_ADVICE)),
        Err(other) => Err(other.into()),
    }
}

const SIGN_IN_ADVICE: &str = "Sign in with your password, or ask an administrator for a new link.";

pub(super) async fn enter(
    visitor: &Visitor,
    signed_in: &keystead_app::SignedIn,
    to: &str,
) -> Result<Response, PageError> {
    visitor.end_former_session().await?;
    let jar = CookieJar::new().add(credentials::sign_in_cookie(visitor.doors.settings(), &signed_in.cookie));
    Ok((jar, see_other(to)).into_response())
}

/// What every link that cannot be used leads to, whatever the reason.
pub(super) fn spent(advice: &str) -> Response {
    page(StatusCode::NOT_FOUND, &LinkSpentPage { assets: assets::addresses(), advice: advice.to_owned() })
}

/// The longest path to go to after signing in, in bytes: an app's whole request is one.
pub(super) const NEXT_MAX: usize = 8 * 1024;

/// A path of this server, to go to after signing in. Anything that a browser could take for another host is refused.
pub(super) fn local_path(next: &str) -> Option<&str> {
    let local = next.starts_with('/') && !next.starts_with("//") && next.len() <= NEXT_MAX;
    (local && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_this_server_only() {
        assert_eq!(local_path("/settings/api-keys?view=all"), Some("/settings/api-keys?view=all"));
        for bad in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(local_path(bad), None, "{bad}");
        }
    }
}
