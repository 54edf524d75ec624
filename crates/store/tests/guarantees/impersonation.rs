//! Sessions that impersonation keys mint: what is kept of them, and that ending them is for good (promises 3, 6, 7 and 10).

use std::sync::Arc;

use jiff::Timestamp;
use keystead_domain::audit::Trace;
use keystead_domain::{
    Change, Email, Expiration, Impersonator, KeyPolicy, KeyRecord, NewImpersonation, NewKeyGrant,
    Organization, RoleId, SessionAttributes, SessionLifetime, User, UserAttributes,
};
use keystead_store::{KeySessions, NewKey};

use crate::harness::{Harness, now, seconds};
use crate::people::{all, disguised, grant, in_person, own};

fn impersonation_grant(user: &User) -> NewKeyGrant {
    in_person(user).new_key(Expiration::Never, true, true, &KeyPolicy::default()).unwrap()
}

impl Harness {
    /// An impersonation key of an administrator.
    pub(crate) async fn impersonation_key(&self, user: &User, name: &str) -> NewKey {
        let key = self.new_key(name, None);
        let mut change = self.begin().await;
        change.create_key(&impersonation_grant(user), &key).await.unwrap();
        change.commit().await.unwrap();
        key
    }

    fn session_of(
        &self,
        key: &NewKey,
        creator: &User,
        user: &User,
        minted_at: Timestamp,
    ) -> NewImpersonation {
        let epoch = self.told().iter().rev().find_map(|(_, change)| match change {
            Change::Key(told) if told.id == key.id => Some(told.session_epoch),
            _ => None,
        });
        let creator = Arc::new(creator.clone());
        let impersonator = Impersonator::new(true, key.id, true, creator, epoch.unwrap()).unwrap();
        let given = SessionAttributes::parse([("plan", "a telling value")]).unwrap();
        let (user, lifetime) = (Arc::new(user.clone()), SessionLifetime::LONGEST);
        let stored = UserAttributes::default();
        NewImpersonation::new(impersonator, Some(user), &stored, &given, self.id(), (minted_at, lifetime))
            .unwrap()
    }

    /// Mints a session at a moment, as somebody with the key does.
    pub(crate) async fn mint(
        &self,
        key: &NewKey,
        creator: &User,
        user: &User,
        at: Timestamp,
    ) -> NewImpersonation {
        let session = self.session_of(key, creator, user, at);
        let trace = Trace::of(&session.impersonator().actor(None).unwrap(), at);
        let mut change = self.store.begin(trace).await.unwrap();
        assert!(change.record_impersonation(&session).await.unwrap());
        change.commit().await.unwrap();
        session
    }

    pub(crate) async fn end_sessions(&self, user: &User, key: &NewKey) {
        let mut change = self.begin().await;
        let found = change.key(&own(user), key.id).await.unwrap().unwrap();
        change.end_impersonated_sessions(&own(user), &found).await.unwrap();
        change.commit().await.unwrap();
    }

    async fn sessions(&self, user: &User, key: &NewKey, now: Timestamp) -> KeySessions {
        self.store.key_sessions(&own(user), key.id, now, 100).await.unwrap()
    }
}

/// An administrator with an impersonation key, and somebody else.
async fn key_and_two(harness: &Harness) -> (User, User, NewKey) {
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::ADMINISTRATOR).await;
    let bob = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
    let key = harness.impersonation_key(&ada, "embed").await;
    (ada, bob, key)
}

async fn organization_of(harness: &Harness, user: &User) -> Organization {
    harness.load().await.1.organization(user.organization).organization.clone()
}

const COUNT: &str = "SELECT COUNT(*) FROM impersonated_sessions";

#[tokio::test]
async fn a_session_and_its_event_are_kept_together_or_not_at_all() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    let organization = organization_of(&harness, &ada).await;
    let before = harness.audit(&organization).await;

    let session = harness.session_of(&key, &ada, &bob, now());
    let mut change = harness.begin().await;
    assert!(change.record_impersonation(&session).await.unwrap());
    drop(change);
    assert_eq!((harness.number(COUNT).await, harness.audit(&organization).await), (0, before.clone()));
    assert_eq!(harness.sessions(&ada, &key, now()).await, KeySessions::default());

    let commits = harness.commits().await;
    let session = harness.mint(&key, &ada, &bob, now()).await;
    assert_eq!(harness.commits().await, commits + 1);
    let log = harness.audit(&organization).await;
    assert_eq!(log.len(), before.len() + 1);
    let (event, _) = log.last().unwrap();
    assert_eq!((&*event.action, event.target), ("session.minted", Some(*bob.id.as_bytes())));
    assert_eq!((event.user, &*event.via, event.via_id), (Some(ada.id), "key", Some(*key.id.as_bytes())));
    for told in [&*session.id.to_string(), "\"plan\"", &*session.expires_at.to_string()] {
        assert!(event.details.contains(told), "{told} is not in {}", event.details);
    }
    let value = b"a telling value";
    assert!(
        !harness.bytes().await.windows(value.len()).any(|window| window == value),
        "facts about a person"
    );
    // What cannot be kept once more leaves no event either.
    let mut change = harness.begin().await;
    assert!(change.record_impersonation(&session).await.is_err());
    drop(change);
    assert_eq!(harness.audit(&organization).await, log);
}

fn epochs(harness: &Harness) -> Vec<u32> {
    let told = harness.told();
    let keys = told.iter().filter_map(|(_, change)| match change {
        Change::Key(KeyRecord { allow_impersonation: true, session_epoch, .. }) => Some(*session_epoch),
        _ => None,
    });
    keys.collect()
}

#[tokio::test]
async fn ending_sessions_is_told_survives_a_restart_and_leaves_the_key() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    harness.mint(&key, &ada, &bob, now()).await;
    harness.end_sessions(&ada, &key).await;
    harness.end_sessions(&ada, &key).await;
    assert_eq!(epochs(&harness), [0, 1, 2]);
    assert_eq!(harness.number(COUNT).await, 0);
    let (_, known) = harness.load().await;
    assert_eq!(known.epochs.get(&key.id), Some(&2));
    assert!(known.keys.contains_key(key.hash.as_bytes()));

    let harness = harness.reopened().await;
    let (_, known) = harness.load().await;
    assert_eq!(known.epochs.get(&key.id), Some(&2));
    assert!(harness.store.key(&own(&ada), key.id).await.unwrap().is_some());
    let organization = organization_of(&harness, &ada).await;
    let ended = harness.audit(&organization).await;
    let ended = ended.iter().filter(|(event, _)| event.action == "key.sessions_ended");
    assert!(ended.map(|(event, _)| event.target).eq([Some(*key.id.as_bytes()); 2]));
}

#[tokio::test]
async fn no_session_is_kept_of_a_key_that_was_revoked_or_whose_sessions_were_ended_meanwhile() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    let waiting = harness.session_of(&key, &ada, &bob, now());
    let refused = async |waiting: &NewImpersonation| {
        let organization = organization_of(&harness, &ada).await;
        let before = harness.audit(&organization).await;
        let mut change = harness.begin().await;
        assert!(!change.record_impersonation(waiting).await.unwrap());
        change.commit().await.unwrap();
        assert_eq!((harness.number(COUNT).await, harness.audit(&organization).await), (0, before));
        harness.number("SELECT COUNT(last_minted_at) FROM api_keys").await == 0
    };
    harness.end_sessions(&ada, &key).await;
    assert!(refused(&waiting).await);
    let waiting = harness.session_of(&key, &ada, &bob, now());
    assert!(harness.revoke(&own(&ada), key.id).await);
    assert!(refused(&waiting).await);
}

#[tokio::test]
async fn nothing_is_ended_if_the_change_is_dropped_or_the_key_is_somebody_elses() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    harness.mint(&key, &ada, &bob, now()).await;
    let elsewhere = harness.somebody().await;
    let found = harness.store.key(&own(&ada), key.id).await.unwrap().unwrap();
    for scope in [own(&bob), own(&elsewhere), all(&elsewhere), own(&disguised(&ada, elsewhere.organization))]
    {
        let mut change = harness.begin().await;
        assert!(change.end_impersonated_sessions(&scope, &found).await.is_err(), "{scope:?}");
    }
    let mut change = harness.begin().await;
    change.end_impersonated_sessions(&own(&ada), &found).await.unwrap();
    drop(change);
    assert_eq!(epochs(&harness), [0]);
    let (_, known) = harness.load().await;
    assert_eq!((known.epochs[&key.id], harness.sessions(&ada, &key, now()).await.live), (0, 1));
    // A revoked key has no sessions to end, and does not come back.
    assert!(harness.revoke(&own(&ada), key.id).await);
    let mut change = harness.begin().await;
    assert!(change.end_impersonated_sessions(&own(&ada), &found).await.is_err());
    drop(change);
    assert!(harness.load().await.1.epochs.is_empty());
}

#[tokio::test]
async fn the_live_sessions_of_a_key_are_those_that_still_count() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    let organization = organization_of(&harness, &ada).await;
    let cleo = harness.user(&organization, "cleo@example.com", RoleId::MEMBER).await;
    let other = harness.impersonation_key(&ada, "another").await;
    let hour = 3_600;
    harness.mint(&key, &ada, &bob, now()).await;
    harness.mint(&key, &ada, &bob, seconds(60)).await;
    harness.mint(&key, &ada, &cleo, seconds(90)).await;
    harness.mint(&other, &ada, &cleo, seconds(100)).await;

    let live = async |at| harness.sessions(&ada, &key, seconds(at)).await.live;
    assert_eq!([live(100).await, live(hour - 1).await, live(hour).await], [3, 3, 2], "one has run out");
    assert_eq!([live(hour + 60).await, live(hour + 90).await], [1, 0]);
    let minted = harness.sessions(&ada, &key, seconds(100)).await.last_minted_at;
    assert_eq!(minted, Some(seconds(90)));
    for (bound, counted) in [(0, 0), (2, 2), (3, 3), (9, 3)] {
        let counts = harness.store.key_sessions(&own(&ada), key.id, seconds(100), bound).await.unwrap();
        assert_eq!(counts.live, counted, "up to {bound}");
    }

    let mut change = harness.begin().await;
    change.set_active(&grant(&bob), false).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(live(100).await, 1, "a deactivated user's do not count");
    let mut change = harness.begin().await;
    change.delete_user(&grant(&cleo), &cleo, &own(&cleo)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(live(100).await, 0, "nor do a deleted one's");

    harness.mint(&key, &ada, &ada, seconds(100)).await;
    assert_eq!(live(100).await, 1);
    harness.end_sessions(&ada, &key).await;
    assert_eq!(live(100).await, 0);
    assert_eq!(harness.sessions(&ada, &key, seconds(100)).await.last_minted_at, Some(seconds(100)));
}

#[tokio::test]
async fn whoever_does_not_see_a_key_is_told_nothing_of_its_sessions() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    harness.mint(&key, &ada, &bob, now()).await;
    let elsewhere = harness.somebody().await;
    let counts = async |scope| harness.store.key_sessions(&scope, key.id, now(), 9).await.unwrap();
    assert_eq!((counts(own(&ada)).await.live, counts(all(&bob)).await.live), (1, 1));
    for scope in [own(&bob), own(&elsewhere), all(&elsewhere), own(&disguised(&ada, elsewhere.organization))]
    {
        assert_eq!(counts(scope).await, KeySessions::default(), "{scope:?}");
    }
}

#[tokio::test]
async fn sessions_that_have_run_out_are_forgotten_a_batch_at_a_time_and_without_a_trace() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    for at in [0, 1, 2, 60] {
        harness.mint(&key, &ada, &bob, seconds(at)).await;
    }
    let organization = organization_of(&harness, &ada).await;
    let (log, told) = (harness.audit(&organization).await, harness.told().len());
    let forget = async |at| {
        let mut change = harness.store.begin(Trace::operator(seconds(at))).await.unwrap();
        let forgotten = change.forget_ended_sessions(2).await.unwrap();
        change.commit().await.unwrap();
        (forgotten, harness.number(COUNT).await)
    };
    assert_eq!(forget(3_599).await, (0, 4));
    assert_eq!([forget(3_602).await, forget(3_602).await, forget(3_602).await], [(2, 2), (1, 1), (0, 1)]);
    assert_eq!((harness.audit(&organization).await, harness.told().len()), (log, told));
}

#[tokio::test]
async fn a_key_is_read_inside_a_change_as_it_is_there() {
    let harness = Harness::new().await;
    let (ada, bob, key) = key_and_two(&harness).await;
    let plain = harness.key(&bob, "plain").await;
    let mut change = harness.begin().await;
    let record = change.key_record(key.id).await.unwrap().unwrap();
    assert_eq!((record.creator, record.allow_impersonation, record.session_epoch), (ada.id, true, 0));
    assert!(!change.key_record(plain.id).await.unwrap().unwrap().allow_impersonation);
    let found = change.key(&own(&ada), key.id).await.unwrap().unwrap();
    change.end_impersonated_sessions(&own(&ada), &found).await.unwrap();
    assert_eq!(change.key_record(key.id).await.unwrap().unwrap().session_epoch, 1);
    change.revoke_key(&own(&ada), &found).await.unwrap();
    assert!(change.key_record(key.id).await.unwrap().is_none());
    assert!(change.key_record(harness.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_user_of_an_address_is_looked_up_in_one_organization_only() {
    let harness = Harness::new().await;
    let (ada, bob, _) = key_and_two(&harness).await;
    let elsewhere = harness.somebody().await;
    let mut change = harness.begin().await;
    change.set_attributes(&grant(&bob), &UserAttributes::parse([("team", "blue")]).unwrap()).await.unwrap();
    change.commit().await.unwrap();
    let find = async |organization, email: &str| {
        let email = Email::parse(email).unwrap();
        harness.store.user_to_impersonate(organization, &email).await.unwrap()
    };
    let (id, attributes) = find(ada.organization, "BOB@Example.com").await.unwrap();
    assert_eq!((id, attributes.iter().collect::<Vec<_>>()), (bob.id, vec![("team", "blue")]));
    assert!(find(elsewhere.organization, "bob@example.com").await.is_none());
    let (same_address, _) = find(elsewhere.organization, "ada@example.com").await.unwrap();
    assert_eq!(same_address, elsewhere.id);
    let mut change = harness.begin().await;
    change.delete_user(&grant(&bob), &bob, &own(&bob)).await.unwrap();
    change.commit().await.unwrap();
    assert!(find(ada.organization, "bob@example.com").await.is_none());
}

#[tokio::test]
async fn sessions_that_were_ended_stay_ended_whatever_sql_is_run() {
    let harness = Harness::new().await;
    let (ada, _, key) = key_and_two(&harness).await;
    harness.end_sessions(&ada, &key).await;
    for sql in [
        "UPDATE api_keys SET session_epoch = 0",
        "UPDATE api_keys SET session_epoch = session_epoch - 1",
        "UPDATE api_keys SET name = 'x', session_epoch = 0",
        "UPDATE api_keys SET session_epoch = NULL",
        "UPDATE api_keys SET session_epoch = -1",
        "UPDATE api_keys SET session_epoch = 4294967296",
        "UPDATE api_keys SET session_epoch = 'many'",
    ] {
        assert!(harness.raw(sql).await.is_err(), "{sql}");
    }
    assert_eq!(harness.number("SELECT session_epoch FROM api_keys").await, 1);
    harness.raw("UPDATE api_keys SET session_epoch = 4294967295").await.unwrap();
    // The last number: it can be read, and there is none after it.
    let (_, known) = harness.load().await;
    assert_eq!(known.epochs[&key.id], u32::MAX);
    let found = harness.store.key(&own(&ada), key.id).await.unwrap().unwrap();
    let mut change = harness.begin().await;
    assert!(change.end_impersonated_sessions(&own(&ada), &found).await.is_err());
}
