//! The list of users as every address of the page shows it: what the query asks for, the rows, and the links that keep it.

use keystead_app::Person;
use keystead_domain::{
    Assignments, Error, OrganizationState, ResourceId, SearchText, Standing, User, UserFilter, UserId,
    UserStatus,
};
use serde::Deserialize;

use super::address;
use crate::console::list::time;
use crate::console::roles::offered;
use crate::console::view::{
    Count, Notice, Tone, UserFilterStatus, UserList, UserListLinks, UserRole, UserRow, UserStanding,
};
use crate::console::visit::SignedIn;

/// Users a page.
const PAGE: i64 = 50;

/// The parameters of the list; every link and form of the page carries them along.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct UserQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    after: String,
    /// What was just done: `invited`, `deleted`.
    #[serde(default)]
    done: String,
    /// The user that it was done to, to mark their row.
    #[serde(default)]
    fresh: String,
}

impl UserQuery {
    /// An address of the page with these parameters, and `more`.
    fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let own = [("q", &self.q), ("status", &self.status), ("after", &self.after)];
        query.extend_pairs(own.into_iter().filter(|(_, value)| !value.is_empty()));
        query.extend_pairs(more);
        let query = query.finish();
        if query.is_empty() {
            format!("/settings/users{path}")
        } else {
            format!("/settings/users{path}?{query}")
        }
    }

    /// The list itself.
    pub(super) fn list(&self) -> String {
        self.address("", &[])
    }

    /// The dialog that invites somebody.
    pub(super) fn invite(&self) -> String {
        self.address("/invite", &[])
    }

    /// The list as it shows somebody who was just invited: from its beginning, with nothing filtered out.
    pub(super) fn after_inviting(user: UserId) -> String {
        Self::default().address("", &[("done", "invited"), ("fresh", &user.to_string())])
    }

    /// The list after somebody was deleted.
    pub(super) fn after_deleting() -> String {
        Self::default().address("", &[("done", "deleted")])
    }

    pub(super) fn filter(&self) -> Result<UserFilter, Error> {
        let status = Some(self.status.as_str()).filter(|status| !status.is_empty());
        let status = status.map(UserStatus::parse).transpose()?;
        Ok(UserFilter { search: SearchText::parse(&self.q)?, status })
    }

    /// The list, as the actor may see it.
    pub(super) async fn load(&self, visit: &SignedIn) -> Result<UserList, Error> {
        let (app, actor, filter) = (visit.app(), &visit.actor, self.filter()?);
        let after = Some(self.after.as_str()).filter(|after| !after.is_empty());
        let page = app.users(actor, &filter, PAGE, after).await?;
        let matching = Count(app.count_users(actor, &filter, Count::AT_MOST).await?);
        let all = if filter == UserFilter::default() {
            matching
        } else {
            Count(app.count_users(actor, &UserFilter::default(), Count::AT_MOST).await?)
        };
        let state = app.organization(actor)?;
        let next = page.cursors.last().filter(|_| page.has_more);
        Ok(UserList {
            rows: page.people.iter().map(|person| self.row(person, &state, actor.user().id)).collect(),
            matching,
            all,
            search: self.q.trim().to_owned(),
            status: filter.status.and_then(|status| {
                UserFilterStatus::ALL.into_iter().find(|shown| shown.value == status.code())
            }),
            links: UserListLinks {
                invite: offered(actor.manage_people().map(drop), || self.invite()),
                export: Self { after: String::new(), ..self.clone() }.address("/export.csv", &[]),
                clear: "/settings/users".to_owned(),
                first: after.map(|_| Self { after: String::new(), ..self.clone() }.list()),
                next: next.map(|cursor| Self { after: cursor.clone(), ..self.clone() }.list()),
            },
        })
    }

    /// What was just done.
    pub(super) fn notice(&self) -> Option<Notice> {
        let text = match self.done.as_str() {
            "invited" => "The invitation is ready. Their row shows when they have come in.",
            "deleted" => "The user was deleted, and their keys were revoked.",
            _ => return None,
        };
        Some(Notice { tone: Tone::Good, text: text.to_owned() })
    }

    fn row(&self, person: &Person, state: &OrganizationState, own: UserId) -> UserRow {
        let user = &person.user;
        UserRow {
            href: address(user.id, ""),
            name: user.name.to_string(),
            email: user.email.to_string(),
            own: user.id == own,
            roles: held_roles(user, state),
            standing: standing(person),
            last_seen: person.last_seen_at.map(time),
            added: time(user.created_at),
            fresh: user.id.to_string() == self.fresh,
        }
    }
}

/// Their own roles, then those that they inherit.
pub(super) fn held_roles(user: &User, state: &OrganizationState) -> Vec<UserRole> {
    let of = |assignments: &Assignments, from: Option<String>| -> Vec<UserRole> {
        let known = assignments.iter().filter_map(|(id, scopes)| Some((state.roles.get(id)?, scopes)));
        known
            .map(|(role, scopes)| UserRole {
                name: role.name.to_string(),
                from: from.clone(),
                scopes: scopes.iter().map(ResourceId::as_str).map(str::to_owned).collect(),
            })
            .collect()
    };
    let inherited =
        user.groups().iter().flat_map(|group| of(&group.assignments, Some(group.name.to_string())));
    of(&user.assignments, None).into_iter().chain(inherited).collect()
}

pub(super) fn standing(person: &Person) -> UserStanding {
    match person.user.standing() {
        Standing::Deactivated | Standing::Archived => UserStanding::Deactivated,
        Standing::NotAdmitted => UserStanding::NotAdmitted,
        Standing::Active if person.is_pending() => UserStanding::Invited,
        Standing::Active => UserStanding::Active,
    }
}
