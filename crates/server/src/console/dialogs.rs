//! The dialogs of the API Keys page: create, edit, revoke, end sessions. Each is an address of its own.

use std::slice;

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use keystead_app::{CreatedKey, KeyInput};
use keystead_domain::{ApiKey, Description, Error, Expiration, Field, KeyId, KeyName, KeyPolicy};
use serde::Deserialize;

use super::forms::{Posted, field_error};
use super::html::{PageError, see_other};
use super::keys::show;
use super::list::{ListQuery, time};
use super::place::KeysVisit;
use super::view::{
    AlreadyCreated, Closed, Count, CreateErrors, CreateForm, Created, Dialog, EditErrors, EditForm,
    EditRefused, EndSessionsForm, ExpirationChoice, RevokeForm,
};
use crate::observe::NotCompressed;

#[derive(Deserialize)]
pub(crate) struct CreateFields {
    #[serde(default)]
    csrf: String,
    request_id: String,
    name: String,
    #[serde(default)]
    description: String,
    expiration: String,
    #[serde(default)]
    allow_impersonation: String,
}

/// `GET /settings/api-keys/new`.
pub(crate) async fn create_page(visit: KeysVisit, query: ListQuery) -> Result<Response, PageError> {
    let fields = CreateFields {
        csrf: String::new(),
        request_id: hex(visit.app().random::<16>()?),
        name: String::new(),
        description: String::new(),
        expiration: visit.app().organization(visit.actor())?.policy.usual().code().to_owned(),
        allow_impersonation: String::new(),
    };
    let dialog = create_dialog(&visit, &query, fields, CreateErrors::default())?;
    show(&visit, &query, Some(dialog), StatusCode::OK).await
}

/// The form of a new key; while nobody can create one, why.
fn create_dialog(
    visit: &KeysVisit,
    query: &ListQuery,
    fields: CreateFields,
    errors: CreateErrors,
) -> Result<Dialog, Error> {
    let policy = &visit.app().organization(visit.actor())?.policy;
    let may = visit.app().issuing().check().and_then(|()| visit.actor().check_may_create_keys(policy));
    Ok(match may {
        Ok(()) => Dialog::Create(create_form(visit, query, policy, fields, errors)),
        Err(why) => Dialog::Closed(Closed {
            reason: why.to_string(),
            for_everybody: visit.app().issuing().check().is_ok() && policy.closed.is_some(),
            close: query.list(),
        }),
    })
}

/// `POST /settings/api-keys/new`: answers with the token, in this answer and nowhere else (promise 2). Sending the form again
/// makes no second key.
pub(crate) async fn create(
    visit: KeysVisit,
    query: ListQuery,
    Posted(fields): Posted<CreateFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let mut errors = CreateErrors::default();
    let name = field_error(KeyName::parse(&fields.name), &mut errors.name)?;
    let description = field_error(Description::parse(&fields.description), &mut errors.description)?;
    let expiration = field_error(Expiration::parse(&fields.expiration), &mut errors.expiration)?;
    let (Some(name), Some(description), Some(expiration)) = (name, description, expiration) else {
        let dialog = create_dialog(&visit, &query, fields, errors)?;
        return show(&visit, &query, Some(dialog), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let input = KeyInput {
        name,
        description,
        expiration,
        allow_impersonation: switched_on(&fields),
        request_id: Some(request_id(&fields.request_id)?),
    };
    let created = match visit.app().create_key(visit.actor(), &input).await {
        Ok(created) => created,
        Err(error) => {
            let status = crate::problem::status(&error);
            match error {
                Error::Invalid { field: Field::Expiration, message } => errors.expiration = Some(message),
                Error::Conflict(message) => errors.form = Some(message),
                // The dialog says so.
                Error::IssuingStopped => {}
                other => return Err(other.into()),
            }
            let dialog = create_dialog(&visit, &query, fields, errors)?;
            return show(&visit, &query, Some(dialog), status).await;
        }
    };
    let mut response =
        show(&visit, &query.start(), Some(created_dialog(&visit, &query, created)), StatusCode::OK).await?;
    // A page that carries a secret is not compressed: its length must tell nothing of its content.
    response.extensions_mut().insert(NotCompressed);
    Ok(response)
}

fn created_dialog(visit: &KeysVisit, query: &ListQuery, CreatedKey { key, token }: CreatedKey) -> Dialog {
    let close = query.after_creating(key.id);
    match token {
        Some(token) => Dialog::Created(Created {
            name: key.name.to_string(),
            snippets: if key.allow_impersonation {
                let email = visit.actor().user().email.as_str();
                visit.setting().of_impersonation_key(token.expose(), email)
            } else {
                visit.setting().of_key(token.expose())
            },
            token: token.expose().to_owned(),
            expires: key.expires_at.map(time),
            impersonator: key.allow_impersonation,
            close,
        }),
        None => Dialog::AlreadyCreated(AlreadyCreated {
            name: key.name.to_string(),
            masked_token: key.masked.to_string(),
            revoke: query.revoke(key.id),
            create: query.create(),
            close,
        }),
    }
}

fn create_form(
    visit: &KeysVisit,
    query: &ListQuery,
    policy: &KeyPolicy,
    fields: CreateFields,
    errors: CreateErrors,
) -> CreateForm {
    let now = visit.now();
    let offered = visit.actor().may_grant_impersonation(visit.app().deployment().impersonation);
    let typed = Expiration::parse(&fields.expiration).ok();
    let chosen = typed.filter(|expiration| policy.allows(*expiration)).unwrap_or_else(|| policy.usual());
    let choice = |expiration: Expiration| ExpirationChoice {
        value: expiration.code().to_owned(),
        label: expiration.label().to_owned(),
        expires: expiration.expires_at(now).map(time),
        chosen: expiration == chosen,
        allowed: policy.allows(expiration),
    };
    CreateForm {
        action: query.create(),
        close: query.list(),
        expirations: Expiration::ALL.map(choice).into(),
        bound: Expiration::ALL.iter().any(|expiration| !policy.allows(*expiration)).then(|| policy.reason()),
        impersonation: offered.then(|| switched_on(&fields)),
        request_id: fields.request_id,
        name: fields.name,
        description: fields.description,
        errors,
    }
}

fn switched_on(fields: &CreateFields) -> bool {
    !fields.allow_impersonation.is_empty()
}

#[derive(Deserialize)]
pub(crate) struct EditFields {
    #[serde(default)]
    csrf: String,
    name: String,
    #[serde(default)]
    description: String,
}

/// `GET /settings/api-keys/{id}/edit`.
pub(crate) async fn edit_page(
    visit: KeysVisit,
    Path(id): Path<String>,
    query: ListQuery,
) -> Result<Response, PageError> {
    let key = visit.app().key(visit.actor(), key_id(&id)?).await?;
    let dialog = match visit.actor().check_may_edit(&key, visit.now()) {
        Ok(()) => Dialog::Edit(edit_form(
            &query,
            &key,
            key.name.to_string(),
            key.description.to_string(),
            EditErrors::default(),
        )),
        Err(why) => edit_refused(&query, &key, &why),
    };
    show(&visit, &query, Some(dialog), StatusCode::OK).await
}

/// `POST /settings/api-keys/{id}/edit`.
pub(crate) async fn edit(
    visit: KeysVisit,
    Path(id): Path<String>,
    query: ListQuery,
    Posted(fields): Posted<EditFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let id = key_id(&id)?;
    let mut errors = EditErrors::default();
    let name = field_error(KeyName::parse(&fields.name), &mut errors.name)?;
    let description = field_error(Description::parse(&fields.description), &mut errors.description)?;
    let (Some(name), Some(description)) = (name, description) else {
        let key = visit.app().key(visit.actor(), id).await?;
        let form = edit_form(&query, &key, fields.name, fields.description, errors);
        return show(&visit, &query, Some(Dialog::Edit(form)), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    match visit.app().update_key(visit.actor(), id, Some(name), Some(description)).await {
        Ok(key) => Ok(see_other(&query.after_doing("updated", key.id))),
        Err(why @ (Error::Conflict(_) | Error::Forbidden(_))) => {
            let key = visit.app().key(visit.actor(), id).await?;
            let status = crate::problem::status(&why);
            show(&visit, &query, Some(edit_refused(&query, &key, &why)), status).await
        }
        Err(other) => Err(other.into()),
    }
}

fn edit_form(
    query: &ListQuery,
    key: &ApiKey,
    name: String,
    description: String,
    errors: EditErrors,
) -> EditForm {
    EditForm {
        action: query.edit(key.id),
        close: query.list(),
        name,
        description,
        masked_token: key.masked.to_string(),
        expires: key.expires_at.map(time),
        errors,
    }
}

fn edit_refused(query: &ListQuery, key: &ApiKey, why: &Error) -> Dialog {
    Dialog::EditRefused(EditRefused {
        name: key.name.to_string(),
        masked_token: key.masked.to_string(),
        reason: why.to_string(),
        create: query.create(),
        close: query.list(),
    })
}

#[derive(Deserialize)]
pub(crate) struct RevokeFields {
    #[serde(default)]
    csrf: String,
    confirm_name: String,
}

/// `GET /settings/api-keys/{id}/revoke`.
pub(crate) async fn revoke_page(
    visit: KeysVisit,
    Path(id): Path<String>,
    query: ListQuery,
) -> Result<Response, PageError> {
    let key = visit.app().key(visit.actor(), key_id(&id)?).await?;
    visit.actor().check_may_revoke(&key)?;
    let form = revoke_form(&visit, &query, &key, String::new(), None);
    show(&visit, &query, Some(Dialog::Revoke(form)), StatusCode::OK).await
}

/// `POST /settings/api-keys/{id}/revoke`.
pub(crate) async fn revoke(
    visit: KeysVisit,
    Path(id): Path<String>,
    query: ListQuery,
    Posted(fields): Posted<RevokeFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let id = key_id(&id)?;
    match visit.app().revoke_key(visit.actor(), id, Some(&fields.confirm_name)).await {
        Ok(key) => Ok(see_other(&query.after_doing("revoked", key.id))),
        Err(Error::Invalid { field: Field::ConfirmName, message }) => {
            let key = visit.app().key(visit.actor(), id).await?;
            let form = revoke_form(&visit, &query, &key, fields.confirm_name, Some(message));
            show(&visit, &query, Some(Dialog::Revoke(form)), StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

fn revoke_form(
    visit: &KeysVisit,
    query: &ListQuery,
    key: &ApiKey,
    typed: String,
    error: Option<String>,
) -> RevokeForm {
    let now: Timestamp = visit.now();
    RevokeForm {
        action: query.revoke(key.id),
        close: query.list(),
        name: key.name.to_string(),
        masked_token: key.masked.to_string(),
        creator: (key.creator != visit.actor().user().id).then(|| key.creator_name.clone()),
        recent_use: key.recent_use(now).map(time),
        typed,
        error,
    }
}

#[derive(Deserialize)]
pub(crate) struct EndSessionsFields {
    #[serde(default)]
    csrf: String,
}

/// `GET /settings/api-keys/{id}/end-sessions`.
pub(crate) async fn end_sessions_page(
    visit: KeysVisit,
    Path(id): Path<String>,
    query: ListQuery,
) -> Result<Response, PageError> {
    let key = visit.app().key(visit.actor(), key_id(&id)?).await?;
    visit.actor().check_may_revoke(&key)?;
    let sessions = visit.app().key_sessions(visit.actor(), slice::from_ref(&key)).await?;
    let Some(sessions) = sessions.get(&key.id) else {
        return Err(Error::NotFound("page").into());
    };
    let form = EndSessionsForm {
        action: query.end_sessions(key.id),
        close: query.list(),
        name: key.name.to_string(),
        masked_token: key.masked.to_string(),
        creator: (key.creator != visit.actor().user().id).then(|| key.creator_name.clone()),
        live: Count(sessions.live),
    };
    show(&visit, &query, Some(Dialog::EndSessions(form)), StatusCode::OK).await
}

/// `POST /settings/api-keys/{id}/end-sessions`.
pub(crate) async fn end_sessions(
    visit: KeysVisit,
    Path(id): Path<String>,
    query: ListQuery,
    Posted(fields): Posted<EndSessionsFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let key = visit.app().end_sessions(visit.actor(), key_id(&id)?).await?;
    Ok(see_other(&query.after_doing("ended-sessions", key.id)))
}

/// An id in an address. What cannot be an id is as unknown as what is none.
fn key_id(text: &str) -> Result<KeyId, Error> {
    text.parse().map_err(|_| Error::NotFound("API key"))
}

fn hex(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

fn request_id(text: &str) -> Result<[u8; 16], Error> {
    let number =
        Some(text).filter(|text| text.len() == 32).and_then(|text| u128::from_str_radix(text, 16).ok());
    number
        .map(u128::to_be_bytes)
        .ok_or_else(|| Error::invalid(Field::RequestId, "Reload the page and fill in the form again."))
}
