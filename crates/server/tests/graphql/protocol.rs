//! GraphQL over HTTP: media types, statuses, and who is let in.

use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server, post};

const WHO: &str = r#"{ "query": "{ currentUser { email } }" }"#;
const GRAPHQL: &str = "application/graphql-response+json";

#[tokio::test]
async fn a_request_is_one_json_object_and_nothing_else() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    for body in [
        "",
        "{",
        "null",
        "\"{ currentUser { email } }\"",
        "{ currentUser { email } }",
        "{}",
        r#"{ "query": null }"#,
        r#"{ "query": 7 }"#,
        r#"{ "query": ["{ __typename }"] }"#,
        r#"{ "query": "{ __typename }", "query": "{ __typename }" }"#,
        r#"{ "query": "{ __typename }", "variables": [] }"#,
        r#"{ "query": "{ __typename }", "variables": "{}" }"#,
        r#"{ "query": "{ __typename }", "operationName": 7 }"#,
        r#"{ "query": "{ __typename }", "extensions": "x" }"#,
        r#"{ "query": "{ __typename }", "userId": "x" }"#,
        r#"[{ "query": "{ __typename }" }]"#,
        "  \n[]",
    ] {
        let reply = server.send(post().bearer(&token), body).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"),
            "{body}"
        );
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    let full = r#"{ "query": "query A { __typename } query B { b: __typename }", "operationName": "B",
                    "variables": null, "extensions": { "trace": 1 } }"#;
    let reply = server.send(post().bearer(&token), full).await;
    assert_eq!((reply.status, reply.json()), (StatusCode::OK, json!({ "data": { "b": "Query" } })));
}

#[tokio::test]
async fn what_a_refused_body_holds_is_not_repeated() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    for body in [
        format!(r#"{{ "query": "{{ __typename }}", "variables": "{token}" }}"#),
        format!(r#"{{ "query": "{{ __typename }}", "{token}": 1 }}"#),
        token.clone(),
    ] {
        let reply = server.send(post().bearer(&token), body).await;
        assert!(!reply.text.contains(&token[..12]), "{}", reply.text);
    }
}

#[tokio::test]
async fn only_json_in_utf_8_is_read() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let with =
        |content_type: &str| Request::post("/graphql").bearer(&token).header(CONTENT_TYPE, content_type);
    for wrong in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/jsonp",
        "application/json; charset=utf-16",
        "",
    ] {
        let reply = server.send(with(wrong), WHO).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{wrong}");
    }
    let none = server.send(Request::post("/graphql").bearer(&token), WHO).await;
    assert_eq!(none.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let twice = with("application/json").header(CONTENT_TYPE, "text/plain");
    assert_eq!(server.send(twice, WHO).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for right in ["application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        assert_eq!(server.send(with(right), WHO).await.status, StatusCode::OK, "{right}");
    }
}

#[tokio::test]
async fn the_media_type_decides_what_the_status_says() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let query = |query: &str| json!({ "query": query }).to_string();
    // What cannot be executed has no data; what was, has it, even if it is null.
    for (text, executed) in [
        ("{ currentUser { email } }", true),
        ("{ apiKey(id: \"x\") { name } }", true),
        ("{ apiKeys(view: ALL) { totalCount } }", true),
        ("{ apiKeys(first: 0) { totalCount } }", true),
        ("{", false),
        ("", false),
        ("{ nothing }", false),
        ("{ currentUser }", false),
        ("{ apiKeys(view: SOME) { totalCount } }", false),
        ("query($id: ID!) { apiKey(id: $id) { name } }", false),
        ("query A { __typename } query B { __typename }", false),
        ("subscription { currentUser { email } }", false),
    ] {
        let reply = server.send(post().bearer(&token).accept(GRAPHQL), query(text)).await;
        let expected = if executed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(
            (reply.status, reply.json().get("data").is_some()),
            (expected, executed),
            "{text}: {}",
            reply.text
        );
        assert_eq!(reply.header("content-type"), "application/graphql-response+json; charset=utf-8");

        let json = server.send(post().bearer(&token).accept("application/json"), query(text)).await;
        assert_eq!((json.status, &json.text), (StatusCode::OK, &reply.text), "{text}");
        assert_eq!(json.header("content-type"), "application/json; charset=utf-8");
        if json.json().get("errors").is_some() {
            assert_ne!(json.code(), "none", "{text}");
        }
    }
    let neither = server.send(post().bearer(&token).accept("text/html"), WHO).await;
    assert_eq!(neither.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_field_that_fails_is_null_or_takes_along_what_is_around_it() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let answer =
        server.query(&token, "{ a: apiKey(id: \"x\") { name } currentUser { email } }", json!({})).await;
    assert_eq!(answer["data"], json!({ "a": null, "currentUser": { "email": BOB } }));
    assert_eq!(answer["errors"][0]["path"], json!(["a"]));
    assert_eq!(answer["errors"][0]["locations"], json!([{ "line": 1, "column": 3 }]));
    // What cannot be null takes the whole answer along.
    let answer = server
        .query(&token, "{ currentUser { email } a: apiKeys(first: 0) { totalCount } }", json!({}))
        .await;
    assert_eq!((answer.get("data"), &answer["errors"][0]["path"]), (Some(&Value::Null), &json!(["a"])));
}

#[tokio::test]
async fn missing_and_unknown_variables_are_bad_input() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let create = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { token } }";
    for (variables, field) in [
        (json!({}), None),
        (json!({ "input": null }), Some("input")),
        (json!({ "input": {} }), Some("name")),
        (json!({ "input": { "name": null } }), Some("name")),
        (json!({ "input": { "name": 7 } }), Some("name")),
        (json!({ "input": { "name": ["k"] } }), Some("name")),
        (json!({ "input": { "name": "k", "expiration": "DAYS_31" } }), Some("expiration")),
        (json!({ "input": { "name": "k", "expiration": null } }), Some("expiration")),
        (json!({ "input": { "name": "k", "allowImpersonation": "yes" } }), Some("allowImpersonation")),
    ] {
        let refusal = server.refusal(&token, create, variables.clone()).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), field.map(str::to_owned)), "{variables}");
    }
    let count = server.data(&token, "{ apiKeys { totalCount } }", json!({})).await;
    assert_eq!(count["apiKeys"]["totalCount"], 1);
}

#[tokio::test]
async fn other_methods_are_told_which_are_allowed() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    for (method, allowed) in [
        ("GET", "POST"),
        ("PUT", "GET, HEAD, POST"),
        ("DELETE", "GET, HEAD, POST"),
        ("OPTIONS", "GET, HEAD, POST"),
    ] {
        let request = Request::builder().method(method).uri("/graphql?query={__typename}").bearer(&token);
        let reply = server.send(request, "").await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(reply.header("allow"), allowed, "{method}");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_credential_has_one_spelling() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let refused = [
        vec![format!("bearer {token}")],
        vec![format!("Bearer  {token}")],
        vec![format!("Bearer\t{token}")],
        vec![format!("Bearer {token},{token}")],
        vec![format!("Bearer {token} ")],
        vec![format!("Basic {token}")],
        vec![token.clone()],
        vec![format!("Bearer {token}"), format!("Bearer {token}")],
    ];
    for values in refused {
        let request = values.iter().fold(post(), |request, value| request.header("authorization", value));
        let reply = server.send(request, WHO).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            "{values:?}"
        );
        assert!(!reply.text.contains(&token[..12]));
    }
    let in_query =
        Request::post(format!("/graphql?access_token={token}")).header(CONTENT_TYPE, "application/json");
    let reply = server.send(in_query, WHO).await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
    // A header that says who one is says nothing.
    let claimed =
        post().bearer(&token).header("x-keystead-user-email", ADA).header("x-keystead-user-id", "1");
    let reply = server.send(claimed, WHO).await;
    assert_eq!(reply.json()["data"]["currentUser"]["email"], BOB);
}

#[tokio::test]
async fn a_node_that_cannot_know_refuses() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    server.app.directory().suspend();
    let reply = server.send(post().bearer(&token), WHO).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"));
    assert_eq!(reply.header("retry-after"), "1");
}

#[tokio::test]
async fn no_error_is_in_an_answer_to_somebody_else() {
    let server = std::sync::Arc::new(Server::start().await);
    let token = server.token(BOB).await;
    let asked = (0..64).map(|number| {
        let (server, token) = (std::sync::Arc::clone(&server), token.clone());
        tokio::spawn(async move {
            let answer =
                server.query(&token, &format!("{{ canary{number} }}"), Value::Null).await.to_string();
            (number, answer)
        })
    });
    for asked in asked.collect::<Vec<_>>() {
        let (number, answer) = asked.await.unwrap();
        assert_eq!(answer.matches("canary").count(), 1, "{answer}");
        assert!(answer.contains(&format!("canary{number}\\\"")), "{answer}");
    }
}
