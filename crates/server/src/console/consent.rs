//! `/oauth2/authorize`: a person decides whether an app may act for them (OAuth 2.1, section 4.1.1).
//!
//! Nothing is kept between the page and the decision, and no decision is remembered: the form posts to the address of the page, all
//! of it is checked again, and whoever comes again is asked again. The browser is never sent to an app's address by itself, not even
//! with an error, since anybody can register one (RFC 9700, section 4.11.2): it goes where somebody pressed a button to go.

use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, StatusCode};
use keystead_app::{AuthorizationError, PendingAuthorization};
use keystead_domain::audit::ViaKind;
use keystead_domain::{Actor, AuthorizationParameters, ClientId, Error, RedirectUri, View};
use serde::Deserialize;

use super::access::NEXT_MAX;
use super::forms::Posted;
use super::html::{PageError, page, policy_for_forms_to};
use super::view::{Asking, ConsentPage, ErrorPage, Recipient};
use super::visit::SignedIn;
use crate::{assets, observe};

/// Where apps send people.
pub(crate) const AUTHORIZE: &str = "/oauth2/authorize";

/// `GET /oauth2/authorize`.
pub(crate) async fn consent_page(visit: SignedIn, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    match check(&visit, &query).await {
        Ok(pending) => consent(&visit, &query, &pending).await,
        Err(error) => refused(error),
    }
}

#[derive(Deserialize)]
pub(crate) struct Decision {
    csrf: String,
    decision: String,
}

/// `POST /oauth2/authorize`.
pub(crate) async fn decide(
    visit: SignedIn,
    RawQuery(query): RawQuery,
    Posted(fields): Posted<Decision>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let pending = match check(&visit, &query.unwrap_or_default()).await {
        Ok(pending) => pending,
        Err(error) => return refused(error),
    };
    let to = if fields.decision == "allow" {
        visit.app().approve(&visit.actor, &pending).await?
    } else {
        pending.denied()
    };
    // As it is: it belongs to the app.
    Ok(Redirect::to(&to).into_response())
}

async fn check(visit: &SignedIn, query: &str) -> Result<PendingAuthorization, AuthorizationError> {
    let parameters = parameters(query).map_err(AuthorizationError::ShowToPerson)?;
    visit.app().check_authorization(&parameters).await
}

/// What an app asks for. A parameter without a value is none, and none comes twice (OAuth 2.1, section 3.1); others are ignored.
fn parameters(query: &str) -> Result<AuthorizationParameters, Error> {
    let mut parameters = AuthorizationParameters::default();
    if AUTHORIZE.len() + query.len() >= NEXT_MAX {
        return Err(Error::Forbidden("The app’s request is too long.".to_owned()));
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let slot = match &*name {
            "response_type" => &mut parameters.response_type,
            "response_mode" => &mut parameters.response_mode,
            "client_id" => &mut parameters.client_id,
            "redirect_uri" => &mut parameters.redirect_uri,
            "code_challenge" => &mut parameters.code_challenge,
            "code_challenge_method" => &mut parameters.code_challenge_method,
            "resource" => &mut parameters.resource,
            "state" => &mut parameters.state,
            _ => continue,
        };
        if !value.is_empty() && slot.replace(value.into_owned()).is_some() {
            return Err(Error::Forbidden(
                "The app’s request says the same thing twice. Start again from the app.".to_owned(),
            ));
        }
    }
    Ok(parameters)
}

async fn consent(
    visit: &SignedIn,
    query: &str,
    pending: &PendingAuthorization,
) -> Result<Response, PageError> {
    let shell = visit.shell().await?;
    let here = format!("{AUTHORIZE}?{query}");
    let next = form_urlencoded::Serializer::new(String::new()).append_pair("next", &here).finish();
    let redirect_uri = pending.redirect_uri();
    let template = ConsentPage {
        assets: shell.assets,
        csrf: shell.csrf,
        asking: Asking {
            name: pending.client.metadata.name.to_string(),
            host: pending.client_host(),
            answered_at: redirect_uri.host(),
            recipient: recipient(redirect_uri),
            is_described: matches!(pending.client.id, ClientId::Document(_)),
        },
        may: may(visit)?,
        viewer: shell.viewer,
        switch: format!("/sign-in?{next}"),
        here,
    };
    let mut response = page(StatusCode::OK, &template);
    let policy = policy_for_forms_to(&redirect_uri.form_action_source());
    let policy = HeaderValue::from_str(&policy).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// Who hears the answer: plain HTTP is for this computer alone, and what is no address of the web opens an app.
fn recipient(redirect_uri: &RedirectUri) -> Recipient {
    match redirect_uri.as_str().split(':').next() {
        Some("https") => Recipient::Site,
        Some("http") => Recipient::ThisComputer,
        _ => Recipient::App,
    }
}

/// What the app may do while it is connected, as of now: what the person may do themselves.
fn may(visit: &SignedIn) -> Result<Vec<String>, Error> {
    let actor: &Actor = &visit.actor;
    let state = visit.app().organization(actor)?;
    let organization = &state.organization.name;
    let policy = &state.policy;
    let creates = visit.doors.settings().mcp_creates_keys()
        && policy.check_open(ViaKind::Connection).is_ok()
        && actor.check_may_create_keys(policy).is_ok();
    let everyones = actor.revocable_keys().creator().is_none();
    let line = |applies: bool, words: String| applies.then_some(words);
    let lines = [
        line(actor.keys(View::All).is_err(), "See your API keys".to_owned()),
        line(actor.keys(View::All).is_ok(), format!("See everybody’s API keys in {organization}")),
        line(creates, "Create API keys that act as you".to_owned()),
        line(!everyones, "Edit and revoke your API keys".to_owned()),
        line(everyones, "Edit your API keys, and revoke anybody’s".to_owned()),
        line(actor.people().is_ok(), format!("See the people of {organization}")),
        line(actor.audit_log().is_ok(), "Read the audit log".to_owned()),
        line(!creates, "It cannot create API keys.".to_owned()),
    ];
    Ok(lines.into_iter().flatten().collect())
}

/// A request that nobody can decide on.
fn refused(error: AuthorizationError) -> Result<Response, PageError> {
    let (message, way_out) = match error {
        AuthorizationError::ShowToPerson(Error::Forbidden(message)) => {
            (message, ("/settings/connected-apps".to_owned(), "Go to Connected apps".to_owned()))
        }
        AuthorizationError::ShowToPerson(other) => return Err(other.into()),
        AuthorizationError::Redirect(to) => {
            let message = description(&to).unwrap_or_default();
            let message =
                format!("Its request is not as it must be, which is for its maker to put right. {message}");
            let host = RedirectUri::parse(to.split('?').next().unwrap_or_default()).map(|uri| uri.host());
            let words =
                host.map_or_else(|_| "Return to the app".to_owned(), |host| format!("Return to {host}"));
            (message, (to, words))
        }
    };
    let template = ErrorPage {
        assets: assets::addresses(),
        status: StatusCode::BAD_REQUEST.as_u16(),
        title: "This app cannot be connected".to_owned(),
        message,
        request_id: observe::request_id(),
        way_out,
    };
    Ok(page(StatusCode::BAD_REQUEST, &template))
}

/// What the app is told is wrong: the last such parameter, since what it registered comes first.
fn description(to: &str) -> Option<String> {
    let (_, query) = to.split_once('?')?;
    let told = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "error_description");
    told.last().map(|(_, description)| description.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_without_a_value_is_none_and_none_comes_twice() {
        let read = parameters("client_id=a&state=&state=s&scope=x&scope=y").unwrap();
        assert_eq!((read.client_id.as_deref(), read.state.as_deref()), (Some("a"), Some("s")));
        assert_eq!(read.redirect_uri, None);
        assert!(parameters("redirect_uri=https://a.example&redirect_uri=https://b.example").is_err());
        assert!(parameters(&format!("state={}", "s".repeat(NEXT_MAX))).is_err());
    }

    #[test]
    fn the_person_reads_what_is_wrong_in_our_words() {
        let to =
            "https://a.example/?error_description=Fine&error=invalid_request&error_description=Wrong.&iss=x";
        assert_eq!(description(to).as_deref(), Some("Wrong."));
    }
}
