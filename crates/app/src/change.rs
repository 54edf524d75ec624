//! Changes to people, roles and settings: who makes one, and what it may leave behind, is decided inside its transaction.

use std::sync::Arc;

use keystead_domain::audit::Trace;
use keystead_domain::{Actor, Error, Organization, OrganizationId, OrganizationState, RoleId, User, UserId};
use keystead_store::Transaction;

use crate::App;
use crate::open::fault;

/// A change to an organization in the making, with the organization as it is inside the transaction.
pub(crate) struct Change<'a> {
    app: &'a App,
    pub(crate) transaction: Transaction,
    pub(crate) state: OrganizationState,
    had_administrator: bool,
}

impl App {
    /// Begins a change by an actor, and returns the actor as they are inside of it: of two administrators who take each other's
    /// role at once, the second has none any more when their turn comes.
    pub(crate) async fn begin_as(&self, actor: &Actor) -> Result<(Change<'_>, Actor), Error> {
        let trace = Trace::of(actor, self.now());
        let mut change = self.begin_in(actor.user().organization, trace).await?;
        if let Some(session) = actor.impersonation() {
            let actor = self.impersonated_again(&mut change, actor, session).await?;
            return Ok((change, actor));
        }
        let user = change.find(actor.user().id).await?.ok_or(Error::Unauthenticated)?;
        let actor = Actor::authenticated(Arc::new(user), actor.via(), actor.address())?;
        Ok((change, actor))
    }

    /// Begins a change in an organization.
    pub(crate) async fn begin_in(
        &self,
        organization: OrganizationId,
        trace: Trace,
    ) -> Result<Change<'_>, Error> {
        let mut transaction = self.store.begin(trace).await.map_err(fault)?;
        let state = self.state_in(&mut transaction, organization).await?;
        let had_administrator = has_administrator(&mut transaction, &state).await?;
        Ok(Change { app: self, transaction, state, had_administrator })
    }

    /// Begins the change that makes the first organization.
    pub(crate) async fn begin_first(
        &self,
        organization: &Organization,
        trace: Trace,
    ) -> Result<Change<'_>, Error> {
        let mut transaction = self.store.begin(trace).await.map_err(fault)?;
        if !transaction.is_empty().await.map_err(fault)? {
            return Err(Error::Conflict("The first user was just added by somebody else. Try again.".into()));
        }
        transaction.create_organization(organization).await.map_err(fault)?;
        let state = self.state_in(&mut transaction, organization.id).await?;
        Ok(Change { app: self, transaction, state, had_administrator: false })
    }

    /// An organization as it is inside a transaction.
    pub(crate) async fn state_in(
        &self,
        transaction: &mut Transaction,
        organization: OrganizationId,
    ) -> Result<OrganizationState, Error> {
        let record = transaction.organization(organization).await.map_err(fault)?;
        let record = record.ok_or(Error::NotFound("organization"))?;
        Ok(OrganizationState::new(record, &self.deployment.roles))
    }
}

impl Change<'_> {
    /// A user of the organization as they are inside the change.
    pub(crate) async fn find(&mut self, id: UserId) -> Result<Option<User>, Error> {
        let record = self.transaction.user(id).await.map_err(fault)?;
        let record = record.filter(|record| record.organization == self.state.id());
        Ok(record.map(|record| User::new(record, &self.state)))
    }

    /// The same; nobody is [`Error::NotFound`].
    pub(crate) async fn user(&mut self, id: UserId) -> Result<User, Error> {
        self.find(id).await?.ok_or(Error::NotFound("user"))
    }

    /// Whether the change may be kept: not if it takes away the last administrator, because nobody could undo it. Whatever it was
    /// that did: a role, a group, a rule, or two of them at once.
    pub(crate) async fn check(&mut self) -> Result<(), Error> {
        if self.had_administrator {
            let state = self.app.state_in(&mut self.transaction, self.state.id()).await?;
            if !has_administrator(&mut self.transaction, &state).await? {
                return Err(Error::Conflict(
                    "An organization keeps at least one active administrator. Make somebody else one first."
                        .into(),
                ));
            }
        }
        Ok(())
    }

    /// Keeps the change, if it [may](Self::check) be kept. Whoever found that it is so already is answered when that holds everywhere.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.check().await?;
        self.transaction.commit_as_found().await.map_err(fault)
    }
}

async fn has_administrator(transaction: &mut Transaction, state: &OrganizationState) -> Result<bool, Error> {
    let holders = transaction.active_holders(state.id(), &RoleId::ADMINISTRATOR).await.map_err(fault)?;
    Ok(holders.iter().any(|email| state.email_access.admits(email)))
}
