//! `/oauth2/introspect` (RFC 7662): what a token is worth now, for services that are handed one.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use keystead_domain::{Actor, Error, PermissionSet};
use serde_json::{Value, json};

use super::error::OauthError;
use super::form::Form;
use crate::Doors;
use crate::checked::Checked;
use crate::credentials::key_actor;

/// `POST /oauth2/introspect`. The caller shows an API key of its own; of tokens of another organization it learns nothing
/// (promise 6).
pub(crate) async fn introspect(State(doors): State<Doors>, request: Request) -> Response {
    let actor = match key_actor(&doors, request.headers(), request.extensions()) {
        Ok(actor) => actor,
        Err(why) => return OauthError::unauthenticated(why).into_response(),
    };
    let form = match Form::from_request(request, &doors).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    match answer(&doors, &actor, form) {
        Ok(answer) => {
            let mut response = Json(answer).into_response();
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => error.into_response(),
    }
}

fn answer(doors: &Doors, actor: &Actor, mut form: Form) -> Result<Value, OauthError> {
    let token = form.require("token")?;
    match doors.check_for(actor, &token) {
        Ok(checked) => Ok(active(doors, &checked)),
        Err(refused) if refused.is_unavailable() => Err(OauthError::of(&Error::Unavailable)),
        Err(_) => Ok(inactive()),
    }
}

/// Nothing more is said of a token that does not count (RFC 7662, section 2.2).
fn inactive() -> Value {
    json!({ "active": false })
}

fn active(doors: &Doors, checked: &Checked) -> Value {
    let user = checked.user();
    let mut answer = json!({
        "active": true,
        "token_type": "Bearer",
        "iss": doors.settings().public_url(),
        "sub": user.id,
        "username": user.email.as_str(),
        "organization_id": user.organization,
        "scope": scope(user.permissions()),
    });
    match checked {
        Checked::Key(verified) => {
            answer["client_id"] = json!(verified.key);
            if let Some(end) = verified.expires_at {
                answer["exp"] = json!(end.as_second());
            }
        }
        Checked::Session(session) => {
            let impersonator = session.impersonator();
            answer["client_id"] = json!(impersonator.key());
            answer["aud"] = json!(doors.settings().public_url());
            answer["jti"] = json!(session.id());
            answer["exp"] = json!(session.expires_at().as_second());
            answer["attributes"] = json!(session.attributes().as_map());
            answer["act"] = json!({ "sub": impersonator.creator().id, "key_id": impersonator.key() });
        }
    }
    answer
}

/// The permissions that hold everywhere, as RFC 6749, section 3.3, writes a list.
fn scope(permissions: &PermissionSet) -> String {
    permissions.to_string().replace(',', " ")
}
