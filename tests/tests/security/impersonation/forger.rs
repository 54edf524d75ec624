//! Tokens as an attacker makes them, and as one could who has the server's signing key: what is refused then is refused for what
//! it says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

use super::{Product, ask, code};
use crate::callers::unknown_token;

/// base64url without padding.
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Whoever has the key that signs now, and a genuine token.
pub(super) struct Forger {
    secret: SigningKey,
    pub(super) genuine: String,
}

impl Forger {
    pub(super) async fn new(product: &Product) -> Self {
        let kept = product.server.signing_keys().await;
        let seed = kept["current"]["seed"].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(&seed[at * 2..][..2], 16).unwrap();
        let seed = std::array::from_fn(byte);
        Self { secret: SigningKey::from_bytes(&seed), genuine: product.session().await }
    }

    fn part(&self, number: usize) -> &str {
        self.genuine.split('.').nth(number).unwrap()
    }

    /// The genuine token's parts, as they are encoded.
    pub(super) fn parts(&self) -> [&str; 3] {
        [self.part(0), self.part(1), self.part(2)]
    }

    pub(super) fn header(&self) -> Value {
        serde_json::from_slice(&decode(self.part(0))).unwrap()
    }

    pub(super) fn claims(&self) -> Value {
        serde_json::from_slice(&decode(self.part(1))).unwrap()
    }

    /// The public key's bytes.
    pub(super) fn public(&self) -> [u8; 32] {
        self.secret.verifying_key().to_bytes()
    }

    /// A token of two encoded parts, signed by the server's key.
    pub(super) fn sign_parts(&self, header: &str, payload: &str) -> String {
        sign(&self.secret, header, payload)
    }

    /// The genuine claims under another header, signed by the server's key.
    pub(super) fn with_header(&self, header: &str) -> String {
        self.sign_parts(&encode(header), self.part(1))
    }

    /// Other claims under the genuine header, signed by the server's key.
    pub(super) fn with_payload(&self, payload: &str) -> String {
        self.sign_parts(self.part(0), &encode(payload))
    }
}

/// A token of two encoded parts, signed by any key.
pub(super) fn sign(secret: &SigningKey, header: &str, payload: &str) -> String {
    let signed = format!("{header}.{payload}");
    let signature = secret.sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", encode(signature))
}

/// A key that is not the server's.
pub(super) fn other_key() -> SigningKey {
    SigningKey::from_bytes(&keystead_app::Entropy::system().bytes().unwrap())
}

/// The doors at which a token counts; and those that tell more of it than that it does not.
async fn accepted_at(product: &Product, token: &str) -> Vec<&'static str> {
    let server = &product.server;
    let mut doors = Vec::new();
    if server.app.verify_session(token, server.now()).is_ok() {
        doors.push("verify_session");
    }
    if !token.is_empty() {
        let request = server.post("/oauth2/introspect").bearer_auth(&product.key.token);
        let answer = request.form(&[("token", token)]).send().await.unwrap();
        if answer.json::<Value>().await.unwrap() != json!({ "active": false }) {
            doors.push("/oauth2/introspect");
        }
    }
    // What cannot stand in a header is sent to nobody.
    let Ok(header) = reqwest::header::HeaderValue::from_str(&format!("Bearer {token}")) else { return doors };
    let query = json!({ "query": "{ currentUser { id } }" });
    for (door, request) in [
        ("/verify", server.get("/verify")),
        ("/graphql", server.post("/graphql").json(&query)),
        ("/embed/keys", server.get("/embed/keys")),
    ] {
        if request.header("authorization", &header).send().await.unwrap().status() != 401 {
            doors.push(door);
        }
    }
    doors
}

/// That none of these tokens counts for anything, at any door.
pub(super) async fn assert_refused<'a>(
    product: &Product,
    vectors: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    let mut wrong = Vec::new();
    for (what, token) in vectors {
        let doors = accepted_at(product, token).await;
        if !doors.is_empty() {
            wrong.push(format!("{what} at {doors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What refuses the forgeries is what is wrong with them: the forger's own copy of a genuine token counts.
#[tokio::test]
async fn a_forger_with_the_servers_key_makes_tokens_that_count() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    assert_eq!(forger.sign_parts(forger.parts()[0], forger.parts()[1]), forger.genuine);
    let mut claims = forger.claims();
    claims["jti"] = json!("01900000-0000-7000-8000-000000000000");
    let token = forger.with_payload(&claims.to_string());
    assert_eq!(product.server.verify(&token).await.status(), 200);
    assert_eq!(code(&ask(&product.server, &token, "{ currentUser { id } }").await), "none");
}

/// A token is what is expected, and no more and no less: what products and their libraries read in it.
#[tokio::test]
async fn a_genuine_token_says_this_and_nothing_else() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    let (header, claims) = (forger.header(), forger.claims());
    let names = |value: &Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&header), ["alg", "kid", "typ"]);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("ks-session+jwt")));
    let expected = [
        "act",
        "attributes",
        "aud",
        "exp",
        "iat",
        "impersonated_user_id",
        "iss",
        "jti",
        "organization_id",
        "session_epoch",
        "sub",
    ];
    assert_eq!(names(&claims), expected);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(super::PUBLIC_URL), &json!(super::PUBLIC_URL)));
    assert_eq!(claims["act"], json!({ "sub": product.ada.id, "key_id": product.key.id }));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
    let jwks: Value =
        product.server.get("/.well-known/jwks.json").send().await.unwrap().json().await.unwrap();
    let published = jwks["keys"].as_array().unwrap();
    assert!(published.iter().any(|key| key["kid"] == header["kid"] && key["x"] == encode(forger.public())));
    for key in published {
        assert_eq!(names(key), ["alg", "crv", "kid", "kty", "use", "x"], "nothing secret");
        assert_eq!((&key["alg"], &key["crv"]), (&json!("EdDSA"), &json!("Ed25519")));
    }
    let secrets = product.server.signing_keys().await;
    for key in ["current", "next"] {
        assert!(!jwks.to_string().contains(secrets[key]["seed"].as_str().unwrap()));
    }
}

/// Whatever else is a token somewhere is none here.
#[tokio::test]
async fn what_has_no_form_of_a_session_is_none() {
    let product = Product::start().await;
    let forger = Forger::new(&product).await;
    let [header, payload, signature] = forger.parts();
    let unknown = unknown_token();
    let forms = [
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b",
        ".....",
        &format!("{header}.{payload}"),
        &format!("{header}.{payload}."),
        &format!("{header}..{signature}"),
        &format!(".{payload}.{signature}"),
        &format!("{payload}.{signature}"),
        &format!("{header}.{payload}.{signature}."),
        &format!(".{}", forger.genuine),
        &format!("{}.{signature}", forger.genuine),
        &format!("{header}.{}", forger.genuine),
        &format!("{header}.{header}.{payload}.{signature}.{signature}"),
        &format!("{header}~{payload}~{signature}"),
        &format!("{}~", forger.genuine),
        &format!("{unknown}.{unknown}"),
        &format!("{}.", product.key.token),
        &format!(".{}", product.key.token),
        &format!("{}.{}", product.key.token, forger.genuine),
        &format!("{}{}", "a.".repeat(3_000), forger.genuine),
        &json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
        &json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] })
            .to_string(),
    ];
    assert_refused(&product, forms.map(|token| (token, token))).await;
}
