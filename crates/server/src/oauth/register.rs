//! `/oauth2/register`: clients introduce themselves (RFC 7591), and `/oauth2/revoke`: they take their leave (RFC 7009).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use keystead_app::{OauthClient, RegistrationRefusal};
use keystead_domain::MCP_SCOPE;
use serde_json::{Value, json};

use super::error::OauthError;
use super::form::Form;
use crate::Doors;
use crate::credentials::origin;

/// `POST /oauth2/register`. Open to everybody, and bounded: a client that is registered may do nothing until a person allows it.
pub(crate) async fn register(State(doors): State<Doors>, request: Request) -> Response {
    let origin = origin(request.extensions());
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if !kind.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json") {
        let message = "Send the client's metadata as JSON, with the header: Content-Type: application/json.";
        return OauthError::invalid_request(message).into_response();
    }
    let said = match Bytes::from_request(request, &doors).await {
        Ok(said) => said,
        Err(refused) => return OauthError::unreadable(refused.status()).into_response(),
    };
    match doors.app().register_client(&said, &origin).await {
        Ok(client) => {
            let mut response = (StatusCode::CREATED, Json(registered(&client))).into_response();
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(RegistrationRefusal::Metadata(bad)) => {
            OauthError::bad_request(bad.code, bad.description).into_response()
        }
        Err(RegistrationRefusal::Failed(error)) => OauthError::of(&error).into_response(),
    }
}

/// What was registered (RFC 7591, section 3.2.1): what differs from what the client asked for is said so.
fn registered(client: &OauthClient) -> Value {
    let uris: Vec<_> =
        client.metadata.redirect_uris.iter().map(keystead_domain::RedirectUri::as_str).collect();
    json!({
        "client_id": client.id.to_string(),
        "client_name": client.metadata.name.as_str(),
        "redirect_uris": uris,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": MCP_SCOPE,
    })
}

/// `POST /oauth2/revoke`. A token that counts no more, or is another client's, is no error: what the client wants is so
/// (RFC 7009, section 2.2).
pub(crate) async fn revoke(State(doors): State<Doors>, request: Request) -> Response {
    let origin = origin(request.extensions());
    let mut form = match Form::from_request(request, &doors).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let sent = form.require("token").and_then(|token| Ok((token, form.require("client_id")?)));
    let (token, client) = match sent {
        Ok(sent) => sent,
        Err(error) => return error.into_response(),
    };
    match doors.app().give_back(&token, &client, &origin).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => OauthError::of(&error).into_response(),
    }
}
