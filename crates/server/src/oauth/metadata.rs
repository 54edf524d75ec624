//! What there is, for clients that know nothing but an address: the protected resource (RFC 9728) and the authorization server
//! (RFC 8414).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use keystead_domain::MCP_SCOPE;
use serde_json::{Value, json};

use super::exchange::TOKEN_EXCHANGE;
use crate::Doors;

/// `GET /.well-known/oauth-protected-resource`, also with the resource's path at its end (RFC 9728, section 3.1).
pub(crate) async fn protected_resource(State(doors): State<Doors>) -> Response {
    let url = doors.settings().public_url();
    public(json!({
        "resource": format!("{url}/mcp"),
        "authorization_servers": [url],
        "bearer_methods_supported": ["header"],
        "scopes_supported": [MCP_SCOPE],
        "resource_name": "Keystead",
    }))
}

/// `GET /.well-known/oauth-authorization-server`.
pub(crate) async fn authorization_server(State(doors): State<Doors>) -> Response {
    let url = doors.settings().public_url();
    public(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/oauth2/authorize"),
        "token_endpoint": format!("{url}/oauth2/token"),
        "registration_endpoint": format!("{url}/oauth2/register"),
        "revocation_endpoint": format!("{url}/oauth2/revoke"),
        "introspection_endpoint": format!("{url}/oauth2/introspect"),
        "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "scopes_supported": [MCP_SCOPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
    }))
}

/// Everybody may know it, browsers included.
fn public(document: Value) -> Response {
    let mut response = Json(document).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
