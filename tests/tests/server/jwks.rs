//! Services that check impersonated sessions offline, by the published keys, with libraries that are not ours: what they may take,
//! what they must not, and that a rotation of the keys goes by unnoticed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helper stops at the first failure, as a test does"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_app::{Clock, Deployment};
use keystead_tests::{JwksCheck, JwksClient, JwksLibrary, TestKey, TestServer, TestUser};
use serde_json::{Value, json};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A server with an impersonation key, and a user to sign in.
struct Product {
    server: TestServer,
    ada: TestUser,
    grace: TestUser,
    key: TestKey,
}

impl Product {
    /// The server's clock is the system's, which is the libraries', moved by this much.
    async fn start(moved: SignedDuration) -> Self {
        let deployment = Deployment { impersonation: true, ..Deployment::default() };
        let server = TestServer::start_with(deployment).await;
        server.advance(Clock::system().now().duration_since(server.now()) + moved);
        let ada = server.administrator("ada@example.com").await;
        let grace = server.member("grace@example.com").await;
        let key = server.impersonation_key(&ada, "embedding").await;
        Self { server, ada, grace, key }
    }

    /// A session of a user's, as a product's backend gets one.
    async fn mint(&self, user: &TestUser) -> String {
        let query = "mutation($key: String!, $email: String!) {
            impersonateUser(accessToken: $key, userEmail: $email, attributes: [{ key: \"team\", value: \"blue\" }])
        }";
        let body = json!({ "query": query, "variables": { "key": self.key.token, "email": user.email } });
        let answer: Value =
            self.server.post("/graphql").json(&body).send().await.unwrap().json().await.unwrap();
        let token = answer["data"]["impersonateUser"].as_str();
        token.unwrap_or_else(|| panic!("no session: {answer}")).to_owned()
    }

    async fn rotate(&self, discard_old: bool) {
        self.server.operate(Command::SigningKeyRotate { discard_old }).await;
    }

    fn client(&self, library: JwksLibrary) -> JwksClient {
        JwksClient::start(library, &self.server.url)
    }
}

fn accepted(check: JwksCheck) -> (Value, String) {
    match check {
        JwksCheck { claims: Some(claims), key: Some(key), refused: None, .. } => (claims, key),
        other => panic!("not accepted: {other:?}"),
    }
}

fn encoded(header: &Value) -> String {
    URL_SAFE_NO_PAD.encode(header.to_string())
}

#[tokio::test]
async fn a_session_says_to_a_service_that_checks_it_offline_who_acts_as_whom() {
    let product = Product::start(SignedDuration::ZERO).await;
    let token = product.mint(&product.grace).await;
    for library in JwksLibrary::ALL {
        let (claims, _) = accepted(product.client(library).check(&token).await);
        assert_eq!(claims["sub"], product.grace.id.as_str(), "{library:?}");
        assert_eq!(claims["act"], json!({ "sub": product.ada.id, "key_id": product.key.id }), "{library:?}");
        assert_eq!(claims["attributes"], json!({ "team": "blue" }), "{library:?}");
        let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lasts, HOUR.as_secs(), "{library:?}");
    }
}

#[tokio::test]
async fn a_rotation_goes_unnoticed_by_services_that_keep_the_published_keys() {
    for library in JwksLibrary::ALL {
        let product = Product::start(SignedDuration::ZERO).await;
        let mut service = product.client(library);
        let before = product.mint(&product.grace).await;
        let (_, old) = accepted(service.check(&before).await);

        product.rotate(false).await;
        let after = product.mint(&product.grace).await;
        let (_, new) = accepted(service.check(&after).await);
        assert_ne!(old, new, "{library:?}: another key signs");
        let check = service.check(&before).await;
        assert_eq!(check.fetches, 1, "{library:?}: the next key was published ahead");
        accepted(check);

        let mut late = product.client(library);
        for token in [&before, &after] {
            accepted(late.check(token).await);
        }
    }
}

#[tokio::test]
async fn keys_that_were_discarded_vouch_for_nothing() {
    for library in JwksLibrary::ALL {
        let product = Product::start(SignedDuration::ZERO).await;
        product.rotate(false).await;
        let before = product.mint(&product.grace).await;
        accepted(product.client(library).check(&before).await);

        product.rotate(true).await;
        let check = product.client(library).check(&before).await;
        assert!(check.refused.is_some() && check.claims.is_none(), "{library:?}: {check:?}");
        let after = product.mint(&product.grace).await;
        accepted(product.client(library).check(&after).await);
    }
}

#[tokio::test]
async fn what_keystead_did_not_sign_or_signed_for_an_hour_that_is_over_is_refused() {
    let product = Product::start(HOUR * -2).await;
    let over = product.mint(&product.grace).await;
    product.server.advance(HOUR * 2);
    let (genuine, others) = (product.mint(&product.grace).await, product.mint(&product.ada).await);
    let [header, payload, signature] = genuine.split('.').collect::<Vec<_>>()[..] else {
        panic!("{genuine}")
    };
    let [_, other_payload, other_signature] = others.split('.').collect::<Vec<_>>()[..] else {
        panic!("{others}")
    };
    for library in JwksLibrary::ALL {
        let mut service = product.client(library);
        let (_, kid) = accepted(service.check(&genuine).await);
        let none = encoded(&json!({ "typ": "ks-session+jwt", "alg": "none", "kid": kid }));
        let symmetric = encoded(&json!({ "typ": "ks-session+jwt", "alg": "HS256", "kid": kid }));
        for (what, bad) in [
            ("it is over", over.clone()),
            ("other claims", format!("{header}.{other_payload}.{signature}")),
            ("another's signature", format!("{header}.{payload}.{other_signature}")),
            ("no signature", format!("{header}.{payload}.")),
            ("no algorithm", format!("{none}.{payload}.")),
            ("no algorithm, signed", format!("{none}.{payload}.{signature}")),
            ("another algorithm", format!("{symmetric}.{payload}.{signature}")),
        ] {
            let check = service.check(&bad).await;
            assert!(check.refused.is_some() && check.claims.is_none(), "{library:?}, {what}: {check:?}");
        }
        accepted(service.check(&genuine).await);
    }
}
