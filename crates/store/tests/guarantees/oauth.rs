//! Apps that people connect: what is kept of them, that what ended stays so, and that nobody's is anybody else's (promises 3, 6 and 10).

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, Change, ClientId, ClientMetadata, CodeChallenge, ConnectionEnd, ConnectionId, ConnectionScope,
    RegisteredClientId, RoleId, SessionId, User, Via,
};
use keystead_store::{RefreshRecord, Transaction};
use keystead_token::Token;

use crate::harness::{Harness, blob, now};
use crate::people::{disguised, grant, own};

/// What a client says that is called so.
pub(crate) fn metadata(name: &str) -> ClientMetadata {
    let said = format!(r#"{{"client_name":"{name}","redirect_uris":["https://{name}.example.com/cb"]}}"#);
    ClientMetadata::of_registration(said.as_bytes()).unwrap()
}

fn days(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

/// A person in a console session that the store knows.
fn signed_in(user: &User, session: SessionId) -> Actor {
    Actor::authenticated(std::sync::Arc::new(user.clone()), Via::Session(session), None).unwrap()
}

pub(crate) fn apps_of(user: &User) -> ConnectionScope {
    signed_in(user, SessionId::from_u128(1)).connections().unwrap()
}

/// An app that was allowed, with its code.
pub(crate) struct Allowed {
    pub(crate) id: ConnectionId,
    pub(crate) code: Token,
}

impl Harness {
    pub(crate) async fn begin_at(&self, at: Timestamp) -> Transaction {
        self.store.begin(Trace::operator(at)).await.unwrap()
    }

    /// A client that registers at a moment, where there is room for so many.
    pub(crate) async fn register(&self, name: &str, at: Timestamp, room: i64) -> RegisteredClientId {
        let id = self.id();
        let mut change = self.begin_at(at).await;
        change.register_client(id, &metadata(name), room).await.unwrap();
        change.commit().await.unwrap();
        id
    }

    pub(crate) async fn sign_in(&self, user: &User) -> SessionId {
        let session: SessionId = self.id();
        let mut hash = [0; 32];
        hash[..16].copy_from_slice(session.as_bytes());
        let mut change = self.begin().await;
        change.start_session(session, user, &hash).await.unwrap();
        change.commit().await.unwrap();
        session
    }

    /// Whether an app is kept that somebody allows in a session.
    pub(crate) async fn allow_in(
        &self,
        (user, session): (&User, SessionId),
        client: RegisteredClientId,
        at: Timestamp,
    ) -> Option<Allowed> {
        let names = ("An app".to_owned(), "app.example.com".to_owned());
        let (redirect_uri, challenge) =
            ("https://app.example.com/cb".to_owned(), CodeChallenge::from_stored([5; 32]));
        let client = ClientId::Registered(client);
        let actor = signed_in(user, session);
        let new = actor.new_connection(self.id(), client, names, redirect_uri, challenge).unwrap();
        let code = self.token();
        let mut change = self.store.begin(Trace::of(&actor, at)).await.unwrap();
        let ends_at = at + SignedDuration::from_hours(24 * 90);
        let kept = change.create_connection(&new, &code.hash(), ends_at).await.unwrap();
        change.commit().await.unwrap();
        kept.then_some(Allowed { id: new.id, code })
    }

    pub(crate) async fn allow(&self, user: &User, client: RegisteredClientId) -> Allowed {
        let session = self.sign_in(user).await;
        self.allow_in((user, session), client, now()).await.unwrap()
    }

    pub(crate) async fn redeem(&self, allowed: &Allowed) {
        let mut change = self.begin().await;
        let record = change.code(&allowed.code.hash()).await.unwrap().unwrap();
        change.redeem(&record.client).await.unwrap();
        change.commit().await.unwrap();
    }

    /// An app that is in force.
    pub(crate) async fn connect(&self, user: &User) -> Allowed {
        let client = self.register("app", now(), 100).await;
        let allowed = self.allow(user, client).await;
        self.redeem(&allowed).await;
        allowed
    }

    pub(crate) async fn disconnect(&self, user: &User, id: ConnectionId) {
        let mut change = self.begin().await;
        let (_, client) = change.connection_of(&apps_of(user), id).await.unwrap().unwrap();
        change.end_connection(&client, ConnectionEnd::Person).await.unwrap();
        change.commit().await.unwrap();
    }

    /// Keeps a refresh token of an app until a moment.
    pub(crate) async fn refresh_token(&self, of: &Allowed, expires_at: Timestamp) -> Token {
        let token = self.token();
        let mut change = self.begin().await;
        let record = change.code(&of.code.hash()).await.unwrap().unwrap();
        change.add_refresh_token(&record.client, &token.hash(), expires_at).await.unwrap();
        change.commit().await.unwrap();
        token
    }

    pub(crate) async fn refresh_record(&self, token: &Token) -> Option<RefreshRecord> {
        self.begin().await.refresh_token(&token.hash()).await.unwrap()
    }

    pub(crate) async fn listed(&self, user: &User) -> Vec<ConnectionId> {
        let apps = self.store.connections(&apps_of(user), now()).await.unwrap();
        apps.into_iter().map(|app| app.id).collect()
    }

    async fn in_force(&self) -> Vec<ConnectionId> {
        self.load().await.1.connections.into_keys().collect()
    }
}

#[tokio::test]
async fn an_app_is_in_force_from_its_redemption_until_it_is_ended_also_over_a_restart() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let client = harness.register("app", now(), 100).await;
    let (waiting, kept, ended) = (
        harness.allow(&user, client).await,
        harness.allow(&user, client).await,
        harness.connect(&user).await,
    );
    assert_eq!((harness.in_force().await, harness.listed(&user).await), (vec![ended.id], vec![ended.id]));
    harness.redeem(&kept).await;
    harness.disconnect(&user, ended.id).await;
    assert_eq!((harness.in_force().await, harness.listed(&user).await), (vec![kept.id], vec![kept.id]));
    let told: Vec<_> = harness
        .told()
        .into_iter()
        .filter_map(|(_, change)| match change {
            Change::Connection(record) => Some((record.id, Some((record.user, record.ends_at)))),
            Change::ConnectionEnded(id) => Some((id, None)),
            _ => None,
        })
        .collect();
    let terms = Some((user.id, days(90)));
    assert_eq!(told, [(ended.id, terms), (kept.id, terms), (ended.id, None)], "{}", waiting.id);

    let harness = harness.reopened().await;
    assert_eq!((harness.in_force().await, harness.listed(&user).await), (vec![kept.id], vec![kept.id]));
    let mut change = harness.begin().await;
    for (id, is_connected) in [(waiting.id, false), (kept.id, true), (ended.id, false)] {
        assert_eq!(change.is_connected(id).await.unwrap(), is_connected);
    }
    drop(change);
    assert!(!harness.begin_at(days(90)).await.is_connected(kept.id).await.unwrap());
}

#[tokio::test]
async fn an_allowance_and_its_event_are_kept_together_or_not_at_all() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let before = harness.audit(&organization).await.len();
    let allowed = harness.connect(&user).await;
    harness.refresh_token(&allowed, days(30)).await;
    let dropped = async |end: bool| {
        let mut change = harness.begin().await;
        let record = change.code(&allowed.code.hash()).await.unwrap().unwrap();
        if end {
            change.end_connection(&record.client, ConnectionEnd::CodeReused).await.unwrap();
        }
    };
    let told = harness.told().len();
    dropped(true).await;
    dropped(false).await;
    assert_eq!((harness.listed(&user).await, harness.told().len()), (vec![allowed.id], told));
    assert_eq!(harness.number("SELECT COUNT(*) FROM refresh_tokens").await, 1);

    let mut change = harness.begin().await;
    let record = change.code(&allowed.code.hash()).await.unwrap().unwrap();
    for _ in 0..2 {
        // What has ended already is not ended once more, nor is it said to be.
        change.end_connection(&record.client, ConnectionEnd::CodeReused).await.unwrap();
    }
    change.commit().await.unwrap();
    assert_eq!(harness.number("SELECT COUNT(*) FROM refresh_tokens").await, 0, "none is left to be found");
    let log = harness.audit(&organization).await;
    let events: Vec<_> = log[before..].iter().map(|(event, _)| (&*event.action, event.target)).collect();
    let target = Some(*allowed.id.as_bytes());
    let session = harness.number("SELECT COUNT(*) FROM audit_events WHERE action = 'app.connected'").await;
    assert_eq!(session, 1);
    let apps: Vec<_> = events.into_iter().filter(|(action, _)| action.starts_with("app.")).collect();
    assert_eq!(apps, [("app.connected", target), ("app.disconnected", target)]);
    let (event, _) = log.last().unwrap();
    assert!(event.details.contains("code_reused") && event.details.contains("app.example.com"));
    assert_eq!((event.user, event.via_id), (Some(user.id), target), "by whoever showed its code");
}

#[tokio::test]
async fn no_tool_brings_an_ended_app_or_a_redeemed_code_back() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let (ended, spent) = (harness.connect(&user).await, harness.connect(&user).await);
    harness.disconnect(&user, ended.id).await;
    for (id, set) in [
        (ended.id, "ended_at = NULL"),
        (ended.id, "ended_at = 9999999999999"),
        (spent.id, "redeemed_at = NULL"),
        (spent.id, "redeemed_at = 1"),
    ] {
        let sql = format!("UPDATE connections SET {set} WHERE id = {}", blob(id.as_bytes()));
        assert!(harness.raw(&sql).await.is_err(), "{sql}");
    }
    // Nor does the store itself.
    let mut change = harness.begin().await;
    for allowed in [&ended, &spent] {
        let record = change.code(&allowed.code.hash()).await.unwrap().unwrap();
        assert!(record.redeemed && change.redeem(&record.client).await.is_err());
    }
}

#[tokio::test]
async fn nobody_sees_or_finds_another_persons_app_in_the_same_organization_or_another() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let bob = harness.user(&organization, "bob@example.com", RoleId::ADMINISTRATOR).await;
    let eve = harness.somebody().await;
    let app = harness.connect(&ada).await;
    for other in [&bob, &eve, &disguised(&ada, eve.organization), &disguised(&eve, ada.organization)] {
        assert!(harness.listed(other).await.is_empty());
        let mut change = harness.begin().await;
        assert!(change.connection_of(&apps_of(other), app.id).await.unwrap().is_none());
    }
    let mut change = harness.begin().await;
    assert!(change.connection_of(&apps_of(&ada), app.id).await.unwrap().is_some());
    assert_eq!(change.count_connections(&apps_of(&ada)).await.unwrap(), 1);
    assert_eq!(change.count_connections(&apps_of(&bob)).await.unwrap(), 0);
}

#[tokio::test]
async fn nobody_allows_anything_in_a_session_that_ended_or_is_not_theirs_or_under_another_organizations_name()
{
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let bob = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
    let eve = harness.somebody().await;
    let client = harness.register("app", now(), 100).await;
    let (of_ada, of_bob, of_eve) =
        (harness.sign_in(&ada).await, harness.sign_in(&bob).await, harness.sign_in(&eve).await);
    let mut change = harness.begin().await;
    change.set_active(&grant(&bob), false).await.unwrap();
    change.commit().await.unwrap();
    let disguised = disguised(&eve, ada.organization);
    for (user, session) in [
        (&ada, SessionId::from_u128(1)),
        (&ada, of_eve),
        (&bob, of_bob),
        (&bob, of_ada),
        (&disguised, of_eve),
    ] {
        assert!(harness.allow_in((user, session), client, now()).await.is_none());
    }
    assert_eq!(harness.number("SELECT COUNT(*) FROM connections").await, 0);
    assert_eq!(harness.number("SELECT COUNT(*) FROM oauth_clients WHERE allowed_at IS NOT NULL").await, 0);
    assert!(harness.allow_in((&ada, of_ada), client, now()).await.is_some());
}

#[tokio::test]
async fn a_deactivated_or_deleted_users_apps_end_in_the_same_commit_and_nobody_elses() {
    for deleted in [false, true] {
        let harness = Harness::new().await;
        let organization = harness.organization("One").await;
        let ada = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
        let bob = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
        let mut apps = Vec::new();
        for user in [&ada, &ada, &bob] {
            let app = harness.connect(user).await;
            apps.push((app.id, harness.refresh_token(&app, days(30)).await));
        }
        let client = harness.register("app", now(), 100).await;
        let waiting = harness.allow(&ada, client).await;
        let commits = harness.commits().await;
        let mut change = harness.begin().await;
        if deleted {
            change.delete_user(&grant(&ada), &ada, &own(&ada)).await.unwrap();
        } else {
            change.set_active(&grant(&ada), false).await.unwrap();
            change.set_active(&grant(&ada), true).await.unwrap();
        }
        change.commit().await.unwrap();
        assert_eq!(harness.commits().await, commits + 1);
        assert_eq!(harness.in_force().await, [apps[2].0]);
        for (id, token) in &apps {
            assert_eq!(harness.refresh_record(token).await.is_some(), *id == apps[2].0);
        }
        let record = harness.begin().await.code(&waiting.code.hash()).await.unwrap().unwrap();
        assert!(record.client.ended, "nor is a code redeemed that was allowed before");
        let log = harness.audit(&organization).await;
        let ended = log.iter().filter(|(event, _)| event.action == "app.disconnected");
        assert!(ended.clone().all(|(event, _)| event.details.contains("user_left")));
        assert_eq!(ended.count(), 3);
    }
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_names_its_connection() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let app = harness.connect(&user).await;
    let token = harness.refresh_token(&app, days(30)).await;
    let record = harness.refresh_record(&token).await.unwrap();
    assert_eq!(
        (record.client.connection, record.expires_at, record.standing.used_at.is_some()),
        (app.id, days(30), false)
    );
    let later = now() + SignedDuration::from_secs(5);
    let mut change = harness.begin_at(later).await;
    change.use_refresh_token(&record.client, &token.hash()).await.unwrap();
    assert!(change.use_refresh_token(&record.client, &token.hash()).await.is_err(), "not twice");
    drop(change);
    assert!(
        harness.refresh_record(&token).await.unwrap().standing.used_at.is_none(),
        "what was dropped was not done"
    );
    let mut change = harness.begin_at(later).await;
    change.use_refresh_token(&record.client, &token.hash()).await.unwrap();
    change.commit().await.unwrap();
    assert!(harness.refresh_record(&token).await.unwrap().standing.used_at.is_some());
    let apps = harness.store.connections(&apps_of(&user), later).await.unwrap();
    assert_eq!(apps[0].last_used_at, later);
    assert!(harness.refresh_record(&harness.token()).await.is_none());
}
