//! The list of keys as every address of the page shows it: what the query asks for, the rows, and the links that keep it.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use jiff::Timestamp;
use keystead_app::KeySessions;
use keystead_domain::{Actor, ApiKey, Error, KeyFilter, KeyId, SearchText, Status, View};
use serde::Deserialize;

use super::html;
use super::place::{KeysVisit, Place};
use super::view::{self, Action, Bulk, Count, Filter, KeyRow, ListLinks, Notice, Time, Tone};
use crate::Doors;

/// Keys a page.
const PAGE: i64 = 50;

/// The parameters of the list; every link and form of the page carries them along.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ListQuery {
    /// Where the list is looked at.
    #[serde(skip)]
    place: Place,
    #[serde(default)]
    view: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    after: String,
    /// What was just done: `created`, `updated`, `revoked`, `ended-sessions`.
    #[serde(default)]
    done: String,
    /// The key that it was done to, to mark its row.
    #[serde(default)]
    fresh: String,
    #[serde(default)]
    waited: String,
}

impl FromRequestParts<Doors> for ListQuery {
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, QueryRejection> {
        let Query(query) = Query::<Self>::from_request_parts(parts, doors).await?;
        Ok(Self { place: Place::of(&parts.uri), ..query })
    }
}

impl ListQuery {
    /// The list from its beginning, with nothing filtered out.
    pub(super) fn start(&self) -> Self {
        Self { place: self.place, ..Self::default() }
    }

    /// An address of the page with these parameters, and `more`.
    fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let own = [("view", &self.view), ("q", &self.q), ("status", &self.status), ("after", &self.after)];
        query.extend_pairs(own.into_iter().filter(|(_, value)| !value.is_empty()));
        query.extend_pairs(more);
        let query = query.finish();
        let list = self.place.keys();
        if query.is_empty() { format!("{list}{path}") } else { format!("{list}{path}?{query}") }
    }

    /// The list itself.
    pub(super) fn list(&self) -> String {
        self.address("", &[])
    }

    /// The list after something was done to a key.
    pub(super) fn after_doing(&self, what: &str, key: KeyId) -> String {
        self.address("", &[("done", what), ("fresh", &key.to_string())])
    }

    /// The list as it shows a key that was just made: from its beginning, with nothing filtered out.
    pub(super) fn after_creating(&self, key: KeyId) -> String {
        Self { view: self.view.clone(), ..self.start() }.after_doing("created", key)
    }

    /// The create dialog.
    pub(super) fn create(&self) -> String {
        self.address("/new", &[])
    }

    /// A key's edit dialog.
    pub(super) fn edit(&self, key: KeyId) -> String {
        self.address(&format!("/{key}/edit"), &[])
    }

    /// A key's revoke dialog.
    pub(super) fn revoke(&self, key: KeyId) -> String {
        self.address(&format!("/{key}/revoke"), &[])
    }

    /// The dialog that ends a key's sessions.
    pub(super) fn end_sessions(&self, key: KeyId) -> String {
        self.address(&format!("/{key}/end-sessions"), &[])
    }

    /// The dialog for several keys.
    pub(super) fn revoke_many(&self) -> String {
        self.address("/revoke", &[])
    }

    /// The list after several keys were revoked: from its beginning, since what stood on a page may be gone.
    pub(super) fn after_revoking_many(&self) -> String {
        Self { after: String::new(), ..self.clone() }.address("", &[("done", "revoked-many")])
    }

    fn bulk(&self) -> Bulk {
        let own = [("view", &self.view), ("q", &self.q), ("status", &self.status), ("after", &self.after)];
        let set = own.into_iter().filter(|(_, value)| !value.is_empty());
        Bulk {
            action: format!("{}/revoke", self.place.keys()),
            hidden: set.map(|(name, value)| (name, value.clone())).collect(),
        }
    }

    fn filter(&self) -> Result<KeyFilter, Error> {
        let status =
            Some(self.status.as_str()).filter(|status| !status.is_empty()).map(Status::parse).transpose()?;
        Ok(KeyFilter { search: SearchText::parse(&self.q)?, status })
    }

    /// The list, as the actor may see it.
    pub(super) async fn load(&self, visit: &KeysVisit) -> Result<view::KeyList, Error> {
        let (app, actor, now) = (visit.app(), visit.actor(), visit.now());
        let (view, filter) = (View::parse(&self.view)?, self.filter()?);
        let after = Some(self.after.as_str()).filter(|after| !after.is_empty());
        let page = app.keys(actor, view, &filter, PAGE, after).await?;
        let matching = Count(app.count_keys_up_to(actor, view, &filter, Count::AT_MOST).await?);
        let all = if filter == KeyFilter::default() {
            matching
        } else {
            Count(app.count_keys_up_to(actor, view, &KeyFilter::default(), Count::AT_MOST).await?)
        };
        let next = page.cursors.last().filter(|_| page.has_more);
        let sessions = app.key_sessions(actor, &page.keys).await?;
        let rows =
            page.keys.iter().map(|key| self.row(key, sessions.get(&key.id), actor, view, now)).collect();
        let several = page.keys.len() > 1;
        Ok(view::KeyList {
            path: self.place.keys(),
            rows,
            matching,
            all,
            filter: Filter {
                all: view == View::All,
                search: self.q.trim().to_owned(),
                status: filter.status.map(shown),
            },
            may_view_all: actor.keys(View::All).is_ok(),
            links: ListLinks {
                create: self.create(),
                mine: Self { view: String::new(), after: String::new(), ..self.clone() }.list(),
                all: Self { view: "all".to_owned(), after: String::new(), ..self.clone() }.list(),
                clear: Self { view: self.view.clone(), ..self.start() }.list(),
                first: after.map(|_| Self { after: String::new(), ..self.clone() }.list()),
                next: next.map(|cursor| Self { after: cursor.clone(), ..self.clone() }.list()),
            },
            notice: self.notice().or_else(|| stopped(visit)),
            bulk: (several && actor.revocable_keys().creator().is_none()).then(|| self.bulk()),
        })
    }

    /// What came of the last change.
    fn notice(&self) -> Option<Notice> {
        let text = match self.done.as_str() {
            "created" => "The key was created.",
            "updated" => "The changes were saved.",
            "revoked" => "The key was revoked. It no longer works.",
            "ended-sessions" => "The key's sessions have ended.",
            "revoked-many" => "The keys were revoked. They no longer work.",
            _ => return None,
        };
        Some(html::done(text, &self.waited))
    }

    fn row(
        &self,
        key: &ApiKey,
        sessions: Option<&KeySessions>,
        actor: &Actor,
        view: View,
        now: Timestamp,
    ) -> KeyRow {
        let action = |allowed: Result<(), Error>, path: String| match allowed {
            Ok(()) => Action::Open(path),
            Err(why) => Action::Refused(why.to_string()),
        };
        KeyRow {
            id: key.id.to_string(),
            name: key.name.to_string(),
            description: key.description.to_string(),
            masked_token: key.masked.to_string(),
            status: shown(key.status(now)),
            impersonator: key.allow_impersonation,
            last_used: key.last_used_at.map(time),
            sessions: sessions.map(|sessions| view::Sessions {
                last: sessions.last_minted_at.map(time),
                live: Count(sessions.live),
                end: action(actor.check_may_revoke(key), self.end_sessions(key.id)),
            }),
            expires: key.expires_at.map(time),
            created: time(key.created_at),
            creator: (view == View::All).then(|| key.creator_name.clone()),
            edit: action(actor.check_may_edit(key, now), self.edit(key.id)),
            revoke: action(actor.check_may_revoke(key), self.revoke(key.id)),
            fresh: key.id.to_string() == self.fresh,
        }
    }
}

pub(super) fn shown(status: Status) -> view::Status {
    match status {
        Status::Active => view::Status::Active,
        Status::ExpiringSoon => view::Status::ExpiringSoon,
        Status::Expired => view::Status::Expired,
    }
}

/// An instant for a page, in UTC; the script shows it in the viewer's zone.
pub(super) fn time(at: Timestamp) -> Time {
    Time {
        rfc3339: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        date: at.strftime("%-d %b %Y").to_string(),
        exact: at.strftime("%-d %b %Y, %H:%M:%S UTC").to_string(),
    }
}

/// That nothing is issued, where the operator has stopped it; why, for administrators.
fn stopped(visit: &KeysVisit) -> Option<Notice> {
    let issuing = visit.app().issuing();
    let error = issuing.check().err()?;
    let why = issuing.stop().filter(|_| visit.actor().user().is_administrator());
    let text = match why {
        Some(stop) => format!("{error} The reason: {}", stop.why),
        None => error.to_string(),
    };
    Some(Notice { tone: Tone::Warning, text })
}
