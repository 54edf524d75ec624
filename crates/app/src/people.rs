//! Seeing users, groups and roles.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, ApiKey, Error, GroupId, KeyFilter, OrganizationState, User, UserAttributes, UserFilter, UserId,
    UserPage,
};
use keystead_store::UserDetails;

use crate::open::fault;
use crate::{App, KeyList};

/// A user with what lists and pages show of them.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who, and what they may do.
    pub user: Arc<User>,
    /// When they last used the console, at most a minute late.
    pub last_seen_at: Option<Timestamp>,
    /// Whether they have a password.
    pub has_password: bool,
    /// Facts that a product keeps about them.
    pub attributes: UserAttributes,
}

impl Person {
    /// Whether they have never come in: no password, never seen.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.has_password && self.last_seen_at.is_none()
    }
}

/// A page of users.
#[derive(Debug, Clone)]
pub struct PersonList {
    /// The users, newest first.
    pub people: Vec<Person>,
    /// The cursor after each, in the same order.
    pub cursors: Vec<String>,
    /// Whether there are more after the last.
    pub has_more: bool,
}

/// What stops when a user is deactivated.
#[derive(Debug, Clone)]
pub struct KeyImpact {
    /// How many of their keys work now.
    pub working: u64,
    /// Those of them that were used in the last 7 days, the first 100.
    pub recently_used: Vec<ApiKey>,
}

impl App {
    /// The organization of an actor.
    pub fn organization(&self, actor: &Actor) -> Result<Arc<OrganizationState>, Error> {
        self.organization_of(actor.user())
    }

    /// The organization of a user.
    pub fn organization_of(&self, user: &User) -> Result<Arc<OrganizationState>, Error> {
        self.directory.organization(user.organization).ok_or_else(|| self.not_known())
    }

    /// A page of the organization's users, newest first. Needs `iam:read`.
    pub async fn users(
        &self,
        actor: &Actor,
        filter: &UserFilter,
        first: i64,
        after: Option<&str>,
    ) -> Result<PersonList, Error> {
        let scope = actor.people()?;
        let page = UserPage::new(first, after, &scope, filter)?;
        let first = usize::try_from(page.first).unwrap_or(usize::MAX);
        let (mut rows, mut after) = (Vec::new(), page.after);
        // One that cannot be read is left out, and must not look like the end of the list.
        while rows.len() <= first {
            let limit = i64::from(page.first) + 1;
            let more = self.store.users(&scope, filter, after, limit).await.map_err(fault)?;
            let Some(last) = more.last() else { break };
            after = Some(last.id);
            rows.extend(more);
        }
        let has_more = rows.len() > first;
        rows.truncate(first);
        let people: Vec<_> = rows.into_iter().filter_map(|details| self.person(details)).collect();
        let cursors = people.iter().map(|person| filter.cursor_after(&scope, person.user.id)).collect();
        Ok(PersonList { people, cursors, has_more })
    }

    /// How many users a filter lets through, counted up to a bound. Needs `iam:read`.
    pub async fn count_users(&self, actor: &Actor, filter: &UserFilter, at_most: u32) -> Result<u64, Error> {
        self.store.count_users(&actor.people()?, filter, at_most.into()).await.map_err(fault)
    }

    /// Notes in the audit log that the actor takes a copy of the list of users along. Needs `iam:read`.
    pub async fn record_users_export(&self, actor: &Actor, filter: &UserFilter) -> Result<(), Error> {
        let scope = actor.people()?;
        let mut change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        change.record_users_export(&scope, filter).await.map_err(fault)?;
        change.commit().await.map_err(fault)
    }

    /// A user of the organization. Needs `iam:read`.
    pub async fn user(&self, actor: &Actor, id: UserId) -> Result<Person, Error> {
        let details = self.store.user_details(&actor.people()?, id).await.map_err(fault)?;
        details.and_then(|details| self.person(details)).ok_or(Error::NotFound("user"))
    }

    /// The actor as a person.
    pub async fn myself(&self, actor: &Actor) -> Result<Person, Error> {
        let details = self.store.own_details(actor).await.map_err(fault)?;
        let person = details.and_then(|details| self.person(details)).ok_or(Error::Unauthenticated)?;
        Ok(match actor.session_attributes() {
            // In a session they are who the session says, and may do what it lets them.
            Some(attributes) => {
                Person { user: Arc::clone(actor.user()), attributes: attributes.clone(), ..person }
            }
            None => person,
        })
    }

    /// Somebody between the two reads was deleted: not there.
    fn person(&self, details: UserDetails) -> Option<Person> {
        Some(Person {
            user: self.directory.user(details.id)?,
            last_seen_at: details.last_seen_at,
            has_password: details.has_password,
            attributes: details.attributes,
        })
    }

    /// A page of one user's keys: one's own, or anybody's with `keys:read_all`.
    pub async fn keys_of(
        &self,
        actor: &Actor,
        user: &User,
        first: i64,
        after: Option<&str>,
    ) -> Result<KeyList, Error> {
        self.list(&actor.keys_of(user)?, &KeyFilter::default(), first, after).await
    }

    /// What stops when a user is deactivated or deleted.
    pub async fn key_impact(&self, actor: &Actor, user: &User) -> Result<KeyImpact, Error> {
        let scope = actor.keys_of(user)?;
        let now = self.now();
        let since = now.saturating_sub(SignedDuration::from_hours(24 * 7)).unwrap_or(Timestamp::MIN);
        let working = self.store.count_working_keys(&scope, now).await.map_err(fault)?;
        let recently_used = self.store.keys_used_since(&scope, since, now, 100).await.map_err(fault)?;
        Ok(KeyImpact { working, recently_used })
    }

    /// The organization of an actor, for its roles and groups. Needs `iam:read`.
    pub fn roles_and_groups(&self, actor: &Actor) -> Result<Arc<OrganizationState>, Error> {
        actor.people()?;
        self.organization(actor)
    }

    /// Members of a group, the first 100 of them, and how many there are. Needs `iam:read`.
    pub async fn group_members(&self, actor: &Actor, group: GroupId) -> Result<(Vec<Arc<User>>, u64), Error> {
        let scope = actor.people()?;
        self.organization(actor)?.find_group(group)?;
        let (ids, count) = self.store.group_members(&scope, group, 100).await.map_err(fault)?;
        Ok((ids.into_iter().filter_map(|id| self.directory.user(id)).collect(), count))
    }
}
