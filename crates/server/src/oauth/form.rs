//! Requests as forms (RFC 6749, appendix B): each parameter once at most. One that is not known here is ignored, since software that
//! speaks OAuth sends more than is asked for (RFC 6749, section 3.2).

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;

use super::error::OauthError;

/// The parameters of a request.
pub(super) struct Form(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let message = "Send a form, with the header: Content-Type: application/x-www-form-urlencoded.";
            return Err(OauthError::invalid_request(message).into_response());
        }
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|refused| OauthError::unreadable(refused.status()).into_response())?;
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&body) {
            // An empty parameter is one that was left out (RFC 6749, section 3.2).
            if !value.is_empty() && parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(OauthError::invalid_request("A parameter is given twice.").into_response());
            }
        }
        Ok(Self(parameters))
    }
}

impl Form {
    /// Takes a parameter out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes out one that is needed.
    pub(super) fn require(&mut self, name: &str) -> Result<String, OauthError> {
        self.take(name).ok_or_else(|| OauthError::invalid_request(format!("The parameter {name} is needed.")))
    }
}
