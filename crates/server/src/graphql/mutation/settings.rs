//! Changes to the organization's settings.

use async_graphql::{Context, InputObject, Object};
use keystead_domain::{EmailAccess, Error, Field, KeyPolicy, OrganizationName, PolicyMessage};

use crate::graphql::key::ApiKeyExpiration;
use crate::graphql::organization::Organization;
use crate::graphql::{Caller, caller};

#[derive(Default)]
pub(super) struct SettingsMutation;

#[Object]
impl SettingsMutation {
    /// Renames the organization. Needs the permission `settings:write`.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a refused `name`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn rename_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its new name: 1 to 100 characters.")] name: String,
    ) -> Result<Organization, Error> {
        let caller = caller(context)?;
        caller.actor.settings()?;
        let name = OrganizationName::parse(&name).map_err(|error| error.of_field(Field::Name))?;
        caller.app.rename_organization(&caller.actor, &name).await?;
        organization(caller)
    }

    /// Replaces what new keys may be, through every door. Keys that exist stay as they are. Needs the permission
    /// `settings:write`.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a refused `closedMessage`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn set_key_policy(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What new keys may be.")] input: KeyPolicyInput,
    ) -> Result<Organization, Error> {
        let caller = caller(context)?;
        caller.actor.settings()?;
        let closed = input.closed_message.as_deref().map(PolicyMessage::parse).transpose();
        let policy = KeyPolicy {
            longest: input.longest_expiration.into(),
            keys_may_create_keys: input.keys_may_create_keys,
            closed: closed.map_err(|error| error.of_field(Field::ClosedMessage))?,
        };
        caller.app.set_key_policy(&caller.actor, &policy).await?;
        organization(caller)
    }

    /// Replaces the e-mail access rules. When this has answered, sessions and keys of whoever they exclude are refused; should
    /// later rules admit them again, their keys work again. Needs the permission `settings:write`.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for a rule that is none; `CONFLICT` where the rules would exclude the caller, no
    /// active administrator would be left, or more users would be excluded than `excludeExistingUsers` says.
    #[graphql(complexity = "500 + child_complexity")]
    async fn set_email_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The rules that are to hold.")] input: EmailAccessInput,
        #[graphql(
            desc = "How many users who may act now are to be excluded, as `usersExcludedBy` says. Left out, none."
        )]
        exclude_existing_users: Option<i32>,
    ) -> Result<Organization, Error> {
        let caller = caller(context)?;
        caller.actor.settings()?;
        let expected = exclude_existing_users.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        caller.app.set_email_access(&caller.actor, input.parse()?, Some(expected)).await?;
        organization(caller)
    }
}

fn organization(caller: &Caller) -> Result<Organization, Error> {
    caller.app.organization(&caller.actor).map(Organization)
}

/// What new keys may be.
#[derive(InputObject)]
pub(crate) struct KeyPolicyInput {
    /// The longest expiration that a new key may have. `NEVER` is no bound; with any other, `NEVER` is refused.
    longest_expiration: ApiKeyExpiration,
    /// Whether an API key may create further keys, or only people in the console may.
    keys_may_create_keys: bool,
    /// Closes the creation of keys, and tells people why: 1 to 500 characters. Null, or left out, keys can be created.
    closed_message: Option<String>,
}

/// Who may be a user: four lists of at most 1,000 rules each.
#[derive(InputObject)]
pub(crate) struct EmailAccessInput {
    /// Domains to let in: `example.com` is exactly that domain, `*.example.com` its subdomains.
    allowed_domains: Vec<String>,
    /// Whole addresses to let in.
    allowed_addresses: Vec<String>,
    /// Domains to keep out, whatever else lets them in.
    blocked_domains: Vec<String>,
    /// Whole addresses to keep out, whatever else lets them in.
    blocked_addresses: Vec<String>,
}

impl EmailAccessInput {
    pub(crate) fn parse(&self) -> Result<EmailAccess, Error> {
        EmailAccess::parse(
            &self.allowed_domains,
            &self.allowed_addresses,
            &self.blocked_domains,
            &self.blocked_addresses,
        )
    }
}
