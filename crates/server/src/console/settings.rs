//! The settings page, the organization's name and its policy for keys.

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use keystead_domain::{Error, Expiration, KeyPolicy, OrganizationName, PolicyMessage};
use serde::Deserialize;

use super::fields::Fields;
use super::forms::{Posted, field_error};
use super::html::{self, PageError, page, see_other};
use super::view::{ConfirmForm, KeyPolicyPage, Notice, PolicyChoice, RenameForm, SettingsPage};
use super::visit::SignedIn;
use crate::problem;

/// What was just done, in the address that a form leads to.
#[derive(Deserialize, Default)]
pub(crate) struct Done {
    #[serde(default, rename = "done")]
    what: String,
    /// What it was done to, to mark its row.
    #[serde(default)]
    pub(super) fresh: String,
    #[serde(default)]
    waited: String,
}

impl Done {
    /// What a page says of it, from its own words for what can be done there.
    pub(super) fn notice(&self, words: &[(&str, &str)]) -> Option<Notice> {
        let said = words.iter().find(|(done, _)| *done == self.what)?.1;
        Some(html::done(said, &self.waited))
    }
}

/// The typed name of a dialog that asks for it.
#[derive(Deserialize)]
pub(crate) struct Confirmation {
    pub(super) csrf: String,
    pub(super) confirm_name: String,
}

impl Confirmation {
    /// The dialog again, with why it was not done, if that can be said there.
    pub(super) fn refused(self, error: Error, form: ConfirmForm) -> Result<(ConfirmForm, StatusCode), Error> {
        let status = problem::status(&error);
        let message = match error {
            Error::Invalid { message, .. } | Error::Conflict(message) | Error::Forbidden(message) => message,
            other => return Err(other),
        };
        Ok((ConfirmForm { typed: self.confirm_name, error: Some(message), ..form }, status))
    }
}

/// `GET /settings`.
pub(crate) async fn settings_page(visit: SignedIn, Query(done): Query<Done>) -> Result<Response, PageError> {
    let name = visit.app().organization(&visit.actor)?.organization.name.to_string();
    show(&visit, name, None, done.notice(&[("renamed", "The organization was renamed.")]), StatusCode::OK)
        .await
}

async fn show(
    visit: &SignedIn,
    name: String,
    error: Option<String>,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let rename = visit.actor.settings().is_ok().then_some(RenameForm { name, error });
    Ok(page(status, &SettingsPage { shell: visit.shell().await?, rename, notice }))
}

#[derive(Deserialize)]
pub(crate) struct RenameFields {
    csrf: String,
    name: String,
}

/// `POST /settings/organization`.
pub(crate) async fn rename(
    visit: SignedIn,
    Posted(fields): Posted<RenameFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    visit.actor.settings()?;
    let mut error = None;
    let Some(name) = field_error(OrganizationName::parse(&fields.name), &mut error)? else {
        return show(&visit, fields.name, error, None, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    visit.app().rename_organization(&visit.actor, &name).await?;
    Ok(see_other("/settings?done=renamed"))
}

/// `GET /settings/key-policy`.
pub(crate) async fn policy_page(visit: SignedIn, Query(done): Query<Done>) -> Result<Response, PageError> {
    visit.actor.settings()?;
    let policy = &visit.app().organization(&visit.actor)?.policy;
    let typed = TypedPolicy {
        longest: policy.longest,
        keys_may_create_keys: policy.keys_may_create_keys,
        closed: policy.closed.is_some(),
        message: policy.closed.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let notice =
        done.notice(&[("saved", "The policy was saved. It holds for every key that is made from now on.")]);
    show_policy(&visit, typed, None, notice, StatusCode::OK).await
}

struct TypedPolicy {
    longest: Expiration,
    keys_may_create_keys: bool,
    closed: bool,
    message: String,
}

async fn show_policy(
    visit: &SignedIn,
    typed: TypedPolicy,
    message_error: Option<String>,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let choice = |expiration: Expiration| PolicyChoice {
        value: expiration.code(),
        label: match expiration {
            Expiration::Never => "No limit (Never is offered)",
            bound => bound.label(),
        },
        chosen: expiration == typed.longest,
    };
    let template = KeyPolicyPage {
        shell: visit.shell().await?,
        longest: Expiration::ALL.map(choice).into(),
        keys_may_create_keys: typed.keys_may_create_keys,
        closed: typed.closed,
        message: typed.message,
        message_error,
        notice,
    };
    Ok(page(status, &template))
}

/// `POST /settings/key-policy`.
pub(crate) async fn save_policy(
    visit: SignedIn,
    Posted(fields): Posted<Fields>,
) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    visit.actor.settings()?;
    let typed = TypedPolicy {
        longest: Expiration::parse(fields.text("longest")?)?,
        keys_may_create_keys: fields.has("keys_may_create_keys"),
        closed: fields.has("closed"),
        message: fields.text("message")?.to_owned(),
    };
    let mut error = None;
    let closed =
        if typed.closed { field_error(PolicyMessage::parse(&typed.message), &mut error)? } else { None };
    if error.is_some() {
        return show_policy(&visit, typed, error, None, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let policy =
        KeyPolicy { longest: typed.longest, keys_may_create_keys: typed.keys_may_create_keys, closed };
    visit.app().set_key_policy(&visit.actor, &policy).await?;
    Ok(see_other("/settings/key-policy?done=saved"))
}
