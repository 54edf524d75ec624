//! `/verify/batch`: many tokens at once, for services that are handed them. Each is answered as `/verify` would, by itself.

use std::borrow::Cow;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use keystead_domain::{Actor, Error, Field};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Verdict, Wanted};
use crate::Doors;
use crate::checked::Checked;
use crate::credentials::key_actor;
use crate::problem::{at_status, document, no_actor, problem, status};

/// The most that one request asks about.
const MOST: usize = 1_000;

/// The signatures of so many sessions are checked before others get their turn: about a millisecond.
const TURN: usize = 16;

/// `POST /verify/batch`. The caller shows an API key of its own; of tokens of another organization it learns nothing (promise 6).
pub(crate) async fn batch(State(doors): State<Doors>, request: Request) -> Response {
    let actor = match key_actor(&doors, request.headers(), request.extensions()) {
        Ok(actor) => actor,
        Err(why) => {
            return no_actor(why, "Send an API key in the header: Authorization: Bearer YOUR_API_KEY.");
        }
    };
    let mut response = match answers(&doors, &actor, request).await {
        Ok(answers) => Json(json!({ "results": answers })).into_response(),
        Err(refused) => refused,
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answers(doors: &Doors, actor: &Actor, request: Request) -> Result<Vec<Value>, Response> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if !kind.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json") {
        return Err(unreadable("Send JSON, with the header: Content-Type: application/json."));
    }
    let body = Bytes::from_request(request, doors).await.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => unreadable("The request ended too early."),
    })?;
    // What is wrong with it is not repeated: it would have a token in it.
    let Some(Batch { checks }) = std::str::from_utf8(&body).ok().and_then(object) else {
        return Err(unreadable(r#"Send {"checks": [{"token": "…"}]}, and nothing else in that object."#));
    };
    if checks.len() > MOST {
        return Err(unreadable("At most 1,000 tokens are checked at once."));
    }
    let mut answers = Vec::with_capacity(checks.len());
    for (index, check) in checks.into_iter().enumerate() {
        if index % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let mut answer = answer(doors, actor, check);
        answer["index"] = index.into();
        answers.push(answer);
    }
    Ok(answers)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    /// Read one by one, so that a bad one is bad for itself alone.
    #[serde(borrow)]
    checks: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow, default)]
    permission: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resource: Option<Cow<'a, str>>,
}

/// What an object says. A list of what its members would be is none.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    json.trim_start().starts_with('{').then(|| serde_json::from_str(json).ok()).flatten()
}

fn answer(doors: &Doors, actor: &Actor, check: &RawValue) -> Value {
    let Some(Check { token, permission, resource }) = object(check.get()) else {
        let message = "A check has a token, perhaps a permission and a resource, all text, and nothing else.";
        return failed(&Error::invalid(Field::Checks, message));
    };
    let wanted = match Wanted::new(permission.as_deref(), resource.as_deref()) {
        Ok(wanted) => wanted,
        Err(error) => return failed(&error),
    };
    match Verdict::of(doors.check_for(actor, &token), wanted.as_ref()) {
        Verdict::Accepted(checked) => accepted(&checked),
        Verdict::Lacking(description) => failed(&Error::Forbidden(description.to_owned())),
        Verdict::Refused(description) => refused(&Error::Unauthenticated, &description),
        Verdict::Unavailable => failed(&Error::Unavailable),
    }
}

/// What the headers of `/verify` say, under the names that introspection has for them.
fn accepted(checked: &Checked) -> Value {
    let user = checked.user();
    let mut answer = json!({
        "valid": true,
        "status": 200,
        "user_id": user.id,
        "user_email": user.email.as_str(),
        "organization_id": user.organization,
        "permissions": user.permissions().to_string().split(',').filter(|name| !name.is_empty()).collect::<Vec<_>>(),
    });
    match checked {
        Checked::Key(verified) => answer["key_id"] = json!(verified.key),
        Checked::Session(session) => {
            answer["impersonator_key_id"] = json!(session.impersonator().key());
        }
    }
    answer
}

fn failed(error: &Error) -> Value {
    refused(error, &error.to_string())
}

fn refused(error: &Error, detail: &str) -> Value {
    let mut answer = document(status(error), error, detail);
    answer["valid"] = false.into();
    answer
}

/// Nothing is looked at of a request that is wrong as a whole.
fn unreadable(message: &str) -> Response {
    problem(&Error::invalid(Field::Checks, message))
}

fn too_large() -> Response {
    let message = "The request is too large: at most 1 MiB is read.";
    at_status(StatusCode::PAYLOAD_TOO_LARGE, &Error::invalid(Field::Checks, message), message)
}
