//! Errors outside GraphQL and the console's pages: RFC 9457 problem details.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use keystead_domain::Error;
use serde_json::{Value, json};

use crate::challenge::Denial;
use crate::credentials::NoActor;

/// The status of an error. One place decides it: [`Error::http_status`].
pub(crate) fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An error as a problem document.
pub(crate) fn problem(error: &Error) -> Response {
    described(error, &error.to_string())
}

/// The same in words that fit the door better.
pub(crate) fn described(error: &Error, detail: &str) -> Response {
    at_status(status(error), error, detail)
}

/// The same at a status that says more.
pub(crate) fn at_status(status: StatusCode, error: &Error, detail: &str) -> Response {
    let mut response = (status, Json(document(status, error, detail))).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// A problem as JSON.
pub(crate) fn document(status: StatusCode, error: &Error, detail: &str) -> Value {
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": error.code(),
        "detail": detail,
    });
    if let Error::Invalid { field, .. } = error {
        body["field"] = field.name().into();
    }
    body
}

/// The answer to a request of nobody's. `missing` says what this door takes.
pub(crate) fn no_actor(why: NoActor, missing: &str) -> Response {
    let mut response = match why.denial(missing) {
        Denial::Failed(error) => problem(&error),
        Denial::Challenged(challenge) => {
            let mut response = described(&Error::Unauthenticated, &challenge.description);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.header);
            response
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The seconds after which trying again makes sense, where it does.
pub(crate) fn retry_after(error: &Error) -> Option<HeaderValue> {
    match error {
        Error::RateLimited { retry_after } => Some(HeaderValue::from(retry_after.as_secs())),
        Error::Unavailable => Some(HeaderValue::from_static("1")),
        _ => None,
    }
}
