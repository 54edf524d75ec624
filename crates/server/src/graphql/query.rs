//! The queries, by what they read.

mod organizations;
mod people;

use async_graphql::{Context, ID, MergedObject, Object};
use keystead_domain::{Error, KeyFilter, KeyId, MAX_PAGE_SIZE, SearchText, Status, View};
use tokio::sync::OnceCell;

use super::audit::AuditQuery;
use super::connection::ApiKeyConnection;
use super::key::{ApiKey, ApiKeyStatus, ApiKeyView};
use super::user::User;
use super::{caller, id_of};

/// Keys on a page, if the caller does not say.
pub(super) const PAGE: i64 = 50;

/// What can be read. Each field reads on behalf of the caller: what they may not see is not there.
#[derive(MergedObject, Default)]
pub(crate) struct Query(KeyQuery, people::PeopleQuery, organizations::OrganizationQuery, AuditQuery);

#[derive(Default)]
struct KeyQuery;

#[Object]
impl KeyQuery {
    /// The user behind the request: who signed in, or who created the API key.
    async fn current_user(&self, context: &Context<'_>) -> Result<User, Error> {
        Ok(User::of(caller(context)?.actor.user().clone()))
    }

    /// An API key: one of the caller's own, or anybody's in the organization with the permission `keys:read_all`.
    ///
    /// Errors: `NOT_FOUND` for what is not there, was revoked, or may not be seen; all look alike.
    #[graphql(complexity = "100 + child_complexity")]
    async fn api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key's id.")] id: ID,
    ) -> Option<Result<ApiKey, Error>> {
        // The error inside of the option: the engine then answers null here, and the rest of the query stays whole.
        Some(key(context, &id).await)
    }

    /// A page of API keys: those that work first, newest first, then expired ones, newest first. Revoked keys are gone.
    ///
    /// Errors: `FORBIDDEN` for `ALL` without the permission `keys:read_all`; `BAD_USER_INPUT` for what is wrong with
    /// `search`, `first` or `after`.
    #[graphql(complexity = "100 + items(first) * child_complexity")]
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(default, desc = "Whose keys.")] view: ApiKeyView,
        #[graphql(
            desc = "Only keys with this text in name, description or masked token, without regard to case: at most \
                          200 characters."
        )]
        search: Option<String>,
        #[graphql(desc = "Only keys of this status.")] status: Option<ApiKeyStatus>,
        #[graphql(default_with = "Some(PAGE)", desc = "How many: 1 to 100.")] first: Option<i64>,
        #[graphql(desc = "Only keys after this cursor, which the same list gave.")] after: Option<String>,
    ) -> Result<ApiKeyConnection, Error> {
        let caller = caller(context)?;
        let view = View::from(view);
        let filter = KeyFilter {
            search: search.as_deref().map(SearchText::parse).transpose()?.flatten(),
            status: status.map(Status::from),
        };
        let first = first.unwrap_or(PAGE);
        let page = caller.app.keys(&caller.actor, view, &filter, first, after.as_deref()).await?;
        let now = caller.app.now();
        Ok(ApiKeyConnection { view, filter, continued: after.is_some(), page, now, count: OnceCell::new() })
    }
}

async fn key(context: &Context<'_>, id: &ID) -> Result<ApiKey, Error> {
    let caller = caller(context)?;
    let key = caller.app.key(&caller.actor, id_of::<KeyId>(id, "API key")?).await?;
    Ok(ApiKey { key, now: caller.app.now() })
}

/// The most items that `first` can yield: what is out of bounds is refused later, and costs nothing.
pub(super) fn items(first: Option<i64>) -> usize {
    let most = usize::try_from(MAX_PAGE_SIZE).unwrap_or(usize::MAX);
    usize::try_from(first.unwrap_or(PAGE)).unwrap_or(0).min(most)
}
