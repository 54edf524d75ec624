//! `/oauth2/token`: a code or a refresh token becomes an access token, an impersonation key's word a session.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use keystead_app::{CodeRedemption, IssuedTokens, RequestOrigin};
use keystead_domain::MCP_SCOPE;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::error::OauthError;
use super::exchange::{TOKEN_EXCHANGE, exchange};
use super::form::Form;
use crate::Doors;
use crate::credentials::origin;
use crate::observe::NotCompressed;

/// `POST /oauth2/token`. What is shown in the form is the credential.
pub(crate) async fn token(State(doors): State<Doors>, request: Request) -> Response {
    let origin = origin(request.extensions());
    let form = match Form::from_request(request, &doors).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let answer = match answer(&doors, form, &origin).await {
        Ok(answer) => answer,
        Err(error) => return error.into_response(),
    };
    let mut response = Json(answer).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(NotCompressed);
    response
}

async fn answer(doors: &Doors, mut form: Form, origin: &RequestOrigin) -> Result<Value, OauthError> {
    match form.require("grant_type")?.as_str() {
        "authorization_code" => redeem(doors, form, origin).await,
        "refresh_token" => refresh(doors, form, origin).await,
        TOKEN_EXCHANGE => exchange(doors, form, origin).await,
        _ => Err(OauthError::unsupported_grant_type()),
    }
}

async fn redeem(doors: &Doors, mut form: Form, origin: &RequestOrigin) -> Result<Value, OauthError> {
    let redemption = CodeRedemption {
        code: Zeroizing::new(form.require("code")?),
        client_id: form.require("client_id")?,
        redirect_uri: form.take("redirect_uri"),
        code_verifier: Zeroizing::new(form.require("code_verifier")?),
        resource: form.take("resource"),
    };
    let issued = doors.app().redeem_code(&redemption, origin).await;
    Ok(tokens(&issued.map_err(|refusal| OauthError::of_refusal(&refusal))?))
}

async fn refresh(doors: &Doors, mut form: Form, origin: &RequestOrigin) -> Result<Value, OauthError> {
    let token = Zeroizing::new(form.require("refresh_token")?);
    let client = form.require("client_id")?;
    let resource = form.take("resource");
    let issued = doors.app().refresh(&token, &client, resource.as_deref(), origin).await;
    Ok(tokens(&issued.map_err(|refusal| OauthError::of_refusal(&refusal))?))
}

fn tokens(issued: &IssuedTokens) -> Value {
    json!({
        "access_token": issued.access_token.as_str(),
        "token_type": "Bearer",
        "expires_in": issued.lifetime.as_secs(),
        "refresh_token": issued.refresh_token.expose(),
        "scope": MCP_SCOPE,
    })
}
