//! The organization, its settings, and the deployment's organizations, to read.

use async_graphql::{Context, Object, SimpleObject};
use keystead_domain::Error;

use crate::graphql::caller;
use crate::graphql::mutation::EmailAccessInput;
use crate::graphql::organization::{Organization, OrganizationSummary};
use crate::graphql::user::User;

#[derive(Default)]
pub(super) struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// The caller's organization.
    async fn organization(&self, context: &Context<'_>) -> Result<Organization, Error> {
        let caller = caller(context)?;
        caller.app.organization(&caller.actor).map(Organization)
    }

    /// Whom e-mail access rules would exclude of those who may act now. Needs the permission `settings:write`.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a rule that is none.
    #[graphql(complexity = "100 + 100 * child_complexity")]
    async fn users_excluded_by(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rules that would hold instead of those that do.")] input: EmailAccessInput,
    ) -> Result<ExcludedUsers, Error> {
        let caller = caller(context)?;
        caller.actor.settings()?;
        let excluded = caller.app.excluded_by(&caller.actor, &input.parse()?)?;
        Ok(ExcludedUsers {
            count: i32::try_from(excluded.count).unwrap_or(i32::MAX),
            users: excluded.users.into_iter().map(User::of).collect(),
        })
    }

    /// The organizations of this deployment, oldest first, archived ones included. Needs the permission `organizations:manage`.
    ///
    /// Errors: `FORBIDDEN`.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    async fn organizations(&self, context: &Context<'_>) -> Result<Vec<OrganizationSummary>, Error> {
        let caller = caller(context)?;
        let organizations = caller.app.organizations(&caller.actor)?;
        Ok(organizations.iter().map(|state| OrganizationSummary::of(state)).collect())
    }
}

/// Users whom e-mail access rules would exclude.
#[derive(SimpleObject)]
pub(super) struct ExcludedUsers {
    /// How many, for `excludeExistingUsers`.
    count: i32,
    /// The first 100 of them, by address.
    users: Vec<User>,
}
