//! The part of a form by which roles are assigned: a checkbox for each, and the resources that it is limited to.

use keystead_domain::{
    Assignment, Assignments, Error, OrganizationState, PeopleGrant, ResourceId, Role, RoleId,
};

use super::fields::{Fields, entries};
use super::view::RoleChoice;

/// The roles that are ticked, and the resources of each, as typed.
pub(super) struct TypedRoles(Vec<(String, String)>);

impl TypedRoles {
    /// One role, everywhere.
    pub(super) fn one(role: &RoleId) -> Self {
        Self(vec![(role.to_string(), String::new())])
    }

    /// Those that are assigned.
    pub(super) fn of(assignments: &Assignments) -> Self {
        let typed = assignments.iter().map(|(id, resources)| {
            let resources: Vec<_> = resources.iter().map(ResourceId::as_str).collect();
            (id.to_string(), resources.join(", "))
        });
        Self(typed.collect())
    }

    /// What was sent: fields `role`, and `resources.ROLE` of each.
    pub(super) fn sent(fields: &Fields) -> Result<Self, Error> {
        let typed = fields.all("role").map(|role| {
            let resources = fields.text(&format!("resources.{role}"))?;
            Ok((role.to_owned(), resources.to_owned()))
        });
        typed.collect::<Result<_, _>>().map(Self)
    }

    /// What it comes to.
    pub(super) fn parse(&self) -> Result<Assignments, Error> {
        let roles: Vec<(&str, Vec<String>)> =
            self.0.iter().map(|(id, resources)| (id.as_str(), entries(resources).collect())).collect();
        Assignments::parse(roles.iter().map(|(id, resources)| (*id, resources.as_slice())))
    }

    /// Every role that there is. One that is held already can be ticked whatever it gives: a box that is disabled is not sent, and
    /// leaving it as it is must not take the role away.
    pub(super) fn choices(
        &self,
        grant: &PeopleGrant,
        state: &OrganizationState,
        held: &Assignments,
    ) -> Vec<RoleChoice> {
        state.roles.list().into_iter().map(|role| self.choice(role, grant, state, held)).collect()
    }

    fn choice(
        &self,
        role: &Role,
        grant: &PeopleGrant,
        state: &OrganizationState,
        held: &Assignments,
    ) -> RoleChoice {
        let typed = self.0.iter().find(|(id, _)| *id == role.id.as_str());
        let everywhere = Assignments::from_iter([Assignment::everywhere(role.id.clone())]);
        let refused = grant.check_assign(&everywhere, &state.roles).err();
        RoleChoice {
            id: role.id.to_string(),
            name: role.name.to_string(),
            about: about(role),
            chosen: typed.is_some(),
            resources: role.takes_scopes().then(|| typed.map(|(_, typed)| typed.clone()).unwrap_or_default()),
            refused: refused.filter(|_| held.iter().all(|(id, _)| *id != role.id)).map(|why| why.to_string()),
        }
    }
}

/// What it is for, and what it permits. An administrator's permissions are more than those that it names.
fn about(role: &Role) -> String {
    let permits: Vec<_> = role.permissions.iter().map(ToString::to_string).collect();
    if role.id == RoleId::ADMINISTRATOR || permits.is_empty() {
        return role.description.to_string();
    }
    format!("{} Permits {}.", role.description, permits.join(", ")).trim().to_owned()
}
