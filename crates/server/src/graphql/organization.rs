//! Organizations and their settings in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use keystead_domain::{EmailList, OrganizationState, RuleKind};

use super::caller;
use super::key::{ApiKeyExpiration, DateTime};

/// The caller's organization.
pub(super) struct Organization(pub(super) Arc<OrganizationState>);

/// The caller's organization. What it lets everybody see is what everybody meets: its name, and what new keys may be.
#[Object]
impl Organization {
    /// Its id, also its `workspaceId`.
    async fn id(&self) -> ID {
        self.0.id().to_string().into()
    }

    /// Its name: 1 to 100 characters.
    async fn name(&self) -> &str {
        self.0.organization.name.as_str()
    }

    /// What new keys may be.
    async fn key_policy(&self) -> KeyPolicy {
        let policy = &self.0.policy;
        KeyPolicy {
            longest_expiration: policy.longest.into(),
            keys_may_create_keys: policy.keys_may_create_keys,
            closed_message: policy.closed.as_ref().map(ToString::to_string),
        }
    }

    /// Who may be a user, by e-mail address.
    async fn email_access(&self) -> EmailAccess {
        EmailAccess(Arc::clone(&self.0))
    }
}

/// What new keys may be, through every door. Keys that exist stay as they are.
#[derive(SimpleObject)]
pub(super) struct KeyPolicy {
    /// The longest expiration that a new key may have. `NEVER` is no bound.
    longest_expiration: ApiKeyExpiration,
    /// Whether an API key may create further keys, or only people in the console may.
    keys_may_create_keys: bool,
    /// While it is there nobody creates a key, and this is what they are told; null while keys can be created.
    closed_message: Option<String>,
}

/// Who may be a user, by e-mail address.
pub(super) struct EmailAccess(Arc<OrganizationState>);

impl EmailAccess {
    /// One of the four lists, for whoever may change it.
    fn list(&self, context: &Context<'_>, list: EmailList, kind: RuleKind) -> Option<Vec<String>> {
        caller(context).ok()?.actor.settings().ok()?;
        Some(self.0.email_access.rules(list, kind).map(|rule| rule.as_str().to_owned()).collect())
    }
}

/// Who may be a user, by e-mail address: a block rule wins; while both lists of what is allowed are empty, everybody else is let
/// in; otherwise an allow rule must match. A domain covers exactly that domain, and `*.example.com` its subdomains.
#[Object]
impl EmailAccess {
    /// Whether both lists of what is allowed are empty: whoever is not blocked is let in.
    async fn open(&self) -> bool {
        self.0.email_access.is_open()
    }

    /// Domains that are let in. Null without the permission `settings:write`.
    async fn allowed_domains(&self, context: &Context<'_>) -> Option<Vec<String>> {
        self.list(context, EmailList::Allow, RuleKind::Domain)
    }

    /// Whole addresses that are let in. Null without the permission `settings:write`.
    async fn allowed_addresses(&self, context: &Context<'_>) -> Option<Vec<String>> {
        self.list(context, EmailList::Allow, RuleKind::Address)
    }

    /// Domains that are kept out. Null without the permission `settings:write`.
    async fn blocked_domains(&self, context: &Context<'_>) -> Option<Vec<String>> {
        self.list(context, EmailList::Block, RuleKind::Domain)
    }

    /// Whole addresses that are kept out. Null without the permission `settings:write`.
    async fn blocked_addresses(&self, context: &Context<'_>) -> Option<Vec<String>> {
        self.list(context, EmailList::Block, RuleKind::Address)
    }
}

/// An organization of the deployment, as site administrators see it: that it is there, and no more.
#[derive(SimpleObject)]
pub(super) struct OrganizationSummary {
    /// Its id.
    id: ID,
    /// Its name.
    name: String,
    /// When it was made.
    created_at: DateTime,
    /// Since when it refuses everything; null while it is in use.
    archived_at: Option<DateTime>,
}

impl OrganizationSummary {
    pub(super) fn of(state: &OrganizationState) -> Self {
        let organization = &state.organization;
        Self {
            id: organization.id.to_string().into(),
            name: organization.name.to_string(),
            created_at: DateTime(organization.created_at),
            archived_at: organization.archived_at.map(DateTime),
        }
    }
}
