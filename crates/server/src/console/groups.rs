//! The list of groups, and making one.

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use keystead_domain::{Assignments, Error, Field, Group, GroupName, OrganizationState};

use super::assigning::TypedRoles;
use super::fields::Fields;
use super::forms::{Posted, field_error};
use super::html::{PageError, page, see_other};
use super::roles::offered;
use super::settings::Done;
use super::view::{GroupForm, GroupRow, GroupsPage, HeldRole};
use super::visit::SignedIn;
use crate::problem;

pub(super) const LIST: &str = "/settings/groups";
const NEW: &str = "/settings/groups/new";

/// `GET /settings/groups`.
pub(crate) async fn list_page(visit: SignedIn, Query(done): Query<Done>) -> Result<Response, PageError> {
    show(&visit, &done, None, StatusCode::OK).await
}

async fn show(
    visit: &SignedIn,
    done: &Done,
    dialog: Option<GroupForm>,
    status: StatusCode,
) -> Result<Response, PageError> {
    visit.actor.people()?;
    let state = visit.app().organization(&visit.actor)?;
    let row = |group: &Group| GroupRow {
        name: group.name.to_string(),
        href: address(group),
        roles: held(group, &state),
    };
    let groups = state.groups().into_iter().map(|group| row(group)).collect();
    let create = offered(visit.actor.manage_people().map(drop), || NEW.to_owned());
    let notice =
        done.notice(&[("deleted", "The group was deleted. Its members no longer inherit its roles.")]);
    Ok(page(status, &GroupsPage { shell: visit.shell().await?, groups, create, notice, dialog }))
}

/// The roles of a group, in words.
pub(super) fn held(group: &Group, state: &OrganizationState) -> Vec<HeldRole> {
    let named = group.assignments.iter().filter_map(|(id, resources)| {
        let name = state.roles.get(id)?.name.to_string();
        Some(HeldRole { name, resources: resources.iter().map(|id| id.as_str().to_owned()).collect() })
    });
    named.collect()
}

/// What the form has, as typed.
pub(super) struct Typed {
    name: String,
    roles: TypedRoles,
}

impl Typed {
    pub(super) fn of(fields: &Fields) -> Result<Self, Error> {
        Ok(Self { name: fields.text("name")?.to_owned(), roles: TypedRoles::sent(fields)? })
    }

    pub(super) fn from_group(group: &Group) -> Self {
        Self { name: group.name.to_string(), roles: TypedRoles::of(&group.assignments) }
    }

    /// What it comes to, or what is wrong with it.
    pub(super) fn parse(&self, errors: &mut Errors) -> Result<Option<(GroupName, Assignments)>, Error> {
        let name = field_error(GroupName::parse(&self.name), &mut errors.name)?;
        Ok(name.zip(field_error(self.roles.parse(), &mut errors.roles)?))
    }
}

/// What is wrong with the form.
#[derive(Default)]
pub(super) struct Errors {
    name: Option<String>,
    roles: Option<String>,
    form: Option<String>,
}

impl Errors {
    /// Why it was not saved, where the form says so; any other error passes on.
    pub(super) fn take(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Conflict(message) | Error::Forbidden(message) => self.form = Some(message),
            Error::Invalid { field: Field::Scopes | Field::Role | Field::RoleAssignments, message } => {
                self.roles = Some(message);
            }
            other => return Err(other),
        }
        Ok(())
    }
}

/// The form of a new group, or of one that there is.
pub(super) fn form(
    visit: &SignedIn,
    group: Option<&Group>,
    typed: Typed,
    errors: Errors,
) -> Result<GroupForm, Error> {
    let grant = visit.actor.manage_people()?;
    let state = visit.app().organization(&visit.actor)?;
    let held = group.map(|group| group.assignments.clone()).unwrap_or_default();
    let at = group.map(address);
    Ok(GroupForm {
        title: if at.is_some() { "Edit group" } else { "Create group" },
        verb: if at.is_some() { "Save changes" } else { "Create" },
        action: at.as_ref().map_or_else(|| NEW.to_owned(), |at| format!("{at}/edit")),
        close: at.unwrap_or_else(|| LIST.to_owned()),
        roles: typed.roles.choices(&grant, &state, &held),
        name: typed.name,
        name_error: errors.name,
        roles_error: errors.roles,
        form_error: errors.form,
    })
}

/// The page of a group.
pub(super) fn address(group: &Group) -> String {
    format!("{LIST}/{}", group.id)
}

/// `GET /settings/groups/new`.
pub(crate) async fn create_page(visit: SignedIn) -> Result<Response, PageError> {
    let typed = Typed { name: String::new(), roles: TypedRoles::of(&Assignments::default()) };
    let form = form(&visit, None, typed, Errors::default())?;
    show(&visit, &Done::default(), Some(form), StatusCode::OK).await
}

/// `POST /settings/groups/new`.
pub(crate) async fn create(visit: SignedIn, Posted(fields): Posted<Fields>) -> Result<Response, PageError> {
    visit.check_form(fields.text("csrf")?)?;
    visit.actor.manage_people()?;
    let typed = Typed::of(&fields)?;
    let mut errors = Errors::default();
    let status = match typed.parse(&mut errors)? {
        None => StatusCode::UNPROCESSABLE_ENTITY,
        Some((name, assignments)) => match visit.app().create_group(&visit.actor, name, assignments).await {
            Ok(group) => return Ok(see_other(&format!("{LIST}/{}?done=created", group.id))),
            Err(error) => {
                let status = problem::status(&error);
                errors.take(error)?;
                status
            }
        },
    };
    let form = form(&visit, None, typed, errors)?;
    show(&visit, &Done::default(), Some(form), status).await
}
