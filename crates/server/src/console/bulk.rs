//! Revoking several keys at once: chosen in the list, confirmed in a dialog, revoked all or none.

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use keystead_domain::{ApiKey, Error, Field, KeyId};

use super::fields::Fields;
use super::forms::Posted;
use super::html::{PageError, see_other};
use super::keys::{render, show};
use super::list::{ListQuery, time};
use super::place::KeysVisit;
use super::view::{ChosenKey, Dialog, Notice, RevokeManyForm, Tone};

/// What one page and one dialog can show.
const AT_ONCE: usize = 100;

/// `GET /settings/api-keys/revoke?id=…&id=…`.
pub(crate) async fn revoke_page(
    visit: KeysVisit,
    query: ListQuery,
    Query(fields): Query<Fields>,
) -> Result<Response, PageError> {
    let ids = match chosen(&fields) {
        Ok(ids) => ids,
        Err(why) => return refused(&visit, &query, &why).await,
    };
    let keys = still_there(&visit, &ids).await?;
    let form = form(&visit, &query, &keys, ids.len() - keys.len());
    show(&visit, &query, Some(Dialog::RevokeMany(form)), StatusCode::OK).await
}

/// `POST /settings/api-keys/revoke`.
pub(crate) async fn revoke(
    visit: KeysVisit,
    query: ListQuery,
    Posted(fields): Posted<Fields>,
) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    let ids = match chosen(&fields) {
        Ok(ids) => ids,
        Err(why) => return refused(&visit, &query, &why).await,
    };
    let typed = fields.text("confirm")?;
    let revoked = match ApiKey::check_typed_count(ids.len(), typed) {
        Ok(()) => visit.app().revoke_keys(visit.actor(), &ids).await,
        Err(why) => Err(why),
    };
    let (error, status) = match revoked {
        Ok(_) => return Ok(see_other(&query.after_revoking_many())),
        Err(why @ Error::Invalid { .. }) => (why.to_string(), crate::problem::status(&why)),
        // One went meanwhile: how many there are is to be looked at again.
        Err(Error::NotFound(_)) => (
            "Nothing was revoked: not all of these keys are there any more.".to_owned(),
            StatusCode::CONFLICT,
        ),
        Err(other) => return Err(other.into()),
    };
    let keys = still_there(&visit, &ids).await?;
    let form = RevokeManyForm {
        typed: typed.to_owned(),
        error: Some(error),
        ..form(&visit, &query, &keys, ids.len() - keys.len())
    };
    show(&visit, &query, Some(Dialog::RevokeMany(form)), status).await
}

/// Those of the keys that are still there, all of which the actor may revoke.
async fn still_there(visit: &KeysVisit, ids: &[KeyId]) -> Result<Vec<ApiKey>, Error> {
    let mut keys = Vec::with_capacity(ids.len());
    for id in ids {
        match visit.app().key(visit.actor(), *id).await {
            Ok(key) => keys.push(key),
            Err(Error::NotFound(_)) => {}
            Err(other) => return Err(other),
        }
    }
    if keys.is_empty() {
        return Err(Error::NotFound("API key"));
    }
    keys.iter().try_for_each(|key| visit.actor().check_may_revoke(key))?;
    Ok(keys)
}

/// The keys that were chosen, each once.
fn chosen(fields: &Fields) -> Result<Vec<KeyId>, Error> {
    let mut ids = Vec::new();
    for value in fields.all("id") {
        let id = value.parse().map_err(|_| Error::NotFound("API key"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    match ids.len() {
        0 => Err(Error::invalid(Field::Ids, "Choose the keys first: tick the boxes before their names.")),
        1..=AT_ONCE => Ok(ids),
        _ => Err(Error::invalid(Field::Ids, format!("Choose at most {AT_ONCE} keys at a time."))),
    }
}

/// The list with what was wrong with the choice.
async fn refused(visit: &KeysVisit, query: &ListQuery, why: &Error) -> Result<Response, PageError> {
    let mut list = query.load(visit).await?;
    list.notice = Some(Notice { tone: Tone::Warning, text: why.to_string() });
    render(visit, list, None, crate::problem::status(why)).await
}

fn form(visit: &KeysVisit, query: &ListQuery, keys: &[ApiKey], gone: usize) -> RevokeManyForm {
    let (now, own) = (visit.now(), visit.actor().user().id);
    let chosen = |key: &ApiKey| ChosenKey {
        id: key.id.to_string(),
        name: key.name.to_string(),
        masked_token: key.masked.to_string(),
        creator: (key.creator != own).then(|| key.creator_name.clone()),
        recent_use: key.recent_use(now).map(time),
    };
    RevokeManyForm {
        action: query.revoke_many(),
        close: query.list(),
        keys: keys.iter().map(chosen).collect(),
        gone,
        typed: String::new(),
        error: None,
    }
}
