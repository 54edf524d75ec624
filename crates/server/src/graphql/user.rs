//! `User` in the schema.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use jiff::Timestamp;
use keystead_app::Person;
use keystead_domain::{self as domain, Error, Standing, UserAttributes, UserId};
use tokio::sync::OnceCell;

use super::caller;
use super::key::DateTime;
use super::role::{self, InheritedRoleAssignment, RoleAssignment, UserGroupReference};

/// A person of the caller's organization, as of now.
pub(super) struct User {
    id: UserId,
    name: String,
    /// `None` for somebody who was deleted while this was answered.
    known: Option<Arc<domain::User>>,
    /// What is read only when it is asked for, and then once; `None` inside for whoever may not see it.
    person: OnceCell<Option<Person>>,
}

impl User {
    pub(super) fn of(user: Arc<domain::User>) -> Self {
        Self { id: user.id, name: user.name.to_string(), known: Some(user), person: OnceCell::new() }
    }

    /// Somebody of whom all is read already.
    pub(super) fn of_person(person: Person) -> Self {
        let user = Self::of(Arc::clone(&person.user));
        Self { person: OnceCell::new_with(Some(Some(person))), ..user }
    }

    /// Somebody who is gone, but not yet from all that names them.
    pub(super) fn gone(id: UserId, name: String) -> Self {
        Self { id, name, known: None, person: OnceCell::new() }
    }

    async fn person(&self, context: &Context<'_>) -> Result<Option<&Person>, Error> {
        let caller = caller(context)?;
        let read = || async {
            let read = if self.id == caller.actor.user().id {
                caller.app.myself(&caller.actor).await
            } else {
                caller.app.user(&caller.actor, self.id).await
            };
            match read {
                Ok(person) => Ok(Some(person)),
                // Neither takes along the list that they stand in.
                Err(Error::Forbidden(_) | Error::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        };
        Ok(self.person.get_or_try_init(read).await?.as_ref())
    }
}

/// A person of the caller's organization, as of now. Everybody sees themselves; whoever sees a key sees its creator and what
/// they may do, since the key may do the same; holders of `iam:read` see all users, and all of each.
#[Object]
impl User {
    /// The user's id. It never changes.
    async fn id(&self) -> ID {
        self.id.to_string().into()
    }

    /// The address that they sign in with, as it was written. Unique in the organization without regard to case.
    async fn email(&self) -> &str {
        self.known.as_ref().map_or("", |user| user.email.as_str())
    }

    /// How others see them: 1 to 100 characters.
    async fn name(&self) -> &str {
        &self.name
    }

    /// The address of a picture. Keystead has no pictures: always the empty text.
    async fn profile_picture(&self) -> &'static str {
        ""
    }

    /// Whether they may do anything. While it is false they cannot sign in and none of their keys works; `standing` says why.
    async fn active(&self) -> bool {
        self.known.as_ref().is_some_and(|user| user.may_act())
    }

    /// Whether they may do anything, and if not, why.
    async fn standing(&self) -> UserStanding {
        match self.known.as_ref().map(|user| user.standing()) {
            Some(Standing::Active) => UserStanding::Active,
            Some(Standing::Deactivated) => UserStanding::Deactivated,
            Some(Standing::NotAdmitted) => UserStanding::NotAdmitted,
            Some(Standing::Archived) => UserStanding::Archived,
            None => UserStanding::Deleted,
        }
    }

    /// When they were added.
    async fn creation_timestamp(&self) -> DateTime {
        // An id begins with the millisecond in which it was made (RFC 9562, section 5.7).
        let made = || {
            i64::try_from(self.id.as_u128() >> 80).ok().and_then(|at| Timestamp::from_millisecond(at).ok())
        };
        let known = self.known.as_ref().map(|user| user.created_at);
        DateTime(known.or_else(made).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// When they last used the console, at most a minute late; null if they never did, and for callers who see somebody else
    /// without the permission `iam:read`.
    #[graphql(complexity = 5)]
    async fn last_active_session_timestamp(&self, context: &Context<'_>) -> Result<Option<DateTime>, Error> {
        Ok(self.person(context).await?.and_then(|person| person.last_seen_at).map(DateTime))
    }

    /// The roles that they were assigned themselves.
    async fn role_assignments(&self) -> Vec<RoleAssignment> {
        self.known.as_ref().map(|user| role::own(&user.assignments)).unwrap_or_default()
    }

    /// The roles that they hold as a member of groups.
    async fn inherited_role_assignments(&self) -> Vec<InheritedRoleAssignment> {
        let groups = self.known.iter().flat_map(|user| user.groups());
        groups.flat_map(|group| role::inherited(group)).collect()
    }

    /// The groups that they are a member of.
    async fn groups(&self) -> Vec<UserGroupReference> {
        let groups = self.known.iter().flat_map(|user| user.groups());
        groups.map(|group| UserGroupReference::of(group)).collect()
    }

    /// What their roles permit everywhere, in alphabetical order, such as `keys:read_all`. Their API keys can do the same, and
    /// no more. Roles that are limited to resources permit more on these.
    async fn permissions(&self) -> Vec<&str> {
        let permissions = self.known.iter().flat_map(|user| user.permissions().iter());
        permissions.map(domain::Permission::as_str).collect()
    }

    /// Facts about them that a product keeps here, by key. Empty for callers who see somebody else without the permission
    /// `iam:read`.
    #[graphql(complexity = "5 + child_complexity")]
    async fn user_attributes(&self, context: &Context<'_>) -> Result<Vec<UserAttribute>, Error> {
        let person = self.person(context).await?;
        let actor = &caller(context)?.actor;
        let of_session = actor.impersonation().is_some() && self.id == actor.user().id;
        let source = if of_session { UserAttributeSource::Jwt } else { UserAttributeSource::Database };
        let attributes = person.iter().flat_map(|person| person.attributes.iter());
        Ok(attributes
            .map(|(key, value)| UserAttribute { key: key.to_owned(), value: value.to_owned(), source })
            .collect())
    }

    /// Whether an identity provider manages them over SCIM. Keystead has no SCIM yet: always false.
    async fn is_scim_managed(&self) -> bool {
        false
    }
}

/// Whether a user may do anything, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum UserStanding {
    /// They may.
    Active,
    /// They were deactivated.
    Deactivated,
    /// The organization's e-mail access rules do not admit their address.
    NotAdmitted,
    /// Their organization is archived.
    Archived,
    /// They were deleted while this was answered.
    Deleted,
}

/// How far a user has come.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserStatus")]
pub(super) enum UserStatus {
    /// They can sign in.
    Active,
    /// They were invited or created, and have neither a password nor ever used the console.
    Pending,
    /// They were deactivated.
    Deactivated,
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
    /// The token of the caller's impersonated session says it.
    Jwt,
}

/// A fact about a user, to keep.
#[derive(InputObject)]
pub(super) struct UserAttributeInput {
    /// What it is called: 1 to 100 characters, once for each user.
    key: String,
    /// What it is: at most 1,000 characters.
    value: String,
}

impl UserAttributeInput {
    /// Key and value, not checked.
    pub(super) fn into_pair(self) -> (String, String) {
        (self.key, self.value)
    }
}

/// Checks what a caller sent.
pub(super) fn attributes(input: &[UserAttributeInput]) -> Result<UserAttributes, Error> {
    UserAttributes::parse(input.iter().map(|one| (one.key.as_str(), one.value.as_str())))
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Schema};
    use serde_json::json;

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn user(&self) -> User {
            let id = "01990000-0000-7000-8000-000000000000".parse().unwrap();
            User::gone(id, "Ada".to_owned())
        }
    }

    #[tokio::test]
    async fn somebody_who_is_gone_has_a_name_and_may_do_nothing_and_takes_no_list_along() {
        let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
        let query = "{ user { id email name profilePicture active standing creationTimestamp roleAssignments { roleId } \
                     inheritedRoleAssignments { roleId } groups { id } permissions isScimManaged } }";
        let answer = schema.execute(query).await.into_result().unwrap();
        assert_eq!(
            answer.data.into_json().unwrap(),
            json!({ "user": {
                "id": "01990000-0000-7000-8000-000000000000", "email": "", "name": "Ada", "profilePicture": "",
                "active": false, "standing": "DELETED", "creationTimestamp": "2025-08-31T12:00:24.064Z",
                "roleAssignments": [], "inheritedRoleAssignments": [], "groups": [], "permissions": [],
                "isScimManaged": false,
            } })
        );
    }
}
