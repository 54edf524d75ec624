//! Errors as RFC 6749, section 5.2, has them: an object with `error` and `error_description`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use keystead_app::TokenRefusal;
use keystead_domain::Error;
use serde_json::json;

use crate::challenge::{Challenge, Denial};
use crate::credentials::NoActor;
use crate::problem::retry_after;

/// A request that is refused.
#[derive(Debug)]
pub(super) struct OauthError {
    status: StatusCode,
    code: &'static str,
    /// For a developer to read; repeats nothing of the request, and has no quotes.
    description: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl OauthError {
    /// The request is not what it should be (400).
    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// The body is too large, or did not come whole.
    pub(super) fn unreadable(status: StatusCode) -> Self {
        Self::new(status, "invalid_request", "The request is too large, or ended too early.")
    }

    /// The token is wanted for somebody else than this deployment (RFC 8693, section 2.2.2).
    pub(super) fn invalid_target() -> Self {
        let description =
            "The token is for this deployment only: leave out audience and resource, or send its public URL.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_target", description)
    }

    /// Less is wanted than there is: a session is its user's, whole.
    pub(super) fn invalid_scope() -> Self {
        let description = "A session has no scope: leave it out.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", description)
    }

    /// Another grant than those that there are.
    pub(super) fn unsupported_grant_type() -> Self {
        let description = "Send grant_type=authorization_code, refresh_token or urn:ietf:params:oauth:grant-type:token-exchange.";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
    }

    /// What a client is told whose request for tokens is refused.
    pub(super) fn of_refusal(refusal: &TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Refused(refusal) => Self::bad_request(refusal.code, refusal.description),
            TokenRefusal::Failed(error) => Self::of(error),
        }
    }

    /// A refusal with a code of its own (400).
    pub(super) fn bad_request(code: &'static str, description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, description)
    }

    /// What the rules refused. RFC 8693, section 2.2.2: a token that is not accepted, for whatever reason, is `invalid_request`.
    pub(super) fn of(error: &Error) -> Self {
        let refusal = match error {
            Error::IssuingStopped | Error::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", error.to_string())
            }
            Error::Internal => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", error.to_string())
            }
            Error::RateLimited { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", error.to_string())
            }
            Error::Unauthenticated => Self::invalid_request("The actor token is not accepted."),
            other => Self::invalid_request(other.to_string()),
        };
        Self { header: retry_after(error).map(|seconds| (RETRY_AFTER, seconds)), ..refusal }
    }

    /// The caller could not prove who they are (RFC 6750, section 3).
    pub(super) fn unauthenticated(why: NoActor) -> Self {
        match why.denial("Send an API key in the header: Authorization: Bearer YOUR_API_KEY.") {
            Denial::Failed(error) => Self::of(&error),
            Denial::Challenged(Challenge { header, description }) => Self {
                header: Some((WWW_AUTHENTICATE, header)),
                ..Self::new(StatusCode::UNAUTHORIZED, "invalid_token", description)
            },
        }
    }

    fn new(status: StatusCode, code: &'static str, description: impl Into<String>) -> Self {
        Self { status, code, description: description.into(), header: None }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.header);
        response
    }
}
