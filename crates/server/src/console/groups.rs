//! The list of groups, and making one.

use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use keystead_domain::{
    Assignment, Assignments, Error, Field, Group, GroupName, OrganizationState, PeopleGrant, ResourceId, Role,
};

use super::fields::{Fields, entries};
use super::forms::{Posted, field_error};
use super::html::{PageError, page, see_other};
use super::roles::offered;
use super::settings::Done;
use super::view::{GroupForm, GroupRow, GroupsPage, HeldRole, RoleChoice};
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
        href: format!("{LIST}/{}", group.id),
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

/// What the form has, as typed: the name, and of each chosen role its id and resources.
#[derive(Default)]
pub(super) struct Typed {
    name: String,
    roles: Vec<(String, String)>,
}

impl Typed {
    pub(super) fn of(fields: &Fields) -> Result<Self, Error> {
        let role = |id: &str| {
            let resources = fields.text(&format!("resources.{id}"))?;
            Ok((id.to_owned(), resources.to_owned()))
        };
        let roles = fields.all("role").map(role).collect::<Result<_, Error>>()?;
        Ok(Self { name: fields.text("name")?.to_owned(), roles })
    }

    pub(super) fn from_group(group: &Group) -> Self {
        let roles = group.assignments.iter().map(|(id, resources)| {
            let resources: Vec<_> = resources.iter().map(ResourceId::as_str).collect();
            (id.to_string(), resources.join(" "))
        });
        Self { name: group.name.to_string(), roles: roles.collect() }
    }

    /// What it comes to, or what is wrong with it.
    pub(super) fn parse(&self, errors: &mut Errors) -> Result<Option<(GroupName, Assignments)>, Error> {
        let name = field_error(GroupName::parse(&self.name), &mut errors.name)?;
        let roles: Vec<(&str, Vec<String>)> =
            self.roles.iter().map(|(id, resources)| (id.as_str(), entries(resources).collect())).collect();
        let assignments = Assignments::parse(roles.iter().map(|(id, resources)| (*id, resources.as_slice())));
        Ok(name.zip(field_error(assignments, &mut errors.roles)?))
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

/// The form of a new group, or of the one at an address.
pub(super) fn form(
    visit: &SignedIn,
    group: Option<&str>,
    typed: Typed,
    errors: Errors,
) -> Result<GroupForm, Error> {
    let grant = visit.actor.manage_people()?;
    let state = visit.app().organization(&visit.actor)?;
    let roles = state.roles.list().into_iter().map(|role| choice(role, &grant, &state, &typed.roles));
    Ok(GroupForm {
        title: if group.is_some() { "Edit group" } else { "Create group" },
        verb: if group.is_some() { "Save changes" } else { "Create" },
        action: group.map_or_else(|| NEW.to_owned(), |group| format!("{group}/edit")),
        close: group.unwrap_or(LIST).to_owned(),
        roles: roles.collect(),
        name: typed.name,
        name_error: errors.name,
        roles_error: errors.roles,
        form_error: errors.form,
    })
}

fn choice(
    role: &Role,
    grant: &PeopleGrant,
    state: &OrganizationState,
    chosen: &[(String, String)],
) -> RoleChoice {
    let given = chosen.iter().find(|(id, _)| *id == role.id.as_str());
    let everywhere = Assignments::from_iter([Assignment::everywhere(role.id.clone())]);
    RoleChoice {
        id: role.id.to_string(),
        name: role.name.to_string(),
        about: role.description.to_string(),
        chosen: given.is_some(),
        resources: role.takes_scopes().then(|| given.map(|(_, typed)| typed.clone()).unwrap_or_default()),
        // One that is given can be kept: a box that is disabled is not sent, and saving would take the role away.
        refused: match given {
            Some(_) => None,
            None => grant.check_assign(&everywhere, &state.roles).err().map(|why| why.to_string()),
        },
    }
}

/// `GET /settings/groups/new`.
pub(crate) async fn create_page(visit: SignedIn) -> Result<Response, PageError> {
    let form = form(&visit, None, Typed::default(), Errors::default())?;
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
