//! Users, groups and roles, to read.

use async_graphql::{Context, ID, Object};
use keystead_domain::{Error, SearchText, UserFilter};

use super::{PAGE, items};
use crate::graphql::connection::UserConnection;
use crate::graphql::role::{Role, UserGroup};
use crate::graphql::user::{User, UserStatus};
use crate::graphql::{Caller, caller, id_of};

/// Users that `listUsers` answers with at most: it has no pages.
const LISTED_USERS: usize = 1_000;

#[derive(Default)]
pub(super) struct PeopleQuery;

#[Object]
impl PeopleQuery {
    /// All users of the organization, newest first, if there are at most 1,000. `users` has pages. Needs the permission
    /// `iam:read`.
    ///
    /// Errors: `FORBIDDEN`; `NOT_FOUND` for a workspace that is not the caller's organization; `CONFLICT` for more than 1,000
    /// users.
    #[graphql(complexity = "100 + 100 * child_complexity")]
    async fn list_users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id of the caller's organization; it is meant anyway.")] workspace_id: Option<
            ID,
        >,
    ) -> Result<Vec<User>, Error> {
        let caller = caller(context)?;
        caller.actor.people()?;
        caller.check_workspace(workspace_id.as_ref())?;
        all_users(caller).await
    }

    /// A page of the organization's users, newest first. Needs the permission `iam:read`.
    ///
    /// Errors: `FORBIDDEN`; `BAD_USER_INPUT` for what is wrong with `search`, `first` or `after`.
    #[graphql(complexity = "100 + items(first) * child_complexity")]
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Only users with this text in name or address, without regard to case: at most 200 characters."
        )]
        search: Option<String>,
        #[graphql(desc = "Only users who have come this far.")] status: Option<UserStatus>,
        #[graphql(default_with = "Some(PAGE)", desc = "How many: 1 to 100.")] first: Option<i64>,
        #[graphql(desc = "Only users after this cursor, which the same list gave.")] after: Option<String>,
    ) -> Result<UserConnection, Error> {
        let caller = caller(context)?;
        let filter = UserFilter {
            search: search.as_deref().map(SearchText::parse).transpose()?.flatten(),
            status: status.map(Into::into),
        };
        let first = first.unwrap_or(PAGE);
        let page = caller.app.users(&caller.actor, &filter, first, after.as_deref()).await?;
        Ok(UserConnection { page, continued: after.is_some() })
    }

    /// A user of the organization. Needs the permission `iam:read`.
    ///
    /// Errors: `FORBIDDEN`; `NOT_FOUND`.
    #[graphql(complexity = "100 + child_complexity")]
    async fn user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user's id.")] id: ID,
    ) -> Option<Result<User, Error>> {
        Some(user(context, &id).await)
    }

    /// Every role that can be assigned: built-in ones first, then the deployment's, then the organization's, by name. Needs the
    /// permission `iam:read`.
    ///
    /// Errors: `FORBIDDEN`.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    async fn roles(&self, context: &Context<'_>) -> Result<Vec<Role>, Error> {
        let caller = caller(context)?;
        let organization = caller.app.roles_and_groups(&caller.actor)?;
        Ok(organization.roles.list().into_iter().cloned().map(Role).collect())
    }

    /// The organization's groups, by name: at most 500. Needs the permission `iam:read`.
    ///
    /// Errors: `FORBIDDEN`.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    async fn user_groups(&self, context: &Context<'_>) -> Result<Vec<UserGroup>, Error> {
        let caller = caller(context)?;
        let organization = caller.app.roles_and_groups(&caller.actor)?;
        Ok(organization.groups().into_iter().cloned().map(UserGroup::of).collect())
    }

    /// A group of the organization. Needs the permission `iam:read`.
    ///
    /// Errors: `FORBIDDEN`; `NOT_FOUND`.
    #[graphql(complexity = "100 + child_complexity")]
    async fn user_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group's id.")] id: ID,
    ) -> Option<Result<UserGroup, Error>> {
        Some(user_group(context, &id))
    }
}

async fn all_users(caller: &Caller) -> Result<Vec<User>, Error> {
    let filter = UserFilter::default();
    let mut users = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = caller.app.users(&caller.actor, &filter, 100, after.as_deref()).await?;
        users.extend(page.people.into_iter().map(User::of_person));
        if users.len() > LISTED_USERS || (page.has_more && users.len() == LISTED_USERS) {
            return Err(Error::Conflict(format!(
                "There are more than {LISTED_USERS} users. Read them page by page, with users(first, after)."
            )));
        }
        match page.cursors.last() {
            Some(cursor) if page.has_more => after = Some(cursor.clone()),
            _ => return Ok(users),
        }
    }
}

async fn user(context: &Context<'_>, id: &ID) -> Result<User, Error> {
    let caller = caller(context)?;
    caller.actor.people()?;
    caller.app.user(&caller.actor, id_of(id, "user")?).await.map(User::of_person)
}

fn user_group(context: &Context<'_>, id: &ID) -> Result<UserGroup, Error> {
    let caller = caller(context)?;
    let organization = caller.app.roles_and_groups(&caller.actor)?;
    organization.find_group(id_of(id, "group")?).cloned().map(UserGroup::of)
}
