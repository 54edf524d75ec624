//! What `impersonateUser` does, by token exchange (RFC 8693).

use std::fmt;

use keystead_app::RequestOrigin;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::error::OauthError;
use super::form::Form;
use crate::Doors;

/// The grant's name.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// An e-mail address names the subject, who has no token: that is what the actor's is for.
const EMAIL: &str = "urn:keystead:params:oauth:token-type:email";

/// Mints a session. The actor's token, an impersonation key, is the credential.
pub(super) async fn exchange(doors: &Doors, form: Form, origin: &RequestOrigin) -> Result<Value, OauthError> {
    let exchange = Exchange::parse(form, doors.settings().public_url())?;
    let minted =
        doors.app().impersonate(&exchange.actor_token, &exchange.subject, &exchange.attributes, origin);
    let minted = minted.await.map_err(|error| OauthError::of(&error))?;
    Ok(json!({
        "access_token": minted.token.as_str(),
        "issued_token_type": JWT,
        "token_type": "Bearer",
        "expires_in": minted.lifetime.as_secs(),
    }))
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
