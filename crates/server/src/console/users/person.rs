//! One user's page.

use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use keystead_app::Person;
use keystead_domain::{Actor, ApiKey, Error, Permission, UserId};
use serde::Deserialize;

use super::list::{held_roles, standing};
use super::{address, user_id};
use crate::console::html::{PageError, page};
use crate::console::list::{shown, time};
use crate::console::roles::offered;
use crate::console::view::{
    Fact, KeysOfUser, Notice, OwnedKey, Tone, UserAction, UserDialog, UserPage, UserView,
};
use crate::console::visit::SignedIn;

/// Keys a page.
const PAGE: i64 = 50;

/// The parameters of the page.
#[derive(Default, Deserialize)]
pub(crate) struct PersonQuery {
    /// Where the list of keys goes on.
    #[serde(default)]
    after: String,
    /// What was just done.
    #[serde(default)]
    done: String,
}

/// The page after something was done to the user.
pub(super) fn after_doing(id: UserId, what: &str) -> String {
    address(id, &format!("?done={what}"))
}

/// `GET /settings/users/{user}`.
pub(crate) async fn user_page(
    visit: SignedIn,
    Path(id): Path<String>,
    Query(query): Query<PersonQuery>,
) -> Result<Response, PageError> {
    let person = visit.app().user(&visit.actor, user_id(&id)?).await?;
    show(&visit, person, &query, None, StatusCode::OK).await
}

/// The page with a dialog over it, or without.
pub(super) async fn show(
    visit: &SignedIn,
    person: Person,
    query: &PersonQuery,
    dialog: Option<UserDialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let state = visit.app().organization(&visit.actor)?;
    let keys = keys(visit, &person, query).await?;
    let Person { user, last_seen_at, attributes, .. } = &person;
    let view = UserView {
        name: user.name.to_string(),
        email: user.email.to_string(),
        own: user.id == visit.actor.user().id,
        standing: standing(&person),
        roles: held_roles(user, &state),
        groups: user.groups().iter().map(|group| group.name.to_string()).collect(),
        attributes: attributes
            .iter()
            .map(|(key, value)| Fact { key: key.to_owned(), value: value.to_owned() })
            .collect(),
        everything: user.permissions().is_everything(),
        permissions: user.permissions().iter().map(Permission::to_string).collect(),
        added: time(user.created_at),
        last_seen: last_seen_at.map(time),
        edit: offered(check_may_change(&visit.actor, &person), || address(user.id, "/edit")),
        actions: actions(&visit.actor, &person),
    };
    let notice = query.notice();
    Ok(page(status, &UserPage { shell: visit.shell().await?, user: view, keys, notice, dialog }))
}

pub(super) fn check_may_change(actor: &Actor, person: &Person) -> Result<(), Error> {
    actor.manage_people()?.user(&person.user).map(drop)
}

/// What can be done to a user as they are; what cannot says why.
fn actions(actor: &Actor, person: &Person) -> Vec<UserAction> {
    let id = person.user.id;
    let may_change = check_may_change(actor, person);
    let may_revoke = actor.revocable_keys_of(&person.user).map(drop);
    let deed = |id_: &'static str, label, about, danger, allowed: &Result<(), Error>| UserAction {
        id: id_,
        label,
        about,
        danger,
        action: offered(allowed.clone(), || address(id, &format!("/{id_}"))),
    };
    let way_in = if person.is_pending() {
        deed(
            "invite-again",
            "Invite again",
            "Makes a new one-time link. Those given before no longer work.",
            false,
            &may_change,
        )
    } else {
        deed(
            "reset-password",
            "Reset password",
            "Makes a one-time link by which they choose a new password.",
            false,
            &may_change,
        )
    };
    let activity = if person.user.active {
        deed(
            "deactivate",
            "Deactivate",
            "Signs them out and stops their keys at once. Reactivating brings the keys back.",
            true,
            &may_change,
        )
    } else {
        deed(
            "reactivate",
            "Reactivate",
            "Lets them sign in again. Their keys work again.",
            false,
            &may_change,
        )
    };
    vec![
        way_in,
        activity,
        deed("revoke-keys", "Revoke all keys", "Ends every key that they made, for good.", true, &may_revoke),
        deed("delete", "Delete", "Removes the user and revokes their keys, for good.", true, &may_change),
    ]
}

async fn keys(visit: &SignedIn, person: &Person, query: &PersonQuery) -> Result<KeysOfUser, Error> {
    let after = Some(query.after.as_str()).filter(|after| !after.is_empty());
    let list = match visit.app().keys_of(&visit.actor, &person.user, PAGE, after).await {
        Ok(list) => list,
        Err(Error::Forbidden(why)) => return Ok(KeysOfUser::Refused(why)),
        Err(other) => return Err(other),
    };
    let now = visit.now();
    let owned = |key: &ApiKey| OwnedKey {
        name: key.name.to_string(),
        description: key.description.to_string(),
        masked_token: key.masked.to_string(),
        status: shown(key.status(now)),
        impersonator: key.allow_impersonation,
        last_used: key.last_used_at.map(time),
        expires: key.expires_at.map(time),
    };
    let next = list.cursors.last().filter(|_| list.has_more);
    Ok(KeysOfUser::Shown {
        rows: list.keys.iter().map(owned).collect(),
        first: after.map(|_| address(person.user.id, "")),
        next: next.map(|cursor| {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("after", cursor).finish();
            address(person.user.id, &format!("?{query}"))
        }),
    })
}

impl PersonQuery {
    fn notice(&self) -> Option<Notice> {
        let text = match self.done.as_str() {
            "updated" => "The changes were saved. They hold for their keys, too.",
            "deactivated" => "Deactivated. They are signed out, and their keys no longer work.",
            "reactivated" => "Reactivated. They can sign in, and their keys work again.",
            "keys-revoked" => "Their keys were revoked. They no longer work.",
            "link-made" => "The link is ready. It works once.",
            _ => return None,
        };
        Some(Notice { tone: Tone::Good, text: text.to_owned() })
    }
}
