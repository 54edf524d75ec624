//! `/.well-known/jwks.json`: for parties that check session tokens by themselves. They learn that one is genuine and when it ends;
//! that it was ended before, only `/verify` and `/oauth2/introspect` know.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};

use crate::Doors;

/// `GET /.well-known/jwks.json`. The next key is listed long before it signs, so a cache of some minutes harms nobody.
pub(crate) async fn jwks(State(doors): State<Doors>) -> Response {
    let mut response = Json(doors.app().jwks()).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    // Public keys are for everybody, browsers included.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
