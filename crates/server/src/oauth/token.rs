//! `/oauth2/token`: what `impersonateUser` does, by token exchange (RFC 8693).

use std::fmt;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::json;
use zeroize::Zeroizing;

use super::error::OauthError;
use super::form::Form;
use crate::Doors;
use crate::credentials::origin;
use crate::observe::NotCompressed;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// An e-mail address names the subject, who has no token: that is what the actor's is for.
const EMAIL: &str = "urn:keystead:params:oauth:token-type:email";

/// `POST /oauth2/token`. The actor's token, an impersonation key, is the credential.
pub(crate) async fn token(State(doors): State<Doors>, request: Request) -> Response {
    let origin = origin(request.extensions());
    let form = match Form::from_request(request, &doors).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let exchange = match Exchange::parse(form, doors.settings().public_url()) {
        Ok(exchange) => exchange,
        Err(error) => return error.into_response(),
    };
    let minted =
        doors.app().impersonate(&exchange.actor_token, &exchange.subject, &exchange.attributes, &origin);
    let minted = match minted.await {
        Ok(minted) => minted,
        Err(error) => return OauthError::of(&error).into_response(),
    };
    let mut response = Json(json!({
        "access_token": minted.token.as_str(),
        "issued_token_type": JWT,
        "token_type": "Bearer",
        "expires_in": minted.lifetime.as_secs(),
    }))
    .into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(NotCompressed);
    response
}

/// A request for a session.
struct Exchange {
    actor_token: Zeroizing<String>,
    /// The address of the user as whom the session acts.
    subject: String,
    attributes: Vec<(String, String)>,
}

impl Exchange {
    fn parse(mut form: Form, public_url: &str) -> Result<Self, OauthError> {
        if form.require("grant_type")? != TOKEN_EXCHANGE {
            return Err(OauthError::unsupported_grant_type());
        }
        expect(&form.require("subject_token_type")?, "subject_token_type", EMAIL)?;
        expect(&form.require("actor_token_type")?, "actor_token_type", ACCESS_TOKEN)?;
        if let Some(wanted) = form.take("requested_token_type") {
            expect(&wanted, "requested_token_type", JWT)?;
        }
        if form.take("scope").is_some() {
            return Err(OauthError::invalid_scope());
        }
        for target in ["audience", "resource"] {
            if form.take(target).is_some_and(|wanted| wanted.trim_end_matches('/') != public_url) {
                return Err(OauthError::invalid_target());
            }
        }
        let exchange = Self {
            subject: form.require("subject_token")?,
            actor_token: Zeroizing::new(form.require("actor_token")?),
            attributes: match form.take("attributes") {
                Some(json) => attributes(&json)?,
                None => Vec::new(),
            },
        };
        Ok(exchange)
    }
}

fn expect(sent: &str, name: &str, wanted: &str) -> Result<(), OauthError> {
    if sent == wanted { Ok(()) } else { Err(OauthError::invalid_request(format!("Send {name}={wanted}."))) }
}

/// An extension: what `impersonateUser` takes as a list, as an object of texts.
fn attributes(json: &str) -> Result<Vec<(String, String)>, OauthError> {
    let attributes: Attributes = serde_json::from_str(json).map_err(|_| {
        OauthError::invalid_request("The attributes are a JSON object whose values are texts.")
    })?;
    Ok(attributes.0)
}

/// The members of an object as they are written: of two with one name neither is dropped, so that the rules see both.
struct Attributes(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Attributes, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Attributes(all))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
