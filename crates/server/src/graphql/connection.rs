//! Pages of keys and of users, as Relay's Cursor Connections Specification has them.

use async_graphql::{Context, Object, SimpleObject};
use jiff::Timestamp;
use keystead_app::{KeyList, PersonList};
use keystead_domain::{Error, KeyFilter, View};
use tokio::sync::OnceCell;

use super::caller;
use super::key::ApiKey;
use super::user::User;

/// A page of keys.
pub(super) struct ApiKeyConnection {
    pub(super) view: View,
    pub(super) filter: KeyFilter,
    /// Whether the page begins behind a cursor.
    pub(super) continued: bool,
    pub(super) page: KeyList,
    pub(super) now: Timestamp,
    /// Under however many names it is asked for, it is counted once.
    pub(super) count: OnceCell<u64>,
}

impl ApiKeyConnection {
    fn keys(&self) -> impl Iterator<Item = ApiKey> {
        self.page.keys.iter().map(|key| ApiKey { key: key.clone(), now: self.now })
    }
}

/// A page of keys: those that work first, newest first, then expired ones, newest first.
#[Object]
impl ApiKeyConnection {
    /// The keys, each with its cursor.
    async fn edges(&self) -> Vec<ApiKeyEdge> {
        let cursors = self.page.cursors.iter().cloned();
        cursors.zip(self.keys()).map(|(cursor, node)| ApiKeyEdge { cursor, node }).collect()
    }

    /// The keys alone.
    async fn nodes(&self) -> Vec<ApiKey> {
        self.keys().collect()
    }

    /// Whether there is more, and from where.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.page.cursors, self.page.has_more, self.continued)
    }

    /// How many keys the view and the filters let through, on all pages. Counted only when it is asked for.
    async fn total_count(&self, context: &Context<'_>) -> Result<i32, Error> {
        let caller = caller(context)?;
        let count = || caller.app.count_keys(&caller.actor, self.view, &self.filter);
        let count = *self.count.get_or_try_init(count).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A key in a list.
#[derive(SimpleObject)]
pub(super) struct ApiKeyEdge {
    /// The place after this key, for `after`. Good for the same list only: the same view, search and status.
    cursor: String,
    /// The key.
    node: ApiKey,
}

/// Where a page stands in its list.
#[derive(SimpleObject)]
pub(super) struct PageInfo {
    /// Whether there is more after this page: ask for them with `after: endCursor`.
    has_next_page: bool,
    /// Whether this page was asked for with `after`. Lists are read forwards only.
    has_previous_page: bool,
    /// The cursor of the first item; null on an empty page.
    start_cursor: Option<String>,
    /// The cursor of the last item; null on an empty page.
    end_cursor: Option<String>,
}

impl PageInfo {
    pub(super) fn of(cursors: &[String], has_more: bool, continued: bool) -> Self {
        Self {
            has_next_page: has_more,
            has_previous_page: continued,
            start_cursor: cursors.first().cloned(),
            end_cursor: cursors.last().cloned(),
        }
    }
}

/// A page of users.
pub(super) struct UserConnection {
    pub(super) page: PersonList,
    /// Whether the page begins behind a cursor.
    pub(super) continued: bool,
}

impl UserConnection {
    fn users(&self) -> impl Iterator<Item = User> {
        self.page.people.iter().cloned().map(User::of_person)
    }
}

/// A page of users, newest first.
#[Object]
impl UserConnection {
    /// The users, each with their cursor.
    async fn edges(&self) -> Vec<UserEdge> {
        let cursors = self.page.cursors.iter().cloned();
        cursors.zip(self.users()).map(|(cursor, node)| UserEdge { cursor, node }).collect()
    }

    /// The users alone.
    async fn nodes(&self) -> Vec<User> {
        self.users().collect()
    }

    /// Whether there is more, and from where.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.page.cursors, self.page.has_more, self.continued)
    }
}

/// A user in a list.
#[derive(SimpleObject)]
pub(super) struct UserEdge {
    /// The place after this user, for `after`. Good for the same list only: the same search and status.
    cursor: String,
    /// The user.
    node: User,
}
