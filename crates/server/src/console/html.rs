//! Pages as answers: the headers that every page has, and the page that says what went wrong.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use keystead_app::silence_was_noticed;
use keystead_domain::Error;

use super::view::{ErrorPage, Notice, Tone};
use crate::{Settings, assets, observe, problem};

/// Nothing from elsewhere, nothing inline, framed by nobody.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a page whose form leads to another place, too, once it was taken: browsers hold the redirect to the policy as well
/// (Content Security Policy 3, section 6.4.2).
pub(super) fn policy_for_forms_to(source: &str) -> String {
    POLICY.replace("form-action 'self'", &format!("form-action 'self' {source}"))
}

/// A page that could not be shown, or a form that could not be taken.
#[derive(Clone)]
pub(crate) struct PageError(pub(crate) Error);

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = error_page(&self.0);
        // For those who answer programs instead of people.
        response.extensions_mut().insert(self);
        response
    }
}

/// A rendered page. Everything in the console belongs to one person: no cache keeps it, the browser's included.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    let Ok(html) = template.render() else {
        tracing::error!("a page could not be rendered");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Addresses hold one-time codes. Not `no-referrer`: that makes browsers hide the origin of our own forms, too.
        (REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, html).into_response()
}

/// After a form: another page, by GET, so that going back or reloading sends nothing again.
pub(super) fn see_other(path: &str) -> Response {
    if silence_was_noticed() {
        let joint = if path.contains('?') { '&' } else { '?' };
        return Redirect::to(&format!("{path}{joint}waited=1")).into_response();
    }
    Redirect::to(path).into_response()
}

/// What a page says that was just done, and that it took longer than usual, if [`see_other`] led there so.
pub(super) fn done(said: &str, waited: &str) -> Notice {
    const WAITED: &str =
        " One of the servers did not answer, so this took until it can accept nothing any more.";
    let waited = if waited.is_empty() { "" } else { WAITED };
    Notice { tone: Tone::Good, text: format!("{said}{waited}") }
}

/// Once reached over TLS, always over TLS.
pub(crate) fn strict_transport(settings: &Settings, response: &mut Response) {
    if settings.is_https() {
        response.headers_mut().insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
}

fn error_page(error: &Error) -> Response {
    let status = problem::status(error);
    let title = match error {
        Error::Unauthenticated => "Please sign in",
        Error::Forbidden(_) => "You may not do this",
        Error::NotFound(_) => "There is nothing here",
        Error::Invalid { .. } => "That did not work",
        Error::Conflict(_) => "That is not possible now",
        Error::RateLimited { .. } => "Too many attempts",
        Error::IssuingStopped => "Nothing is issued now",
        Error::Unavailable => "Keystead cannot answer now",
        Error::Internal => "Something went wrong",
    };
    let template = ErrorPage {
        assets: assets::addresses(),
        status: status.as_u16(),
        title: title.to_owned(),
        message: error.to_string(),
        request_id: observe::request_id(),
        way_out: ("/settings/api-keys".to_owned(), "Go to API Keys".to_owned()),
    };
    let mut response = page(status, &template);
    if let Error::RateLimited { retry_after } = error {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().unsigned_abs()));
    }
    response
}

/// Whatever no route matches.
pub(crate) async fn not_found() -> Response {
    error_page(&Error::NotFound("page"))
}
