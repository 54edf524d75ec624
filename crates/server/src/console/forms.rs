//! Reading forms: bounded, and refused as a page that says so.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keystead_domain::{Error, Field};
use serde::de::DeserializeOwned;

use super::html::PageError;

/// The fields of a posted form.
pub(crate) struct Posted<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let rejection = match Form::<T>::from_request(request, state).await {
            Ok(Form(fields)) => return Ok(Self(fields)),
            Err(rejection) => rejection,
        };
        let too_large = matches!(&rejection, FormRejection::BytesRejection(cause) if cause.status() == StatusCode::PAYLOAD_TOO_LARGE);
        let message = if too_large {
            "The form is too large."
        } else {
            "The form could not be read. Reload the page and try again."
        };
        let mut response = PageError::from(Error::invalid(Field::Name, message)).into_response();
        *response.status_mut() =
            if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        Err(response)
    }
}

/// The message of an error that belongs to a field; any other error passes on.
pub(super) fn field_error<T>(
    result: Result<T, Error>,
    slot: &mut Option<String>,
) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Invalid { message, .. }) => {
            *slot = Some(message);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}
