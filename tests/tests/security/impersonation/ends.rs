//! All that ends a session: at once, at every door, in any combination, and for good where it is meant to be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use keystead_app::Deployment;
use keystead_app::operator::Command;
use keystead_domain::EmailAccess;
use keystead_tests::{TestKey, TestServer, TestUser};

use super::{Product, ask, code, counts, deployment, key_for_a_week};

const HERE: [bool; 4] = [true; 4];
const GONE: [bool; 4] = [false; 4];
const MINUTES: SignedDuration = SignedDuration::from_mins(1);

/// What can end one session without ending others. A bit each.
#[derive(Debug, Clone, Copy)]
enum End {
    SessionsEnded,
    KeyRevoked,
    KeyExpired,
    CreatorDeactivated,
    CreatorDemoted,
    UserDeactivated,
    UserExcluded,
}

impl End {
    const ALL: [Self; 7] = [
        Self::SessionsEnded,
        Self::KeyRevoked,
        Self::KeyExpired,
        Self::CreatorDeactivated,
        Self::CreatorDemoted,
        Self::UserDeactivated,
        Self::UserExcluded,
    ];

    fn all_of(bits: usize) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, end)| end)
    }
}

/// A session with a key, a creator and a user of its own.
struct Holder {
    creator: TestUser,
    user: TestUser,
    key: TestKey,
    token: String,
}

impl Holder {
    async fn new(server: &TestServer, bits: usize, for_a_week: bool) -> Self {
        let creator = server.administrator(&format!("creator{bits}@example.com")).await;
        let user = server.member(&format!("user{bits}@example.com")).await;
        let key = if for_a_week {
            key_for_a_week(server, &creator).await
        } else {
            server.impersonation_key(&creator, "for a month").await
        };
        Self { creator, user, key, token: String::new() }
    }

    async fn bring(&self, server: &TestServer, end: End) {
        match end {
            End::KeyRevoked => server.revoke(&self.key).await,
            End::SessionsEnded => {
                server.operate(Command::KeyEndSessions { id: self.key.id.clone() }).await;
            }
            End::CreatorDeactivated => server.deactivate(&self.creator).await,
            End::CreatorDemoted => {
                let roles = vec!["member".to_owned()];
                let email = self.creator.email.clone();
                server.operate(Command::UserSetRoles { email, organization: None, roles }).await;
            }
            End::UserDeactivated => server.deactivate(&self.user).await,
            // Time runs out for all of those at once, and the rules are of the organization.
            End::KeyExpired | End::UserExcluded => {}
        }
    }
}

/// Threats: of two reasons to refuse, the narrower hides the wider. The answer is the AND of all conditions, in all 128
/// combinations, at every door, and after a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_counts_only_if_nothing_has_ended_it() {
    let Product { mut server, ada, key: _, .. } = Product::start().await;
    let caller = server.key(&ada, "caller", "never").await;
    let mut holders = Vec::new();
    for bits in 0..1 << End::ALL.len() {
        let for_a_week = End::all_of(bits).any(|end| matches!(end, End::KeyExpired));
        holders.push((bits, Holder::new(&server, bits, for_a_week).await));
    }
    server.advance(SignedDuration::from_hours(24 * 7) - MINUTES * 10);
    for (bits, holder) in &mut holders {
        holder.token = server.mint(&holder.key, &holder.user.email).await;
        assert_eq!(counts(&server, &holder.token, &caller).await, HERE, "{bits:#b} before");
    }
    let mut excluded = Vec::new();
    for (bits, holder) in &holders {
        for end in End::all_of(*bits) {
            holder.bring(&server, end).await;
            if matches!(end, End::UserExcluded) {
                excluded.push(holder.user.email.clone());
            }
        }
    }
    let rules = EmailAccess::parse(&[], &[], &[], &excluded).unwrap();
    server.app.set_email_access(&server.actor(&ada).await, rules, None).await.unwrap();
    server.advance(MINUTES * 10);
    for round in ["now", "after a restart"] {
        for (bits, holder) in &holders {
            let expected = if *bits == 0 { HERE } else { GONE };
            let ends: Vec<_> = End::all_of(*bits).collect();
            assert_eq!(counts(&server, &holder.token, &caller).await, expected, "{ends:?} {round}");
        }
        server = server.restart().await;
    }
}

/// What ends every session of an organization or of the deployment.
#[tokio::test]
async fn a_session_dies_with_its_organization_its_people_the_deployments_consent_and_the_signing_keys() {
    for end in ["archived", "creator deleted", "user deleted", "discarded", "off"] {
        let Product { mut server, ada, mia, eve, key } = Product::start().await;
        // A key of Eve's, whose organization can be archived.
        let eves = server.impersonation_key(&eve, "hers").await;
        let max = server.administrator("max@example.com").await;
        let maxs = server.impersonation_key(&max, "his").await;
        let (minter, target, asks) = match end {
            "archived" => (&eves, &eve, &eve),
            "creator deleted" => (&maxs, &mia, &ada),
            _ => (&key, &mia, &ada),
        };
        let caller = server.key(asks, "caller", "never").await;
        let token = server.mint(minter, &target.email).await;
        assert_eq!(counts(&server, &token, &caller).await, HERE, "before {end}");
        let delete = |user: &TestUser| Command::UserDelete {
            email: user.email.clone(),
            organization: None,
            confirmed: true,
        };
        match end {
            "archived" => {
                let organization = "Elsewhere".to_owned();
                _ = server.operate(Command::OrganizationArchive { organization }).await;
            }
            "creator deleted" => _ = server.operate(delete(&max)).await,
            "user deleted" => _ = server.operate(delete(&mia)).await,
            "discarded" => _ = server.operate(Command::SigningKeyRotate { discard_old: true }).await,
            _ => server = server.restart_as(Deployment::default()).await,
        }
        assert_eq!(counts(&server, &token, &caller).await, GONE, "{end}");
        if end == "off" {
            server = server.restart_as(deployment()).await;
            assert_eq!(counts(&server, &token, &caller).await, HERE, "consent is of the moment");
        }
    }
}

/// The same store and the same signing keys, served at another address: its issuer is another, and so is its audience.
#[tokio::test]
async fn a_session_is_for_the_address_that_minted_it() {
    let server = TestServer::start_with(deployment()).await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.impersonation_key(&ada, "embedding").await;
    let token = server.mint(&key, &ada.email).await;
    assert_eq!(counts(&server, &token, &key).await, HERE);
    let address = server.url.clone();
    let server = server.restart().await;
    assert_ne!(server.url, address);
    assert_eq!(counts(&server, &token, &key).await, GONE);
    let token = server.mint(&key, &ada.email).await;
    assert_eq!(counts(&server, &token, &key).await, HERE);
}

#[tokio::test]
async fn a_session_survives_a_restart_and_a_rotation_of_the_signing_keys_and_ends_by_itself_after_an_hour() {
    let mut product = Product::start().await;
    let caller = product.server.key(&product.ada, "caller", "30d").await;
    let mut sessions = vec![product.session().await];
    for _ in 0..3 {
        product.server.operate(Command::SigningKeyRotate { discard_old: false }).await;
        sessions.push(product.session().await);
        product = product.restarted().await;
        sessions.push(product.session().await);
        for token in &sessions {
            assert_eq!(counts(&product.server, token, &caller).await, HERE);
        }
    }
    let headers: std::collections::BTreeSet<_> =
        sessions.iter().map(|token| token.split('.').next().unwrap()).collect();
    assert_eq!(headers.len(), 4, "each of four keys signed some");
    product.server.advance(MINUTES * 62);
    product.server.app.maintain_sessions().await.unwrap();
    let product = product.restarted().await;
    for token in &sessions {
        assert_eq!(counts(&product.server, token, &caller).await, GONE);
    }
    product.server.advance(MINUTES * -30);
    for token in &sessions[..2] {
        let verified = product.server.verify(token).await.status();
        assert_eq!(verified, 401, "a retired key that is gone does not come back with the clock");
    }
}

#[tokio::test]
async fn ending_a_keys_sessions_ends_those_that_there_are_and_the_key_goes_on() {
    let mut product = Product::start().await;
    let caller = product.server.key(&product.ada, "caller", "30d").await;
    let other_key = product.server.impersonation_key(&product.ada, "another").await;
    let other = product.server.mint(&other_key, &product.mia.email).await;
    let admin = product.server.key(&product.ada, "admins", "30d").await.token;
    let mut dead = Vec::new();
    for door in ["graphql", "console", "operator"] {
        let old = product.session().await;
        let id = &product.key.id;
        match door {
            "graphql" => {
                let end = format!(
                    "mutation {{ endImpersonatedSessions(input: {{ keyId: \"{id}\" }}) {{ apiKey {{ id }} }} }}"
                );
                assert_eq!(code(&ask(&product.server, &admin, &end).await), "none");
            }
            "console" => {
                let session = product.server.session(&product.ada).await;
                let path = format!("/settings/api-keys/{id}/end-sessions");
                assert_eq!(product.server.submit(&session, &path, &[]).await.status(), 303);
            }
            _ => _ = product.server.operate(Command::KeyEndSessions { id: id.clone() }).await,
        }
        dead.push(old);
        let new = product.session().await;
        for round in ["now", "after a restart"] {
            for old in &dead {
                assert_eq!(counts(&product.server, old, &caller).await, GONE, "{door} {round}");
            }
            for live in [&new, &other] {
                assert_eq!(counts(&product.server, live, &caller).await, HERE, "{door} {round}");
            }
            product = product.restarted().await;
        }
        dead.push(new);
        let ended = Command::KeyEndSessions { id: product.key.id.clone() };
        product.server.operate(ended).await;
    }
}

/// Promise 3: whatever ends a session, no check that starts after the answer accepts it, however many run meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_check_that_starts_after_the_answer_accepts_a_session_that_was_ended() {
    let product = Arc::new(Product::start().await);
    for round in 0..20 {
        let server = &product.server;
        let key = server.impersonation_key(&product.ada, "one of many").await;
        let token = server.mint(&key, &product.mia.email).await;
        let ended = Arc::new(AtomicBool::new(false));
        let hammer = |_| {
            let (product, ended, token) = (Arc::clone(&product), Arc::clone(&ended), token.clone());
            tokio::spawn(async move {
                loop {
                    let late = ended.load(Ordering::SeqCst);
                    let status = product.server.verify(&token).await.status();
                    if late {
                        return status;
                    }
                }
            })
        };
        let hammers: Vec<_> = (0..4).map(hammer).collect();
        tokio::task::yield_now().await;
        match round % 3 {
            0 => server.revoke(&key).await,
            1 => server.deactivate(&product.mia).await,
            _ => _ = server.operate(Command::KeyEndSessions { id: key.id.clone() }).await,
        }
        ended.store(true, Ordering::SeqCst);
        for hammer in hammers {
            assert_eq!(hammer.await.unwrap(), 401, "{round}");
        }
        if round % 3 == 1 {
            server.reactivate(&product.mia).await;
        }
    }
}

/// Of a session that is in the middle of a change when it ends, nothing more is done.
#[tokio::test]
async fn whoever_acts_in_a_session_is_looked_at_again_inside_the_change() {
    let product = Product::start_as(super::with_administration()).await;
    let server = &product.server;
    let actor = async |key: &TestKey| {
        let token = server.mint(key, &product.ada.email).await;
        let session = server.app.verify_session(&token, server.now()).unwrap();
        keystead_domain::Actor::impersonated(session, None)
    };
    for end in ["revoked", "ended", "demoted"] {
        let creator = server.administrator(&format!("{end}@example.com")).await;
        let key = server.impersonation_key(&creator, end).await;
        let actor = actor(&key).await;
        let name = |name: &str| keystead_domain::GroupName::parse(name).unwrap();
        let none = keystead_domain::Assignments::default();
        server.app.create_group(&actor, name(&format!("{end} before")), none.clone()).await.unwrap();
        match end {
            "revoked" => server.revoke(&key).await,
            "ended" => _ = server.operate(Command::KeyEndSessions { id: key.id.clone() }).await,
            _ => {
                let (email, roles) = (creator.email.clone(), vec!["member".to_owned()]);
                server.operate(Command::UserSetRoles { email, organization: None, roles }).await;
            }
        }
        let before = server.snapshot().await;
        assert!(server.app.create_group(&actor, name("after"), none.clone()).await.is_err(), "{end}");
        assert_eq!(server.snapshot().await, before, "{end}");
    }
}
