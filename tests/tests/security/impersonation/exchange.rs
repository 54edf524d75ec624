//! `/oauth2/token`: the same rule by standard means (RFC 8693), in the shapes of RFC 6749.

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::{PUBLIC_URL, Product, counts, exchange};

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

impl Product {
    fn subject(&self) -> [(&str, &str); 2] {
        [("subject_token", &self.mia.email), ("actor_token", &self.key.token)]
    }

    fn with<'a>(&'a self, more: &[(&'a str, &'a str)]) -> RequestBuilder {
        exchange(&self.server, &[&self.subject()[..], more].concat())
    }
}

/// RFC 6749, section 5.2: a status, an `error` and a description, and nothing that is kept.
async fn refusal(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = answer.json().await.unwrap();
    let members = body.as_object().unwrap();
    assert!(members.len() == 2 && body["error_description"].is_string(), "{body}");
    (status, body["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_exchange_answers_with_a_session_and_how_long_it_lasts() {
    let product = Product::start().await;
    for more in [
        &[][..],
        &[("requested_token_type", JWT)],
        &[("audience", PUBLIC_URL)],
        &[("resource", PUBLIC_URL)],
        &[("resource", "http://keystead.test/"), ("audience", PUBLIC_URL)],
        &[("attributes", "{\"team\":\"blue\"}")],
        // Empty is left out (RFC 6749, section 3.2).
        &[("scope", ""), ("attributes", ""), ("audience", "")],
    ] {
        let answer = product.with(more).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{more:?}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let mut body: Value = answer.json().await.unwrap();
        let token = body["access_token"].take().as_str().unwrap().to_owned();
        let expected = json!({
            "access_token": null, "issued_token_type": JWT, "token_type": "Bearer", "expires_in": 3_600,
        });
        assert_eq!(body, expected, "{more:?}");
        assert_eq!(counts(&product.server, &token, &product.key).await, [true; 4]);
    }
}

#[tokio::test]
async fn what_is_no_such_exchange_is_refused_in_the_shape_of_oauth() {
    let product = Product::start().await;
    let server = &product.server;
    let grant = |grant: &'static str| {
        let mut form = vec![("grant_type", grant)];
        form.extend(product.subject());
        server.post("/oauth2/token").form(&form)
    };
    let session = product.session().await;
    let (email, key) = (product.mia.email.as_str(), product.key.token.as_str());
    let types = |subject: &'static str, actor: &'static str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", subject),
            ("actor_token_type", actor),
            ("subject_token", email),
            ("actor_token", key),
        ];
        server.post("/oauth2/token").form(&form)
    };
    let mail = "urn:keystead:params:oauth:token-type:email";
    let access = "urn:ietf:params:oauth:token-type:access_token";
    let invalid = "invalid_request";
    let before = server.snapshot().await;
    for (what, request, error) in [
        ("another grant", grant("client_credentials"), "unsupported_grant_type"),
        ("a password", grant("password"), "unsupported_grant_type"),
        ("a code that is none", grant("authorization_code"), "invalid_request"),
        ("a refresh without a token", grant("refresh_token"), "invalid_request"),
        (
            "a grant in capitals",
            grant("URN:IETF:PARAMS:OAUTH:GRANT-TYPE:TOKEN-EXCHANGE"),
            "unsupported_grant_type",
        ),
        ("no grant", server.post("/oauth2/token").form(&product.subject()), invalid),
        ("nothing", server.post("/oauth2/token").form::<[(&str, &str); 0]>(&[]), invalid),
        ("a subject by token", types(access, access), invalid),
        ("a subject by session", types(JWT, access), invalid),
        ("an actor by e-mail", types(mail, mail), invalid),
        ("an actor by session", types(mail, JWT), invalid),
        ("no subject", exchange(server, &[("actor_token", key)]), invalid),
        ("no actor", exchange(server, &[("subject_token", email)]), invalid),
        (
            "a session as actor",
            exchange(server, &[("subject_token", email), ("actor_token", &session)]),
            invalid,
        ),
        ("the parts exchanged", exchange(server, &[("subject_token", key), ("actor_token", email)]), invalid),
        ("another kind of token", product.with(&[("requested_token_type", access)]), invalid),
        (
            "a refresh token",
            product.with(&[("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")]),
            invalid,
        ),
        ("another audience", product.with(&[("audience", "https://evil.example")]), "invalid_target"),
        ("another resource", product.with(&[("resource", "https://evil.example")]), "invalid_target"),
        ("a part of the audience", product.with(&[("audience", "http://keystead.tes")]), "invalid_target"),
        (
            "more than the audience",
            product.with(&[("audience", "http://keystead.test.evil")]),
            "invalid_target",
        ),
        ("a page", product.with(&[("resource", "http://keystead.test/x")]), "invalid_target"),
        (
            "two audiences",
            product.with(&[("audience", PUBLIC_URL), ("audience", "https://evil.example")]),
            invalid,
        ),
        ("two subjects", product.with(&[("subject_token", "ada@example.com")]), invalid),
        ("the same subject twice", product.with(&[("subject_token", email)]), invalid),
        ("two actors", product.with(&[("actor_token", key)]), invalid),
        ("a scope", product.with(&[("scope", "keys:read_all")]), "invalid_scope"),
        ("attributes that are none", product.with(&[("attributes", "x")]), invalid),
        ("a list of attributes", product.with(&[("attributes", "[[\"a\",\"b\"]]")]), invalid),
        ("an attribute that is no text", product.with(&[("attributes", "{\"a\":1}")]), invalid),
        ("an attribute within one", product.with(&[("attributes", "{\"a\":{\"b\":\"c\"}}")]), invalid),
        ("a claim", product.with(&[("attributes", "{\"sub\":\"x\"}")]), invalid),
        ("attributes without end", product.with(&[("attributes", "[".repeat(10_000).leak())]), invalid),
    ] {
        let (status, code) = refusal(request.send().await.unwrap()).await;
        assert_eq!((status, code.as_str()), (400, error), "{what}");
    }
    assert_eq!(server.snapshot().await, before);
}

/// RFC 6749, section 3.2: what is not known is ignored, so it changes nothing.
#[tokio::test]
async fn a_parameter_that_is_not_known_changes_nothing_of_the_session() {
    let product = Product::start().await;
    let more = [("client_id", "acme"), ("expires_in", "86400"), ("user_id", product.ada.id.as_str())];
    let answer: Value = product.with(&more).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["expires_in"], 3_600);
    let token = answer["access_token"].as_str().unwrap();
    let answer = product.server.verify(token).await;
    assert_eq!(answer.headers()["x-keystead-user-id"], product.mia.id.as_str());
}

/// Duplicate members of the attributes could be read in two ways.
#[tokio::test]
async fn attributes_that_name_something_twice_do_not_sneak_a_second_value_past_anybody() {
    let product = Product::start().await;
    let answer =
        product.with(&[("attributes", "{\"plan\":\"free\",\"plan\":\"pro\"}")]).send().await.unwrap();
    let refused = refusal(answer).await;
    assert_eq!(refused, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn an_exchange_is_a_form_by_post_and_nothing_else() {
    let product = Product::start().await;
    let server = &product.server;
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:keystead:params:oauth:token-type:email"),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    form.extend(product.subject());
    let before = server.snapshot().await;
    let json: Value = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(refusal(server.post("/oauth2/token").json(&json).send().await.unwrap()).await.0, 400);
    let written = form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    for kind in ["text/plain", "multipart/form-data", "application/json", ""] {
        let request = server.post("/oauth2/token").header("content-type", kind).body(written.clone());
        assert_eq!(refusal(request.send().await.unwrap()).await.0, 400, "{kind}");
    }
    let in_address = server.post("/oauth2/token").query(&form).form(&[("x", "")]);
    assert_eq!(refusal(in_address.send().await.unwrap()).await, (400, "invalid_request".to_owned()));
    let by_get = server.get("/oauth2/token").query(&form).send().await.unwrap();
    assert_eq!((by_get.status().as_u16(), by_get.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let large = product.with(&[("attributes", "x".repeat(70_000).leak())]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    assert_eq!(server.snapshot().await, before);
}

/// Who else is signed in, or shows a key in the header, makes no difference: the actor's token is the credential.
#[tokio::test]
async fn no_header_stands_in_for_the_actors_token() {
    let product = Product::start().await;
    let server = &product.server;
    let cookie = server.session(&product.ada).await.cookie;
    let before = server.snapshot().await;
    let without = [("subject_token", product.mia.email.as_str())];
    for (name, value) in [
        ("authorization", format!("Bearer {}", product.key.token)),
        ("authorization", format!("Basic {}", super::forger::encode(format!("x:{}", product.key.token)))),
        ("cookie", cookie),
    ] {
        let request = exchange(server, &without).header(name, value);
        assert_eq!(refusal(request.send().await.unwrap()).await.0, 400, "{name}");
    }
    assert_eq!(server.snapshot().await, before);
}
