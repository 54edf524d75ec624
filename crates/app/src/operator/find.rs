//! What the operator means by a name. One that fits several things is refused, and the answer says how to tell them apart.

use std::sync::Arc;

use keystead_domain::{
    Email, Error, Field, Operator, OrganizationName, OrganizationState, RoleBook, RoleId, RoleName,
    RoleOrigin, Standing, User,
};

use crate::App;
use crate::open::fault;

impl App {
    /// The organization of an id or a name, without regard to case.
    pub(super) fn organization_named(&self, name: &str) -> Result<Arc<OrganizationState>, Error> {
        let all = self.all_organizations(&Operator.site());
        if let Some(state) = all.iter().find(|state| state.id().to_string() == name) {
            return Ok(Arc::clone(state));
        }
        let wanted = OrganizationName::parse(name)?.folded();
        let named: Vec<_> =
            all.into_iter().filter(|state| state.organization.name.folded() == wanted).collect();
        match &named[..] {
            [] => Err(Error::NotFound("organization")),
            [one] => Ok(Arc::clone(one)),
            several => Err(Error::Conflict(format!(
                "Several organizations are called that. Name one by its id: {}.",
                listed(several)
            ))),
        }
    }

    /// The organization that is named or, if none is, the only one in use. `None`: there is none at all yet.
    pub(super) fn organization_or_only(
        &self,
        name: Option<&str>,
    ) -> Result<Option<Arc<OrganizationState>>, Error> {
        if let Some(name) = name {
            return self.organization_named(name).map(Some);
        }
        let all = self.all_organizations(&Operator.site());
        let in_use: Vec<_> = all.iter().filter(|state| !state.is_archived()).cloned().collect();
        match &in_use[..] {
            [] if all.is_empty() => Ok(None),
            [] => Err(Error::Conflict(
                "Every organization is archived. `keystead organization restore` brings one back.".into(),
            )),
            [one] => Ok(Some(Arc::clone(one))),
            several => Err(which(several)),
        }
    }

    /// The user who has an address, in the organization that is named or in the only one where somebody has it, among those in
    /// use if that is what it takes.
    pub(super) async fn user_by_email(
        &self,
        email: &str,
        organization: Option<&str>,
    ) -> Result<Arc<User>, Error> {
        let email = Email::parse(email)?;
        let organization = organization.map(|name| self.organization_named(name)).transpose()?;
        let found = self.store.credentials(&email).await.map_err(fault)?;
        let users: Vec<_> = found
            .iter()
            .filter_map(|found| self.directory.user(found.user))
            .filter(|user| organization.as_ref().is_none_or(|state| state.id() == user.organization))
            .collect();
        let in_use: Vec<_> = users.iter().filter(|user| user.standing() != Standing::Archived).collect();
        match (&users[..], &in_use[..]) {
            ([], _) => Err(Error::NotFound("user")),
            ([one], _) | (_, &[one]) => Ok(Arc::clone(one)),
            (several, _) => {
                let mut theirs = self.all_organizations(&Operator.site());
                theirs.retain(|state| several.iter().any(|user| user.organization == state.id()));
                Err(which(&theirs))
            }
        }
    }
}

/// The role of an id or, among those that have none of that id, of a name, without regard to case.
pub(super) fn role_named(name: &str, book: &RoleBook) -> Result<RoleId, Error> {
    if let Some(role) = RoleId::parse(name).ok().and_then(|id| book.get(&id)) {
        return Ok(role.id.clone());
    }
    let wanted = RoleName::from_stored(name.trim().to_owned()).folded();
    let all = book.list();
    let named: Vec<_> = all.iter().filter(|role| role.name.folded() == wanted).collect();
    match &named[..] {
        [one] => Ok(one.id.clone()),
        [] => {
            let known: Vec<_> = all
                .iter()
                .map(|role| match role.origin {
                    RoleOrigin::Organization => role.name.as_str(),
                    RoleOrigin::BuiltIn | RoleOrigin::Deployment => role.id.as_str(),
                })
                .collect();
            Err(Error::invalid(
                Field::Role,
                format!("There is no role {name:?}. The roles are: {}.", known.join(", ")),
            ))
        }
        several => {
            let ids: Vec<_> = several.iter().map(|role| role.id.as_str()).collect();
            Err(Error::Conflict(format!(
                "Several roles are called {name:?}. Name one by its id: {}.",
                ids.join(", ")
            )))
        }
    }
}

fn which(organizations: &[Arc<OrganizationState>]) -> Error {
    Error::invalid(
        Field::Organization,
        format!("Say in which organization, with --organization: {}.", listed(organizations)),
    )
}

/// The organizations' ids and names, as many of them as somebody may want to read.
fn listed(organizations: &[Arc<OrganizationState>]) -> String {
    const SHOWN: usize = 10;
    let shown = organizations.iter().take(SHOWN);
    let mut text = shown
        .map(|state| format!("{} ({})", state.id(), state.organization.name))
        .collect::<Vec<_>>()
        .join(", ");
    if organizations.len() > SHOWN {
        text.push_str(", and others that `keystead organization list` shows");
    }
    text
}
