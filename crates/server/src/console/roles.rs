//! The page of roles, and its dialogs.

use std::collections::BTreeSet;

use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use keystead_app::RoleInput;
use keystead_domain::{Actor, Description, Error, Field, Permission, Role, RoleId, RoleName, RoleOrigin};

use super::fields::Fields;
use super::forms::{Posted, field_error};
use super::html::{PageError, page, see_other};
use super::settings::{Confirmation, Done};
use super::view::{
    Action, Chip, ChipField, ConfirmForm, Notice, PermissionChoice, RoleDialog, RoleForm, RoleRow, RolesPage,
};
use super::visit::SignedIn;
use crate::problem;

const LIST: &str = "/settings/roles";
const NEW: &str = "/settings/roles/new";

const DONE: &[(&str, &str)] = &[
    ("created", "The role was created. It can be given to users and groups."),
    ("updated", "The changes were saved. They hold for everyone who has the role."),
    ("deleted", "The role was deleted. Nobody holds it any more."),
];

/// Keystead's own permissions in words, and what to think of before giving one.
static WORDS: [(Permission, &str, &str); 8] = [
    (Permission::KEYS_READ_ALL, "See everyone’s keys", "The list of all keys, never their tokens."),
    (Permission::KEYS_REVOKE_ALL, "Revoke everyone’s keys", "Whatever uses a revoked key stops at once."),
    (
        Permission::IMPERSONATION_GRANT,
        "Create impersonation keys",
        "Such a key acts as any user of the organization.",
    ),
    (Permission::IAM_READ, "See users, roles and groups", "Names, addresses and what each may do."),
    (
        Permission::IAM_WRITE,
        "Change users, roles and groups",
        "As far as their own permissions go, and no further.",
    ),
    (Permission::AUDIT_READ, "Read the audit log", "Who did what, when and from where."),
    (
        Permission::SETTINGS_WRITE,
        "Change settings",
        "The organization’s name, who is let in by e-mail address, and the policy for keys.",
    ),
    (
        Permission::ORGANIZATIONS_MANAGE,
        "Manage organizations",
        "Make and archive the organizations of this server.",
    ),
];

/// `GET /settings/roles`.
pub(crate) async fn list_page(visit: SignedIn, Query(done): Query<Done>) -> Result<Response, PageError> {
    show(&visit, &done, None, StatusCode::OK).await
}

async fn show(
    visit: &SignedIn,
    done: &Done,
    dialog: Option<RoleDialog>,
    status: StatusCode,
) -> Result<Response, PageError> {
    visit.actor.people()?;
    let state = visit.app().organization(&visit.actor)?;
    let notice: Option<Notice> = done.notice(DONE);
    let roles = state.roles.list().into_iter().map(|role| row(&visit.actor, role, &done.fresh)).collect();
    let create = offered(visit.actor.manage_people().map(drop), || NEW.to_owned());
    Ok(page(status, &RolesPage { shell: visit.shell().await?, roles, create, notice, dialog }))
}

/// An entry that leads somewhere, or why it does not.
pub(super) fn offered(allowed: Result<(), Error>, path: impl FnOnce() -> String) -> Action {
    match allowed {
        Ok(()) => Action::Open(path()),
        Err(why) => Action::Refused(why.to_string()),
    }
}

fn row(actor: &Actor, role: &Role, fresh: &str) -> RoleRow {
    let allowed = || role.own_id().and_then(|_| actor.manage_people()?.check_role(role));
    let words = |permission: &Permission| {
        WORDS.iter().find(|(own, ..)| own == permission).map(|(_, label, _)| *label)
    };
    let everything = role.id == RoleId::ADMINISTRATOR;
    RoleRow {
        id: role.id.to_string(),
        name: role.name.to_string(),
        origin: match role.origin {
            RoleOrigin::BuiltIn => Some("Built in"),
            RoleOrigin::Deployment => Some("From the server’s configuration"),
            RoleOrigin::Organization => None,
        },
        description: role.description.to_string(),
        everything,
        own: role.permissions.iter().filter(|_| !everything).filter_map(words).collect(),
        product: role
            .permissions
            .iter()
            .filter(|name| words(name).is_none())
            .map(ToString::to_string)
            .collect(),
        edit: offered(allowed(), || address(&role.id, "edit")),
        delete: offered(allowed(), || address(&role.id, "delete")),
        fresh: role.id.as_str() == fresh,
    }
}

fn address(role: &RoleId, what: &str) -> String {
    format!("{LIST}/{role}/{what}")
}

/// What the form has, as typed.
struct Typed {
    name: String,
    description: String,
    permissions: Vec<String>,
}

impl Typed {
    fn of(fields: &Fields) -> Result<Self, Error> {
        Ok(Self {
            name: fields.text("name")?.to_owned(),
            description: fields.text("description")?.to_owned(),
            permissions: fields.entries("permissions"),
        })
    }
}

#[derive(Default)]
struct Errors {
    name: Option<String>,
    description: Option<String>,
    permissions: Option<String>,
    form: Option<String>,
}

fn form(actor: &Actor, role: Option<&RoleId>, typed: Typed, errors: Errors) -> RoleForm {
    let held = |permission: &Permission| actor.user().permissions().contains(permission);
    let in_organization = || WORDS.iter().filter(|(own, ..)| Permission::OF_ORGANIZATION.contains(own));
    let offered =
        in_organization().filter(|(own, ..)| held(own)).map(|(own, label, about)| PermissionChoice {
            value: own.to_string(),
            label,
            about,
            chosen: typed.permissions.iter().any(|name| name == own.as_str()),
        });
    let offered: Vec<_> = offered.collect();
    let product = typed.permissions.iter().filter(|name| offered.iter().all(|own| own.value != **name));
    let product = product.map(|name| Chip {
        text: name.clone(),
        unicode: None,
        wrong: Permission::parse(name).is_err(),
    });
    let product = ChipField {
        name: "permissions",
        label: "Your product’s permissions",
        list_label: "Your product’s permissions of this role",
        hint: "Such as reports:read. Your product asks for them at /verify; Keystead gives them no meaning.",
        chips: product.collect(),
        error: errors.permissions,
    };
    RoleForm {
        title: if role.is_some() { "Edit role" } else { "Create role" },
        verb: if role.is_some() { "Save changes" } else { "Create" },
        action: role.map_or_else(|| NEW.to_owned(), |id| address(id, "edit")),
        close: LIST.to_owned(),
        name: typed.name,
        description: typed.description,
        withheld: offered.len() < in_organization().count(),
        offered,
        product,
        name_error: errors.name,
        description_error: errors.description,
        form_error: errors.form,
    }
}

/// `GET /settings/roles/new`.
pub(crate) async fn create_page(visit: SignedIn) -> Result<Response, PageError> {
    visit.actor.manage_people()?;
    let typed = Typed { name: String::new(), description: String::new(), permissions: Vec::new() };
    let form = form(&visit.actor, None, typed, Errors::default());
    show(&visit, &Done::default(), Some(RoleDialog::Edit(form)), StatusCode::OK).await
}

/// `GET /settings/roles/{id}/edit`.
pub(crate) async fn edit_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    let role = changeable(&visit, &id)?;
    let typed = Typed {
        name: role.name.to_string(),
        description: role.description.to_string(),
        permissions: role.permissions.iter().map(ToString::to_string).collect(),
    };
    let form = form(&visit.actor, Some(&role.id), typed, Errors::default());
    show(&visit, &Done::default(), Some(RoleDialog::Edit(form)), StatusCode::OK).await
}

/// A role of an address, if the actor may change it.
fn changeable(visit: &SignedIn, id: &str) -> Result<Role, Error> {
    let grant = visit.actor.manage_people()?;
    let id = RoleId::parse(id).map_err(|_| Error::NotFound("role"))?;
    let role = visit.app().organization(&visit.actor)?.roles.find(&id)?.clone();
    role.own_id()?;
    grant.check_role(&role)?;
    Ok(role)
}

/// `POST /settings/roles/new`.
pub(crate) async fn create(visit: SignedIn, Posted(fields): Posted<Fields>) -> Result<Response, PageError> {
    write(visit, None, &fields).await
}

/// `POST /settings/roles/{id}/edit`.
pub(crate) async fn edit(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<Fields>,
) -> Result<Response, PageError> {
    write(visit, Some(id), &fields).await
}

async fn write(visit: SignedIn, id: Option<String>, fields: &Fields) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    visit.actor.manage_people()?;
    let id = id.map(|id| changeable(&visit, &id)).transpose()?.map(|role| role.id);
    let typed = Typed::of(fields)?;
    let mut errors = Errors::default();
    let name = field_error(RoleName::parse(&typed.name), &mut errors.name)?;
    let description = field_error(Description::parse(&typed.description), &mut errors.description)?;
    let permissions: Option<BTreeSet<_>> =
        field_error(Role::parse_permissions(&typed.permissions), &mut errors.permissions)?;
    let (Some(name), Some(description), Some(permissions)) = (name, description, permissions) else {
        let form = form(&visit.actor, id.as_ref(), typed, errors);
        let dialog = Some(RoleDialog::Edit(form));
        return show(&visit, &Done::default(), dialog, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let input = RoleInput { name, description, permissions };
    let (written, done) = match &id {
        Some(id) => (visit.app().update_role(&visit.actor, id, input).await, "updated"),
        None => (visit.app().create_role(&visit.actor, input).await, "created"),
    };
    let error = match written {
        Ok(role) => return Ok(see_other(&format!("{LIST}?done={done}&fresh={}", role.id))),
        Err(error) => error,
    };
    let status = problem::status(&error);
    match error {
        Error::Conflict(message) | Error::Forbidden(message) => errors.form = Some(message),
        Error::Invalid { field: Field::Permissions | Field::Permission, message } => {
            errors.permissions = Some(message);
        }
        other => return Err(other.into()),
    }
    let form = form(&visit.actor, id.as_ref(), typed, errors);
    show(&visit, &Done::default(), Some(RoleDialog::Edit(form)), status).await
}

fn delete_form(role: &Role) -> ConfirmForm {
    ConfirmForm {
        title: "Delete this role?",
        consequence: "Whoever holds this role loses it at once, and with it whatever it let them and their keys do. This cannot be undone.".to_owned(),
        kind: "role",
        name: role.name.to_string(),
        verb: "Delete",
        danger: true,
        action: address(&role.id, "delete"),
        close: LIST.to_owned(),
        typed: String::new(),
        error: None,
    }
}

/// `GET /settings/roles/{id}/delete`.
pub(crate) async fn delete_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    let role = changeable(&visit, &id)?;
    let dialog = Some(RoleDialog::Delete(delete_form(&role)));
    show(&visit, &Done::default(), dialog, StatusCode::OK).await
}

/// `POST /settings/roles/{id}/delete`.
pub(crate) async fn delete(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<Confirmation>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    let role = changeable(&visit, &id)?;
    let deleted = match role.name.check_typed(&fields.confirm_name) {
        Ok(()) => visit.app().delete_role(&visit.actor, &role.id).await.map(drop),
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => Ok(see_other(&format!("{LIST}?done=deleted"))),
        Err(error) => {
            let (form, status) = fields.refused(error, delete_form(&role))?;
            show(&visit, &Done::default(), Some(RoleDialog::Delete(form)), status).await
        }
    }
}
