//! The organization's users, for administrators.

use jiff::Timestamp;
use keystead_app::Person;
use keystead_domain::{self as domain, Error, SearchText, Standing, UserFilter};
use rmcp::model::Tool;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::keys::page;
use super::{Effect, define};
use crate::mcp::caller::Caller;

pub(super) fn list_tool(name: &'static str) -> Tool {
    define::<ListInput, UserPage>(
        name,
        "List users",
        "Returns a page of the organization's users, newest first, with their standing and roles. Use it to find a person's id by name or \
         e-mail address, or people who are pending or deactivated. Needs the permission iam:read. It changes nobody: users are \
         invited, changed and deactivated in the console.",
        Effect::None,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListInput {
    /// Only users with this text in name or e-mail address, without regard to case.
    #[schemars(length(max = 200))]
    search: Option<String>,
    /// Only users who have come this far.
    status: Option<UserStatus>,
    /// How many at most.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 100))]
    first: i64,
    /// Only users after this place: `next_cursor` of an answer to the same search and status.
    #[schemars(length(max = 200))]
    after: Option<String>,
}

/// How far a user has come.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum UserStatus {
    /// They can sign in.
    Active,
    /// They were invited or created, and never came in.
    Pending,
    /// They were deactivated: they and their keys can do nothing.
    Deactivated,
}

impl From<UserStatus> for domain::UserStatus {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Active => Self::Active,
            UserStatus::Pending => Self::Pending,
            UserStatus::Deactivated => Self::Deactivated,
        }
    }
}

/// A page of users.
#[derive(Serialize, JsonSchema)]
pub(super) struct UserPage {
    /// The users.
    users: Vec<User>,
    /// Ask for the next page with `after=next_cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// A person of the organization.
#[derive(Serialize, JsonSchema)]
struct User {
    /// Their id.
    id: String,
    /// Their name.
    name: String,
    /// Their e-mail address.
    email: String,
    /// Whether they may do anything, and if not, why: active, deactivated, `not_admitted` (by the e-mail access rules) or archived
    /// (with their organization). While it is not active, none of their keys works.
    standing: &'static str,
    /// Whether they were invited and never came in.
    pending: bool,
    /// The ids of their roles, their groups' included.
    roles: Vec<String>,
    /// When they were added (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    created_at: Timestamp,
    /// When they last used the console; null if they never did.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    last_seen_at: Option<Timestamp>,
}

impl User {
    fn of(person: &Person) -> Self {
        let user = &person.user;
        let inherited = user.groups().iter().flat_map(|group| group.assignments.iter());
        let mut roles: Vec<_> =
            user.assignments.iter().chain(inherited).map(|(role, _)| role.to_string()).collect();
        roles.sort_unstable();
        roles.dedup();
        Self {
            id: user.id.to_string(),
            name: user.name.to_string(),
            email: user.email.to_string(),
            standing: match user.standing() {
                Standing::Active => "active",
                Standing::Deactivated => "deactivated",
                Standing::NotAdmitted => "not_admitted",
                Standing::Archived => "archived",
            },
            pending: person.is_pending(),
            roles,
            created_at: user.created_at,
            last_seen_at: person.last_seen_at,
        }
    }
}

pub(super) async fn list(caller: &Caller<'_>, input: ListInput) -> Result<UserPage, Error> {
    // Before anything is said about the filter.
    caller.actor.people()?;
    let filter = UserFilter {
        search: input.search.as_deref().map(SearchText::parse).transpose()?.flatten(),
        status: input.status.map(Into::into),
    };
    let page = caller.app().users(&caller.actor, &filter, input.first, input.after.as_deref()).await?;
    Ok(UserPage {
        users: page.people.iter().map(User::of).collect(),
        next_cursor: page.cursors.last().filter(|_| page.has_more).cloned(),
    })
}
