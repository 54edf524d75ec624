//! Whom a session can be minted for, and what its attributes may say.

use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_domain::{EmailAccess, UserAttributes};
use keystead_tests::TestUser;

use super::{Product, Way, introspect};

/// Mia, in a state in which nobody may act as her.
#[derive(Debug, Clone, Copy)]
enum Gone {
    Deactivated,
    Deleted,
    Excluded,
}

impl Gone {
    async fn bring(self, product: &Product) {
        let (server, email) = (&product.server, product.mia.email.clone());
        match self {
            Self::Deactivated => server.deactivate(&product.mia).await,
            Self::Deleted => {
                let command = Command::UserDelete { email, organization: None, confirmed: true };
                server.operate(command).await;
            }
            Self::Excluded => {
                let rules = EmailAccess::parse(&[], &[], &[], &[email]).unwrap();
                server.app.set_email_access(&server.actor(&product.ada).await, rules, None).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn nobody_acts_as_a_user_who_may_not_act() {
    for (gone, codes) in [
        (Gone::Deactivated, ["FORBIDDEN", "invalid_request"]),
        (Gone::Deleted, ["NOT_FOUND", "invalid_request"]),
        (Gone::Excluded, ["FORBIDDEN", "invalid_request"]),
    ] {
        let product = Product::start().await;
        gone.bring(&product).await;
        let before = product.server.snapshot().await;
        for (way, code) in Way::ALL.into_iter().zip(codes) {
            let refused = way.mint(&product.server, &product.key.token, &product.mia.email).await;
            assert_eq!(refused.unwrap_err().code, code, "{gone:?}");
        }
        assert_eq!(product.server.snapshot().await, before, "{gone:?}");
    }
}

/// Threats: exchange across organizations, and telling from an answer whether somebody exists.
#[tokio::test]
async fn a_user_of_another_organization_is_as_unknown_as_nobody() {
    let product = Product::start().await;
    let server = &product.server;
    let eves = server.impersonation_key(&product.eve, "hers").await;
    let before = server.snapshot().await;
    for way in Way::ALL {
        for (key, other) in [(&product.key, &product.eve), (&eves, &product.mia), (&eves, &product.ada)] {
            let nobody = way.mint(server, &key.token, "nobody@example.com").await.unwrap_err();
            for address in [&other.email, &other.email.to_uppercase(), "no address", "@", "ada"] {
                let refused = way.mint(server, &key.token, address).await.unwrap_err();
                assert_eq!(refused, nobody, "{way:?} {address}");
            }
        }
    }
    assert_eq!(server.snapshot().await, before);
}

/// One who is in both is two users, and a key reaches its own organization's.
#[tokio::test]
async fn an_address_that_is_in_two_organizations_is_the_user_of_the_keys_own() {
    let product = Product::start().await;
    let server = &product.server;
    let add = Command::UserAdd {
        email: product.mia.email.clone(),
        organization: Some("Elsewhere".to_owned()),
        name: None,
        role: "administrator".to_owned(),
        password: None,
    };
    let keystead_app::operator::Answer::User { id: namesake, .. } = server.operate(add).await else {
        panic!("not a user")
    };
    let eves = server.impersonation_key(&product.eve, "hers").await;
    for (key, id) in [(&product.key, &product.mia.id), (&eves, &namesake)] {
        for way in Way::ALL {
            let token = way.mint(server, &key.token, &product.mia.email).await.unwrap();
            assert_eq!(server.verify(&token).await.headers()["x-keystead-user-id"], id.as_str(), "{way:?}");
        }
    }
}

#[tokio::test]
async fn an_address_is_the_same_in_any_case_and_its_user_the_same() {
    let product = Product::start().await;
    let server = &product.server;
    for way in Way::ALL {
        for address in ["mia@example.com", "MIA@EXAMPLE.COM", "Mia@Example.Com", " mia@example.com "] {
            let token = way.mint(server, &product.key.token, address).await.unwrap();
            let verified = server.verify(&token).await;
            assert_eq!(verified.headers()["x-keystead-user-id"], product.mia.id.as_str(), "{address}");
        }
    }
}

/// Whoever comes back under an address is somebody new, and the sessions of whoever had it are not theirs.
#[tokio::test]
async fn a_session_is_of_the_user_and_not_of_the_address() {
    let product = Product::start().await;
    let server = &product.server;
    let token = product.session().await;
    Gone::Deleted.bring(&product).await;
    let again = server.administrator(&product.mia.email).await;
    assert_ne!(again.id, product.mia.id);
    assert_eq!(server.verify(&token).await.status(), 401);
    let new = server.mint(&product.key, &again.email).await;
    assert_eq!(server.verify(&new).await.headers()["x-keystead-user-id"], again.id.as_str());
    assert_eq!(server.verify(&token).await.status(), 401);
}

const CLAIMS: [&str; 28] = [
    "act",
    "alg",
    "amr",
    "aud",
    "auth_time",
    "azp",
    "client_id",
    "cnf",
    "exp",
    "iat",
    "impersonated_user_id",
    "iss",
    "jti",
    "kid",
    "may_act",
    "nbf",
    "nonce",
    "organization_id",
    "permissions",
    "roles",
    "scope",
    "session_epoch",
    "sid",
    "sub",
    "sub_jwk",
    "token_type",
    "typ",
    "user_id",
];

#[tokio::test]
async fn attributes_that_could_be_taken_for_a_claim_or_that_fit_into_no_header_are_refused() {
    let product = Product::start().await;
    let server = &product.server;
    let long = "x".repeat(1_001);
    let names: Vec<String> = (0..101).map(|number| format!("n{number}")).collect();
    let most: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let full = "x".repeat(1_000);
    let mut sets: Vec<Vec<(&str, &str)>> = vec![
        vec![("", "v")],
        vec![("k", &long)],
        vec![(&long, "v")],
        vec![("k", "a\u{0}b")],
        vec![("a\nb", "v")],
        most,
        vec![("a", &full), ("b", &full), ("c", &full), ("d", &full), ("e", &full)],
    ];
    let spelled: Vec<String> =
        CLAIMS.iter().flat_map(|name| [(*name).to_owned(), name.to_uppercase()]).collect();
    sets.extend(spelled.iter().map(|name| vec![(name.as_str(), product.ada.id.as_str())]));
    let before = server.snapshot().await;
    for way in Way::ALL {
        for attributes in &sets {
            let refused = way.mint_with(server, &product.key.token, &product.mia.email, attributes).await;
            let refused = refused.unwrap_err();
            let is_told = match way {
                Way::GraphQl => refused.text.contains("\"field\":\"attributes\""),
                Way::Exchange => refused.code == "invalid_request",
            };
            assert!(is_told, "{attributes:?}: {refused:?}");
        }
        // A minute's mintings are bounded, and these are more.
        server.advance(SignedDuration::from_secs(10));
    }
    let twice = Way::GraphQl.mint_with(
        server,
        &product.key.token,
        &product.mia.email,
        &[("plan", "free"), ("plan", "pro")],
    );
    assert_eq!(twice.await.unwrap_err().code, "BAD_USER_INPUT");
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn attributes_hold_in_one_session_and_change_neither_the_user_nor_another_session() {
    let product = Product::start().await;
    let server = &product.server;
    let stored = UserAttributes::parse([("plan", "free"), ("team", "blue")]).unwrap();
    let mia = product.mia.id.parse().unwrap();
    server.app.set_user_attributes(&server.actor(&product.ada).await, mia, &stored).await.unwrap();
    let (key, email) = (&product.key.token, &product.mia.email);
    let users = server.snapshot().await.rows("users").to_vec();
    for way in Way::ALL {
        let pro = way.mint_with(server, key, email, &[("plan", "pro")]).await.unwrap();
        let plain = way.mint(server, key, email).await.unwrap();
        for (token, plan) in [(&pro, "pro"), (&plain, "free"), (&pro, "pro")] {
            let answer = introspect(server, &product.key, token).await;
            assert_eq!(answer["attributes"], serde_json::json!({ "plan": plan, "team": "blue" }));
        }
        // They are the product's facts, and none of ours.
        let powers = [("role", "administrator"), ("admin", "true"), ("permission", "keys:read_all")];
        let mighty = way.mint_with(server, key, email, &powers).await.unwrap();
        assert_eq!(server.verify(&mighty).await.headers()["x-keystead-permissions"], "");
    }
    assert_eq!(server.snapshot().await.rows("users"), users);
}

/// An administrator is a user as others are.
#[tokio::test]
async fn whoever_has_not_come_in_yet_or_is_an_administrator_can_be_signed_in() {
    let product = Product::start().await;
    let admin: &TestUser = &product.ada;
    for way in Way::ALL {
        let token = way.mint(&product.server, &product.key.token, &admin.email).await.unwrap();
        assert_eq!(product.server.verify(&token).await.status(), 200);
    }
}
