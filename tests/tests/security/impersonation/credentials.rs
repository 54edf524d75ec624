//! What does not mint: everything but the whole token of a live impersonation key, by every way, with one answer.

use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_app::{Deployment, RequestOrigin};
use keystead_domain::EmailAccess;
use keystead_tests::{TestKey, TestServer, TestUser};

use super::{Product, Way, deployment, key_for_a_week};
use crate::callers::unknown_token;

/// What ends a key's minting.
#[derive(Debug, Clone, Copy)]
enum End {
    Revoked,
    Expired,
    CreatorDeactivated,
    CreatorDemoted,
    CreatorDeleted,
    CreatorExcluded,
    OrganizationArchived,
}

impl End {
    const ALL: [Self; 7] = [
        Self::Revoked,
        Self::Expired,
        Self::CreatorDeactivated,
        Self::CreatorDemoted,
        Self::CreatorDeleted,
        Self::CreatorExcluded,
        Self::OrganizationArchived,
    ];

    async fn bring(self, product: &Product, creator: &TestUser, key: &TestKey) {
        let server = &product.server;
        let (email, organization) = (creator.email.clone(), None);
        match self {
            Self::Revoked => server.revoke(key).await,
            Self::Expired => server.advance(SignedDuration::from_hours(24 * 7)),
            Self::CreatorDeactivated => server.deactivate(creator).await,
            Self::CreatorDemoted => {
                let roles = vec!["member".to_owned()];
                server.operate(Command::UserSetRoles { email, organization, roles }).await;
            }
            Self::CreatorDeleted => {
                server.operate(Command::UserDelete { email, organization, confirmed: true }).await;
            }
            Self::CreatorExcluded => {
                let rules = EmailAccess::parse(&[], &[], &[], &[email]).unwrap();
                server.app.set_email_access(&server.actor(&product.ada).await, rules, None).await.unwrap();
            }
            Self::OrganizationArchived => {
                let organization = "Elsewhere".to_owned();
                server.operate(Command::OrganizationArchive { organization }).await;
            }
        }
    }
}

/// Threats: a revoked parent that still makes credentials, and one that is refused by one way only.
#[tokio::test]
async fn a_key_that_may_not_impersonate_any_more_mints_nothing_by_any_way_and_looks_like_junk() {
    for end in End::ALL {
        let product = Product::start().await;
        let server = &product.server;
        let (creator, target) = match end {
            End::OrganizationArchived => (product.eve.clone(), product.eve.clone()),
            _ => (server.administrator("creator@example.com").await, product.mia.clone()),
        };
        let key = key_for_a_week(server, &creator).await;
        for way in Way::ALL {
            assert!(way.mint(server, &key.token, &target.email).await.is_ok(), "{way:?}, not yet {end:?}");
        }
        end.bring(&product, &creator, &key).await;
        let before = server.snapshot().await;
        for way in Way::ALL {
            let junk = way.mint(server, "junk", &target.email).await.unwrap_err();
            assert_eq!(way.mint(server, &key.token, &target.email).await.unwrap_err(), junk, "{end:?}");
        }
        assert_eq!(server.snapshot().await, before, "{end:?}");
    }
}

#[tokio::test]
async fn what_is_no_impersonation_key_mints_nothing_and_looks_like_junk() {
    let product = Product::start().await;
    let server = &product.server;
    let plain = server.key(&product.ada, "plain", "30d").await.token;
    let session = server.mint(&product.key, &product.ada.email).await;
    let cookie = server.session(&product.ada).await.cookie;
    let token = &product.key.token;
    let renamed = token.replacen("ksi_", "ks_", 1);
    let padded = [format!(" {token}"), format!("{token} "), format!("{token}\n"), format!("Bearer {token}")];
    let others = [
        plain.as_str(),
        &session,
        session.split('.').nth(1).unwrap(),
        cookie.split_once('=').unwrap().1,
        &unknown_token(),
        &renamed,
        &product.key.id,
        "' OR 1=1 --",
        "null",
    ];
    let before = server.snapshot().await;
    for way in Way::ALL {
        let junk = way.mint(server, "junk", &product.mia.email).await.unwrap_err();
        assert_eq!(junk.code, way.refused_credential());
        for other in others.into_iter().chain(padded.iter().map(String::as_str)) {
            let refused = way.mint(server, other, &product.mia.email).await.unwrap_err();
            assert_eq!(refused, junk, "{way:?} {other:?}");
        }
        let mut all_but_some = (0..token.len()).map(|end| &token[..end]).filter(|cut| !cut.is_empty());
        assert!(all_but_some.all(|cut| cut != token));
        for cut in (1..token.len()).step_by(7) {
            for part in [&token[..cut], &token[cut..]] {
                assert_eq!(way.mint(server, part, &product.mia.email).await.unwrap_err(), junk, "{part}");
            }
        }
    }
    // An empty parameter of a form is one that was left out.
    let empty = Way::GraphQl.mint(server, "", &product.mia.email).await.unwrap_err();
    assert_eq!(empty, Way::GraphQl.mint(server, "junk", &product.mia.email).await.unwrap_err());
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn no_cut_changed_or_lengthened_token_of_an_impersonation_key_mints() {
    const DIGITS: &[u8] = b"09AZaz_";
    let product = Product::start().await;
    let (server, token) = (&product.server, &product.key.token);
    let mut mutants: Vec<String> = (0..token.len()).map(|end| token[..end].to_owned()).collect();
    for at in 0..=token.len() {
        for digit in DIGITS.iter().map(|digit| char::from(*digit)) {
            mutants.push(format!("{}{digit}{}", &token[..at], &token[at..]));
            if at < token.len() {
                mutants.push(format!("{}{digit}{}", &token[..at], &token[at + 1..]));
            }
        }
    }
    let before = server.snapshot().await;
    let mut tried = 0;
    for mutant in mutants.iter().filter(|mutant| *mutant != token) {
        let minted = server.app.impersonate(mutant, &product.mia.email, &[], &RequestOrigin::default()).await;
        assert!(minted.is_err(), "{mutant}");
        tried += 1;
    }
    assert!(tried > 600, "{tried}");
    assert_eq!(server.snapshot().await, before);
}

/// The same store, served without it: keys that were made before mint nothing, and none are made.
#[tokio::test]
async fn a_deployment_without_impersonation_mints_nothing_and_makes_no_such_keys() {
    let Product { server, ada, mia, key, .. } = Product::start().await;
    let server = server.restart_as(Deployment::default()).await;
    let before = server.snapshot().await;
    for way in Way::ALL {
        let junk = way.mint(&server, "junk", &mia.email).await.unwrap_err();
        assert_eq!(way.mint(&server, &key.token, &mia.email).await.unwrap_err(), junk);
    }
    assert_eq!(server.snapshot().await, before);
    let plain = server.key(&ada, "plain", "30d").await;
    let made = "mutation { createApiKey(input: { name: \"n\", allowImpersonation: true }) { token } }";
    assert_eq!(super::code(&super::ask(&server, &plain.token, made).await), "FORBIDDEN");
    assert_eq!(server.get("/embed/api-keys").send().await.unwrap().status(), 404);
    assert_eq!(server.verify(&key.token).await.status(), 200, "it is still a key of its creator's");
    let server = server.restart_as(deployment()).await;
    assert!(Way::GraphQl.mint(&server, &key.token, &mia.email).await.is_ok(), "and mints when it is back");
}

/// A node that cannot know mints nothing.
#[tokio::test]
async fn a_node_that_missed_a_change_mints_nothing() {
    let product = Product::start().await;
    let server: &TestServer = &product.server;
    server.app.directory().suspend();
    let before = server.snapshot().await;
    for way in Way::ALL {
        let refused = way.mint(server, &product.key.token, &product.mia.email).await.unwrap_err();
        assert!(["UNAVAILABLE", "temporarily_unavailable"].contains(&refused.code.as_str()), "{refused:?}");
    }
    assert_eq!(server.snapshot().await, before);
}
