//! `User` in the schema.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};
use keystead_domain as domain;

use super::key::DateTime;

/// A person of the caller's organization, as of now.
pub(super) struct User(pub(super) Arc<domain::User>);

/// A person of the caller's organization, as of now.
#[Object]
impl User {
    /// The user's id. It never changes.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The address that they sign in with, as it was written. Unique in the organization without regard to case.
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// How others see them: 1 to 100 characters.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The address of a picture. Keystead has no pictures: always the empty text.
    async fn profile_picture(&self) -> &'static str {
        ""
    }

    /// Whether they may do anything. While it is false they cannot sign in and none of their keys works.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// When they were added.
    async fn creation_timestamp(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When they last used the console. Not told yet: always null.
    async fn last_active_session_timestamp(&self) -> Option<DateTime> {
        None
    }

    /// The roles that they hold.
    async fn role_assignments(&self) -> Vec<RoleAssignment> {
        let one = |(role, scopes): (&domain::RoleId, &BTreeSet<domain::ResourceId>)| RoleAssignment {
            role_id: role.as_str().into(),
            scopes: scopes.iter().map(|id| id.as_str().to_owned()).collect(),
        };
        self.0.assignments.iter().map(one).collect()
    }

    /// What their roles permit, in alphabetical order, such as `keys:read_all`. Their API keys can do the same, and no more.
    async fn permissions(&self) -> Vec<&str> {
        self.0.permissions().iter().map(domain::Permission::as_str).collect()
    }

    /// Facts about them that a product keeps here. Nothing sets any yet: always empty.
    async fn user_attributes(&self) -> Vec<UserAttribute> {
        Vec::new()
    }

    /// Whether an identity provider manages them over SCIM. Keystead has no SCIM yet: always false.
    async fn is_scim_managed(&self) -> bool {
        false
    }
}

/// A role that a user holds.
#[derive(SimpleObject)]
pub(super) struct RoleAssignment {
    /// The role: `administrator` or `member`.
    role_id: ID,
    /// The ids of the resources that it is limited to. Empty means everywhere.
    scopes: Vec<String>,
}

/// A fact about a user.
#[derive(SimpleObject)]
pub(super) struct UserAttribute {
    /// What it is called.
    key: String,
    /// What it is.
    value: String,
    /// Where it comes from.
    source: UserAttributeSource,
}

/// Where a user's attribute comes from.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum UserAttributeSource {
    /// It was set over this API.
    Database,
    /// The identity provider's token said it.
    Jwt,
}
