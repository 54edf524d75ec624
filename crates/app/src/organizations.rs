//! Organizations: their settings, and making and archiving them.

use std::sync::Arc;

use keystead_domain::{
    Actor, Assignment, Assignments, Email, EmailAccess, Error, KeyPolicy, Operator, Organization,
    OrganizationId, OrganizationName, OrganizationState, PersonName, RoleId, SiteGrant, User, UserAttributes,
    UserId,
};
use keystead_store::{NewUser, Transaction};

use crate::invitations::{Invited, invitation_link};
use crate::mail::Mail;
use crate::open::fault;
use crate::{App, BrowserSecret};

/// Whom a change of the e-mail rules would exclude.
#[derive(Debug, Clone)]
pub struct Excluded {
    /// How many users who may act now.
    pub count: usize,
    /// The first 100 of them, by address.
    pub users: Vec<Arc<User>>,
}

impl App {
    /// Renames the organization. Needs `settings:write`.
    pub async fn rename_organization(&self, actor: &Actor, name: &OrganizationName) -> Result<(), Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.settings()?;
        let before = change.state.organization.clone();
        change.transaction.rename_organization(&grant, &before, name).await.map_err(fault)?;
        change.commit().await
    }

    /// Replaces what new keys may be. Needs `settings:write`.
    pub async fn set_key_policy(&self, actor: &Actor, policy: &KeyPolicy) -> Result<(), Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.settings()?;
        let before = change.state.policy.clone();
        change.transaction.set_key_policy(&grant, &before, policy).await.map_err(fault)?;
        change.commit().await
    }

    /// Whom these e-mail rules would exclude of those who may act now. Needs `settings:write`.
    pub fn excluded_by(&self, actor: &Actor, rules: &EmailAccess) -> Result<Excluded, Error> {
        let organization = actor.settings()?.organization();
        let mut users = self.directory.users_of(organization);
        users.retain(|user| user.may_act() && !rules.admits(&user.email));
        users.sort_by_cached_key(|user| user.email.folded());
        let count = users.len();
        users.truncate(100);
        Ok(Excluded { count, users })
    }

    /// Replaces the e-mail rules. When this returns, the sessions and keys of whoever they exclude are refused; when a later
    /// change admits them again, those work again. Needs `settings:write`; refused if it excludes the actor.
    /// `expected` is how many users the actor was told that it excludes: if it would be others by now, nothing is changed.
    pub async fn set_email_access(
        &self,
        actor: &Actor,
        rules: EmailAccess,
        expected: Option<usize>,
    ) -> Result<(), Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.settings()?;
        let mut after = change.state.clone();
        after.email_access = rules;
        grant.check_keeps(actor.user(), &after)?;
        if let Some(expected) = expected {
            let excluded = self.excluded_by(&actor, &after.email_access)?.count;
            if excluded > expected {
                return Err(Error::Conflict(format!(
                    "These rules would exclude {excluded} user{} who may act now, more than was confirmed. Look at them again.",
                    if excluded == 1 { "" } else { "s" }
                )));
            }
        }
        let before = change.state.email_access.clone();
        change.transaction.set_email_access(&grant, &before, &after.email_access).await.map_err(fault)?;
        change.commit().await
    }

    /// The organizations of the deployment, oldest first. Needs `organizations:manage`.
    pub fn organizations(&self, actor: &Actor) -> Result<Vec<Arc<OrganizationState>>, Error> {
        Ok(self.all_organizations(&actor.site()?))
    }

    pub(crate) fn all_organizations(&self, _: &SiteGrant) -> Vec<Arc<OrganizationState>> {
        let mut organizations = self.directory.organizations();
        organizations.sort_by_key(|state| state.id());
        organizations
    }

    /// The id of an organization to be made: a form carries it, so that sending it twice makes one.
    pub fn new_organization_id(&self) -> Result<OrganizationId, Error> {
        self.next_id(self.now())
    }

    /// Makes an organization and its first administrator, whom an invitation lets in. Needs `organizations:manage`.
    pub async fn create_organization(
        &self,
        actor: &Actor,
        id: OrganizationId,
        name: OrganizationName,
        administrator: Email,
        public_url: &str,
    ) -> Result<Invited, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.site()?;
        if change.transaction.organization(id).await.map_err(fault)?.is_some() {
            return Err(Error::Conflict(
                "This organization was made already, and its link was shown then. Whoever runs the server can make another."
                    .into(),
            ));
        }
        let organization = Organization { id, name, created_at: self.now(), archived_at: None };
        let (user, code) =
            self.write_organization(&mut change.transaction, &grant, &organization, administrator).await?;
        change.commit().await?;
        let user = self.directory.user(user).ok_or(Error::Internal)?;
        let name = &organization.name;
        let mail = Mail::invitation(user.email.clone(), name, None, &invitation_link(public_url, &code));
        Ok(Invited { mailed: self.mail_now(mail).await, user, code })
    }

    pub(crate) async fn write_organization(
        &self,
        change: &mut Transaction,
        _: &SiteGrant,
        organization: &Organization,
        administrator: Email,
    ) -> Result<(UserId, BrowserSecret), Error> {
        let user = NewUser {
            id: self.next_id(self.now())?,
            name: PersonName::of_address(&administrator)?,
            email: administrator,
            password_hash: None,
            assignments: Assignments::from_iter([Assignment::everywhere(RoleId::ADMINISTRATOR)]),
            attributes: UserAttributes::default(),
        };
        change.create_organization(organization).await.map_err(fault)?;
        let grant = Operator.people_of(organization.id);
        change.create_user(&grant, &user).await.map_err(fault)?;
        let code = self.write_invitation(change, &grant.new_user(user.id)).await?;
        Ok((user.id, code))
    }

    /// Archives an organization: when this returns, it refuses everything; or brings it back. Needs `organizations:manage`.
    pub async fn set_archived(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        archived: bool,
    ) -> Result<(), Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.site()?;
        self.write_archived(&mut change.transaction, &grant, organization, archived).await?;
        change.commit().await
    }

    pub(crate) async fn write_archived(
        &self,
        change: &mut Transaction,
        grant: &SiteGrant,
        organization: OrganizationId,
        archived: bool,
    ) -> Result<(), Error> {
        if archived {
            grant.check_may_archive(organization)?;
        }
        let found = change.organization(organization).await.map_err(fault)?;
        let found = found.ok_or(Error::NotFound("organization"))?;
        if found.organization.archived_at.is_some() != archived {
            change.set_archived(grant, organization, archived).await.map_err(fault)?;
        }
        Ok(())
    }
}
