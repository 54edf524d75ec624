//! The form by which somebody is invited or edited: its choices, what was typed, and what was wrong with it.

use keystead_domain::{
    Actor, Assignment, Assignments, Email, Error, Field, GroupId, OrganizationState, PeopleGrant, PersonName,
    Role, RoleId, User,
};

use crate::console::fields::{self, Fields};
use crate::console::forms::field_error;
use crate::console::view::{GroupChoice, RoleChoice, UserErrors, UserForm};

/// What the form has, as typed.
pub(super) struct TypedUser {
    pub(super) name: String,
    pub(super) email: String,
    /// Role ids, and the resources of each as typed.
    roles: Vec<(String, String)>,
    groups: Vec<String>,
}

/// What the form has, checked.
pub(super) struct ParsedUser {
    pub(super) name: Option<PersonName>,
    pub(super) email: Email,
    pub(super) assignments: Assignments,
    pub(super) groups: Vec<GroupId>,
}

impl TypedUser {
    /// Somebody new: a member, unless more is ticked.
    pub(super) fn new() -> Self {
        let roles = vec![(RoleId::MEMBER.to_string(), String::new())];
        Self { name: String::new(), email: String::new(), roles, groups: Vec::new() }
    }

    /// Somebody as they are.
    pub(super) fn of(user: &User) -> Self {
        let resources = |scopes: &std::collections::BTreeSet<keystead_domain::ResourceId>| {
            scopes.iter().map(keystead_domain::ResourceId::as_str).collect::<Vec<_>>().join(", ")
        };
        Self {
            name: user.name.to_string(),
            email: user.email.to_string(),
            roles: user.assignments.iter().map(|(id, scopes)| (id.to_string(), resources(scopes))).collect(),
            groups: user.groups().iter().map(|group| group.id.to_string()).collect(),
        }
    }

    /// What was sent.
    pub(super) fn sent(fields: &Fields) -> Self {
        let resources = |role: &str| fields.text(&format!("resources.{role}")).to_owned();
        Self {
            name: fields.text("name").to_owned(),
            email: fields.text("email").to_owned(),
            roles: fields.all("role").map(|role| (role.to_owned(), resources(role))).collect(),
            groups: fields.all("group").map(str::to_owned).collect(),
        }
    }

    /// Checks it; what is wrong is noted at its field. `None` if anything is.
    pub(super) fn parse(
        &self,
        name_needed: bool,
        errors: &mut UserErrors,
    ) -> Result<Option<ParsedUser>, Error> {
        let name = if self.name.trim().is_empty() && !name_needed {
            Some(None)
        } else {
            field_error(PersonName::parse(&self.name), &mut errors.name)?.map(Some)
        };
        let email = field_error(Email::parse(&self.email), &mut errors.email)?;
        let roles: Vec<(&str, Vec<String>)> = self
            .roles
            .iter()
            .map(|(role, typed)| (role.as_str(), fields::entries(typed).collect()))
            .collect();
        let assignments = Assignments::parse(roles.iter().map(|(role, scopes)| (*role, scopes.as_slice())));
        let assignments = field_error(assignments, &mut errors.roles)?;
        let groups = self.groups.iter().map(|id| id.parse().map_err(|_| Error::NotFound("group"))).collect();
        let groups: Vec<GroupId> = Result::<_, Error>::from_iter::<Vec<Result<GroupId, Error>>>(groups)?;
        let (Some(name), Some(email), Some(assignments)) = (name, email, assignments) else {
            return Ok(None);
        };
        Ok(Some(ParsedUser { name, email, assignments, groups }))
    }

    /// The form as it is shown. `held` is what the user has already: nobody is stopped from leaving that as it is.
    pub(super) fn form(
        self,
        actor: &Actor,
        state: &OrganizationState,
        held: Option<&User>,
        errors: UserErrors,
    ) -> Result<UserForm, Error> {
        let grant = actor.manage_people()?;
        let roles = state.roles.list().into_iter().map(|role| self.role(role, &grant, state, held)).collect();
        let group = |group: &std::sync::Arc<keystead_domain::Group>| GroupChoice {
            id: group.id.to_string(),
            name: group.name.to_string(),
            roles: group
                .assignments
                .iter()
                .filter_map(|(id, _)| state.roles.get(id))
                .map(|role| role.name.to_string())
                .collect(),
            chosen: self.groups.contains(&group.id.to_string()),
            refused: grant.check_member(group, &state.roles).err().map(|why| why.to_string()),
        };
        let groups = state.groups().into_iter().map(group).collect();
        Ok(UserForm {
            title: String::new(),
            submit: "",
            invites: held.is_none(),
            action: String::new(),
            close: String::new(),
            name: self.name,
            email: self.email,
            roles,
            groups,
            errors,
        })
    }

    fn role(
        &self,
        role: &Role,
        grant: &PeopleGrant,
        state: &OrganizationState,
        held: Option<&User>,
    ) -> RoleChoice {
        let typed = self.roles.iter().find(|(id, _)| *id == role.id.as_str());
        let everywhere = Assignments::from_iter([Assignment::everywhere(role.id.clone())]);
        let has = held.is_some_and(|user| user.assignments.iter().any(|(id, _)| *id == role.id));
        let refused = grant.check_assign(&everywhere, &state.roles).err().filter(|_| !has);
        let permits: Vec<_> = role.permissions.iter().map(ToString::to_string).collect();
        let mut about = role.description.to_string();
        if role.id != RoleId::ADMINISTRATOR && !permits.is_empty() {
            about = format!("{about} Permits {}.", permits.join(", "));
        }
        RoleChoice {
            id: role.id.to_string(),
            name: role.name.to_string(),
            about: about.trim().to_owned(),
            chosen: typed.is_some(),
            resources: role.takes_scopes().then(|| typed.map(|(_, typed)| typed.clone()).unwrap_or_default()),
            refused: refused.map(|why| why.to_string()),
        }
    }
}

/// Notes at its field why what was sent was refused; what no field is to blame for passes on.
pub(super) fn note(error: Error, errors: &mut UserErrors) -> Result<(), Error> {
    let slot = match &error {
        Error::Invalid { field: Field::Name, .. } => &mut errors.name,
        Error::Invalid { field: Field::Email, .. } => &mut errors.email,
        Error::Invalid {
            field: Field::Role | Field::RoleAssignments | Field::Scopes | Field::Resource,
            ..
        }
        | Error::NotFound("role") => &mut errors.roles,
        Error::Invalid { field: Field::Groups, .. } | Error::NotFound("group") => &mut errors.groups,
        Error::Invalid { .. } | Error::Conflict(_) | Error::Forbidden(_) => &mut errors.form,
        _ => return Err(error),
    };
    *slot = Some(error.to_string());
    Ok(())
}
