//! Making and archiving the organizations of the deployment.

use async_graphql::{Context, ID, Object, SimpleObject};
use keystead_app::Mailed;
use keystead_domain::{Email, Error, Field, OrganizationId, OrganizationName};

use crate::graphql::organization::OrganizationSummary;
use crate::graphql::{Caller, caller, id_of};

#[derive(Default)]
pub(super) struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Makes an organization and its first administrator, with a one-time link by which they choose a password. Needs the
    /// permission `organizations:manage`.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a refused `name` or `administratorEmail`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn create_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its name: 1 to 100 characters.")] name: String,
        #[graphql(desc = "The address of its first administrator.")] administrator_email: String,
    ) -> Result<CreateOrganizationPayload, Error> {
        let caller = caller(context)?;
        caller.actor.site()?;
        let name = OrganizationName::parse(&name).map_err(|error| error.of_field(Field::Name))?;
        let email =
            Email::parse(&administrator_email).map_err(|error| error.of_field(Field::AdministratorEmail))?;
        let id = caller.app.new_organization_id()?;
        let url = &caller.public_url;
        let invited = caller.app.create_organization(&caller.actor, id, name, email, url).await?;
        Ok(CreateOrganizationPayload {
            organization: summary(caller, invited.user.organization)?,
            invitation_url: invited.link(&caller.public_url),
            mailed: invited.mailed == Mailed::Sent,
        })
    }

    /// Archives an organization: when this has answered, it refuses everything, to everybody in it. Needs the permission
    /// `organizations:manage`.
    ///
    /// Errors: `FORBIDDEN`; `CONFLICT` for the caller's own organization; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn archive_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization's id.")] id: ID,
    ) -> Result<OrganizationSummary, Error> {
        set_archived(caller(context)?, &id, true).await
    }

    /// Brings an archived organization back, as it was. Needs the permission `organizations:manage`.
    ///
    /// Errors: `FORBIDDEN`; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn restore_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization's id.")] id: ID,
    ) -> Result<OrganizationSummary, Error> {
        set_archived(caller(context)?, &id, false).await
    }
}

async fn set_archived(caller: &Caller, id: &ID, archived: bool) -> Result<OrganizationSummary, Error> {
    caller.actor.site()?;
    let id = id_of(id, "organization")?;
    caller.app.set_archived(&caller.actor, id, archived).await?;
    summary(caller, id)
}

fn summary(caller: &Caller, id: OrganizationId) -> Result<OrganizationSummary, Error> {
    let organizations = caller.app.organizations(&caller.actor)?;
    let found = organizations.iter().find(|state| state.id() == id);
    found.map(|state| OrganizationSummary::of(state)).ok_or(Error::Internal)
}

/// An organization that was made.
#[derive(SimpleObject)]
pub(crate) struct CreateOrganizationPayload {
    /// The organization.
    organization: OrganizationSummary,
    /// The one-time link by which its first administrator chooses a password, here and nowhere else.
    invitation_url: String,
    /// Whether the link was also sent to them: true if a mail server took it.
    mailed: bool,
}
