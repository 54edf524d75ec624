//! The page of one group: its roles, its members, and its dialogs.

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use keystead_domain::{Email, Error, Field, Group, GroupId, Standing, User, UserId};
use serde::Deserialize;

use super::fields::Fields;
use super::forms::{Posted, field_error};
use super::groups::{Errors, LIST, Typed, address, form, held};
use super::html::{PageError, page, see_other};
use super::roles::offered;
use super::settings::{Confirmation, Done};
use super::view::{AddMember, ConfirmForm, GroupDialog, GroupPage, MemberRow};
use super::visit::SignedIn;
use crate::problem;

const DONE: &[(&str, &str)] = &[
    ("created", "The group was created. Now add its members."),
    ("updated", "The changes were saved. They hold for every member."),
    ("added", "The member was added, and inherits the group’s roles from now on."),
    ("removed", "The member was removed, and no longer inherits the group’s roles."),
];

/// `GET /settings/groups/{id}`.
pub(crate) async fn group_page(
    visit: SignedIn,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, PageError> {
    let group = find(&visit, &id)?;
    show(&visit, &group, &done, Add::default(), None, StatusCode::OK).await
}

/// What was typed into *Add a member*, and what is wrong with it.
#[derive(Default)]
struct Add {
    email: String,
    error: Option<String>,
}

fn find(visit: &SignedIn, id: &str) -> Result<Arc<Group>, Error> {
    visit.actor.people()?;
    let id: GroupId = id.parse().map_err(|_| Error::NotFound("group"))?;
    visit.app().organization(&visit.actor)?.find_group(id).cloned()
}

/// Whether the actor may change the group and who belongs to it.
fn check_changeable(visit: &SignedIn, group: &Group) -> Result<(), Error> {
    let state = visit.app().organization(&visit.actor)?;
    visit.actor.manage_people()?.check_member(group, &state.roles)
}

async fn show(
    visit: &SignedIn,
    group: &Group,
    done: &Done,
    add: Add,
    dialog: Option<GroupDialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let (members, count) = visit.app().group_members(&visit.actor, group.id).await?;
    let state = visit.app().organization(&visit.actor)?;
    let changeable = || check_changeable(visit, group);
    let template = GroupPage {
        shell: visit.shell().await?,
        name: group.name.to_string(),
        roles: held(group, &state),
        edit: offered(changeable(), || format!("{}/edit", address(group))),
        delete: offered(changeable(), || format!("{}/delete", address(group))),
        members: members.iter().map(|user| member(visit, group, user)).collect(),
        count,
        add: AddMember {
            action: offered(changeable(), || format!("{}/members", address(group))),
            email: add.email,
            error: add.error,
        },
        notice: done.notice(DONE),
        dialog,
    };
    Ok(page(status, &template))
}

fn member(visit: &SignedIn, group: &Group, user: &User) -> MemberRow {
    let removable = || {
        visit.actor.manage_people()?.user(user)?;
        check_changeable(visit, group)
    };
    MemberRow {
        name: user.name.to_string(),
        email: user.email.to_string(),
        standing: match user.standing() {
            Standing::Active => None,
            Standing::Deactivated => Some("Deactivated"),
            Standing::NotAdmitted => Some("Not admitted by Email Access Control"),
            Standing::Archived => Some("Archived"),
        },
        remove: offered(removable(), || format!("{}/members/{}/remove", address(group), user.id)),
    }
}

#[derive(Deserialize)]
pub(crate) struct MemberFields {
    csrf: String,
    email: String,
}

/// `POST /settings/groups/{id}/members`.
pub(crate) async fn add(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<MemberFields>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    visit.actor.manage_people()?;
    let group = find(&visit, &id)?;
    let mut error = None;
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(email) = field_error(Email::parse(&fields.email), &mut error)? {
        match visit.app().add_group_member(&visit.actor, group.id, &email).await {
            Ok(_) => return Ok(see_other(&format!("{}?done=added", address(&group)))),
            Err(why) => {
                status = problem::status(&why);
                error = match why {
                    Error::Invalid { field: Field::Email, message }
                    | Error::Forbidden(message)
                    | Error::Conflict(message) => Some(message),
                    other => return Err(other.into()),
                };
            }
        }
    }
    show(&visit, &group, &Done::default(), Add { email: fields.email, error }, None, status).await
}

/// `POST /settings/groups/{id}/members/{user}/remove`.
pub(crate) async fn remove(
    visit: SignedIn,
    Path((id, user)): Path<(String, String)>,
    Posted(fields): Posted<Fields>,
) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    visit.actor.manage_people()?;
    let group = find(&visit, &id)?;
    let user: UserId = user.parse().map_err(|_| Error::NotFound("user"))?;
    visit.app().remove_group_member(&visit.actor, group.id, user).await?;
    Ok(see_other(&format!("{}?done=removed", address(&group))))
}

/// `GET /settings/groups/{id}/edit`.
pub(crate) async fn edit_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    let group = find(&visit, &id)?;
    check_changeable(&visit, &group)?;
    let form = form(&visit, Some(&group), Typed::from_group(&group), Errors::default())?;
    show_dialog(&visit, &group, GroupDialog::Edit(form), StatusCode::OK).await
}

async fn show_dialog(
    visit: &SignedIn,
    group: &Group,
    dialog: GroupDialog,
    status: StatusCode,
) -> Result<Response, PageError> {
    show(visit, group, &Done::default(), Add::default(), Some(dialog), status).await
}

/// `POST /settings/groups/{id}/edit`.
pub(crate) async fn edit(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<Fields>,
) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    visit.actor.manage_people()?;
    let group = find(&visit, &id)?;
    let typed = Typed::of(&fields)?;
    let mut errors = Errors::default();
    let status = match typed.parse(&mut errors)? {
        None => StatusCode::UNPROCESSABLE_ENTITY,
        Some((name, assignments)) => {
            match visit.app().update_group(&visit.actor, group.id, name, assignments).await {
                Ok(group) => return Ok(see_other(&format!("{}?done=updated", address(&group)))),
                Err(error) => {
                    let status = problem::status(&error);
                    errors.take(error)?;
                    status
                }
            }
        }
    };
    let form = form(&visit, Some(&group), typed, errors)?;
    show_dialog(&visit, &group, GroupDialog::Edit(form), status).await
}

fn delete_form(group: &Group) -> ConfirmForm {
    ConfirmForm {
        title: "Delete this group?",
        consequence: "Its members stay, and no longer inherit its roles: what those let them and their keys do ends at once. This cannot be undone.".to_owned(),
        kind: "group",
        name: group.name.to_string(),
        verb: "Delete",
        danger: true,
        action: format!("{}/delete", address(group)),
        close: address(group),
        typed: String::new(),
        error: None,
    }
}

/// `GET /settings/groups/{id}/delete`.
pub(crate) async fn delete_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    let group = find(&visit, &id)?;
    check_changeable(&visit, &group)?;
    show_dialog(&visit, &group, GroupDialog::Delete(delete_form(&group)), StatusCode::OK).await
}

/// `POST /settings/groups/{id}/delete`.
pub(crate) async fn delete(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<Confirmation>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    visit.actor.manage_people()?;
    let group = find(&visit, &id)?;
    let deleted = match group.name.check_typed(&fields.confirm_name) {
        Ok(()) => visit.app().delete_group(&visit.actor, group.id).await.map(drop),
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => Ok(see_other(&format!("{LIST}?done=deleted"))),
        Err(error) => {
            let (form, status) = fields.refused(error, delete_form(&group))?;
            show_dialog(&visit, &group, GroupDialog::Delete(form), status).await
        }
    }
}
