//! The form by which somebody is invited or edited: its choices, what was typed, and what was wrong with it.

use std::sync::Arc;

use keystead_domain::{
    Actor, Assignments, Email, Error, Field, Group, GroupId, OrganizationState, PersonName, RoleId, User,
};

use crate::console::assigning::TypedRoles;
use crate::console::fields::Fields;
use crate::console::forms::field_error;
use crate::console::view::{GroupChoice, UserErrors, UserForm};

/// What the form has, as typed.
pub(super) struct TypedUser {
    name: String,
    email: String,
    roles: TypedRoles,
    groups: Vec<String>,
}

/// What the form has, checked.
pub(super) struct ParsedUser {
    pub(super) name: Option<PersonName>,
    pub(super) email: Email,
    pub(super) assignments: Assignments,
    pub(super) groups: Vec<GroupId>,
}

/// What the dialog around the form says, and where it leads.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) submit: &'static str,
    pub(super) action: String,
    pub(super) close: String,
}

impl TypedUser {
    /// Somebody new: a member, unless more is ticked.
    pub(super) fn new() -> Self {
        let roles = TypedRoles::one(&RoleId::MEMBER);
        Self { name: String::new(), email: String::new(), roles, groups: Vec::new() }
    }

    /// Somebody as they are.
    pub(super) fn of(user: &User) -> Self {
        Self {
            name: user.name.to_string(),
            email: user.email.to_string(),
            roles: TypedRoles::of(&user.assignments),
            groups: user.groups().iter().map(|group| group.id.to_string()).collect(),
        }
    }

    /// What was sent.
    pub(super) fn sent(fields: &Fields) -> Result<Self, Error> {
        Ok(Self {
            name: fields.text("name")?.to_owned(),
            email: fields.text("email")?.to_owned(),
            roles: TypedRoles::sent(fields)?,
            groups: fields.all("group").map(str::to_owned).collect(),
        })
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
        let assignments = field_error(self.roles.parse(), &mut errors.roles)?;
        let groups = self.groups.iter().map(|id| id.parse()).collect::<Result<Vec<GroupId>, _>>();
        if groups.is_err() {
            errors.groups = Some(Error::NotFound("group").to_string());
        }
        let (Some(name), Some(email), Some(assignments), Ok(groups)) = (name, email, assignments, groups)
        else {
            return Ok(None);
        };
        Ok(Some(ParsedUser { name, email, assignments, groups }))
    }

    /// The form as it is shown; `user` is who is edited, if somebody is.
    pub(super) fn form(
        self,
        actor: &Actor,
        state: &OrganizationState,
        user: Option<&User>,
        errors: UserErrors,
        frame: Frame,
    ) -> Result<UserForm, Error> {
        let grant = actor.manage_people()?;
        let none = Assignments::default();
        let group = |group: &Arc<Group>| GroupChoice {
            id: group.id.to_string(),
            name: group.name.to_string(),
            roles: group
                .assignments
                .iter()
                .filter_map(|(id, _)| Some(state.roles.get(id)?.name.to_string()))
                .collect(),
            chosen: self.groups.contains(&group.id.to_string()),
            refused: grant.check_member(group, &state.roles).err().map(|why| why.to_string()),
        };
        Ok(UserForm {
            title: frame.title,
            submit: frame.submit,
            invites: user.is_none(),
            action: frame.action,
            close: frame.close,
            roles: self.roles.choices(&grant, state, user.map_or(&none, |user| &user.assignments)),
            groups: state.groups().into_iter().map(group).collect(),
            name: self.name,
            email: self.email,
            errors,
        })
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
