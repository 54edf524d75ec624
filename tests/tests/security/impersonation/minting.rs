//! `impersonateUser` is open to everybody, and so it is the one thing that is: one attempt a request, in the one form.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{IMPERSONATE, Product, Way, code};

impl Product {
    fn variables(&self) -> Value {
        json!({ "key": self.key.token, "email": self.mia.email })
    }

    async fn send(&self, request: RequestBuilder, body: &Value) -> (u16, Value) {
        let answer = request.json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// Threats: aliases, fragments and batches that make many attempts of one request, and operations that come along unseen.
#[tokio::test]
async fn without_a_credential_a_request_is_one_impersonation_and_nothing_else() {
    let product = Product::start().await;
    let one = "impersonateUser(accessToken: $key, userEmail: $email)";
    let open = "mutation($key: String!, $email: String!)";
    let aliases = |count: usize| {
        let aliases: Vec<_> = (0..count).map(|number| format!("a{number}: {one}")).collect();
        format!("{open} {{ {} }}", aliases.join(" "))
    };
    let refused = [
        aliases(2),
        aliases(100),
        aliases(1_000),
        format!("{open} {{ {one} {one} }}"),
        format!("{open} {{ ...f }} fragment f on Mutation {{ {one} }}"),
        format!("{open} {{ {one} ...f }} fragment f on Mutation {{ b: {one} }}"),
        format!("{open} {{ {one} }} fragment f on Mutation {{ b: {one} }}"),
        format!("{open} {{ ... {{ {one} }} }}"),
        format!("{open} {{ ... on Mutation {{ {one} }} }}"),
        format!("{open} {{ {one} ... @include(if: true) {{ b: {one} }} }}"),
        format!("{open} {{ {one} createApiKey(input: {{ name: \"n\" }}) {{ token }} }}"),
        format!("{open} {{ impersonateUser: createApiKey(input: {{ name: \"n\" }}) {{ token }} }}"),
        format!(
            "{open} {{ {one} endImpersonatedSessions(input: {{ keyId: \"x\" }}) {{ apiKey {{ id }} }} }}"
        ),
        format!("{open} {{ {one} }} {open} {{ {one} }}"),
        format!("mutation A($key: String!, $email: String!) {{ {one} }} query B {{ currentUser {{ id }} }}"),
        format!("query B {{ currentUser {{ id }} }} mutation A($key: String!, $email: String!) {{ {one} }}"),
        format!("query($key: String!, $email: String!) {{ {one} }}"),
        format!("subscription($key: String!, $email: String!) {{ {one} }}"),
        format!("{{ {one} }}"),
        "mutation { __typename }".to_owned(),
        "{ __typename }".to_owned(),
        "{ __schema { types { name } } }".to_owned(),
        "{ currentUser { id } }".to_owned(),
        "mutation { impersonateuser(accessToken: $key, userEmail: $email) }".to_owned(),
        "mutation { ImpersonateUser(accessToken: $key, userEmail: $email) }".to_owned(),
        String::new(),
        "{".to_owned(),
        "{ a".repeat(10_000),
    ];
    let before = product.server.snapshot().await;
    for query in &refused {
        for operation in [Value::Null, json!("A"), json!("B"), json!("impersonateUser")] {
            let body =
                json!({ "query": query, "variables": product.variables(), "operationName": operation });
            let (status, answer) = product.send(product.server.post("/graphql"), &body).await;
            assert_eq!((status, code(&answer)), (401, "UNAUTHENTICATED"), "{query:.80} {answer}");
            assert!(answer.get("data").is_none(), "{query:.80} {answer}");
        }
    }
    let whole = json!({ "query": IMPERSONATE, "variables": product.variables() });
    for batch in [json!([whole]), json!([whole, whole]), json!({ "0": whole }), json!([[whole]])] {
        let (status, answer) = product.send(product.server.post("/graphql"), &batch).await;
        assert_eq!((status, code(&answer)), (401, "UNAUTHENTICATED"), "{batch}");
    }
    let mut hidden = whole.clone();
    hidden["extensions"] = json!({ "persistedQuery": { "version": 1, "sha256Hash": "0" } });
    hidden["query"] = Value::Null;
    assert_eq!(product.send(product.server.post("/graphql"), &hidden).await.0, 401);
    assert_eq!(product.server.snapshot().await, before);
    // The refusals are of the form: what is left when it is right, mints.
    assert_eq!(product.send(product.server.post("/graphql"), &whole).await.0, 200);
    let named = json!({ "query": format!("mutation A($key: String!, $email: String!) {{ t: __typename a: {one} }}"),
        "variables": product.variables(), "operationName": "A" });
    let (_, answer) = product.send(product.server.post("/graphql"), &named).await;
    assert!(answer["data"]["a"].is_string(), "{answer}");
}

/// What another site can make a browser send without asking does not mint, and nobody's cookie helps it to.
#[tokio::test]
async fn what_is_no_json_by_post_mints_nothing() {
    let product = Product::start().await;
    let server = &product.server;
    let body = json!({ "query": IMPERSONATE, "variables": product.variables() });
    let cookie = server.session(&product.ada).await.cookie;
    let before = server.snapshot().await;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/graphql"]
    {
        let request = server.post("/graphql").header("content-type", kind).body(body.to_string());
        assert_eq!(request.send().await.unwrap().status(), 401, "{kind}");
    }
    let from_elsewhere =
        server.post("/graphql").header("cookie", &cookie).header("origin", "https://evil.example");
    assert_eq!(product.send(from_elsewhere, &body).await.0, 403);
    let query = [("query", IMPERSONATE), ("variables", &product.variables().to_string())];
    let by_get = server.get("/graphql").query(&query).send().await.unwrap();
    assert!([303, 401, 405].contains(&by_get.status().as_u16()), "{}", by_get.status());
    assert_eq!(server.snapshot().await, before);
}

/// A dead credential in the header is told so, whatever the argument is worth: it is no way to be nobody.
#[tokio::test]
async fn a_dead_credential_beside_a_live_argument_is_refused() {
    let product = Product::start().await;
    let server = &product.server;
    let body = json!({ "query": IMPERSONATE, "variables": product.variables() });
    let before = server.snapshot().await;
    for header in ["Bearer junk", "Bearer a.b.c", "Bearer", "Basic eDp5", "", "bearer x", "Bearer  x"] {
        let request = server.post("/graphql").header("authorization", header);
        assert_eq!(product.send(request, &body).await.0, 401, "{header}");
    }
    assert_eq!(server.snapshot().await, before);
}

/// Who is signed in may send more at once; each costs as much as it would alone.
#[tokio::test]
async fn aliases_in_a_request_with_a_credential_are_counted_one_by_one() {
    let product = Product::start().await;
    let server = &product.server;
    let caller = server.key(&product.mia, "caller", "30d").await.token;
    let aliases: Vec<_> = (0..20)
        .map(|number| format!("a{number}: impersonateUser(accessToken: $key, userEmail: $email)"))
        .collect();
    let before = server.snapshot().await;
    let query = format!("mutation($key: String!, $email: String!) {{ {} }}", aliases.join(" "));
    let body = json!({ "query": query, "variables": product.variables() });
    let (_, answer) = product.send(server.post("/graphql").bearer_auth(&caller), &body).await;
    assert_eq!(code(&answer), "BAD_USER_INPUT", "{answer}");
    assert_eq!(server.snapshot().await, before);
}

/// A session mints nothing: not with its own token, and it opens nothing for another's.
#[tokio::test]
async fn a_session_mints_no_session() {
    let product = Product::start().await;
    let server = &product.server;
    let session = server.mint(&product.key, &product.ada.email).await;
    let before = server.snapshot().await;
    for way in Way::ALL {
        let junk = way.mint(server, "junk", &product.mia.email).await.unwrap_err();
        assert_eq!(way.mint(server, &session, &product.mia.email).await.unwrap_err(), junk);
    }
    let body = json!({ "query": IMPERSONATE, "variables": { "key": session, "email": product.mia.email } });
    let (_, answer) = product.send(server.post("/graphql").bearer_auth(&session), &body).await;
    assert_eq!(code(&answer), "UNAUTHENTICATED");
    assert_eq!(server.snapshot().await, before);
}

/// Promise 2: what mints is answered to one, and kept by nobody on the way.
#[tokio::test]
async fn an_answer_with_a_session_is_neither_kept_nor_compressed() {
    let product = Product::start().await;
    for way in Way::ALL {
        let answer = way.ask(&product.server, &product.key.token, &product.mia.email, &[]).await;
        assert_eq!(answer.headers()["cache-control"], "no-store", "{way:?}");
        let body = json!({ "query": IMPERSONATE, "variables": product.variables() });
        let compressible = match way {
            Way::GraphQl => product.server.post("/graphql").json(&body),
            Way::Exchange => {
                let more = [("subject_token", &*product.mia.email), ("actor_token", &product.key.token)];
                super::exchange(&product.server, &more)
            }
        };
        let answer = compressible.header("accept-encoding", "gzip, br").send().await.unwrap();
        assert!(!answer.headers().contains_key("content-encoding"), "{way:?}");
    }
}
