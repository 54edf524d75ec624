//! What Envoy is told over gRPC, without an Envoy in between: what `/verify` says, in its words.

use std::collections::HashMap;

use envoy_types::ext_authz::v3::pb::{CheckRequest, HttpResponse};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use jiff::SignedDuration;
use keystead_tests::TestServer;
use keystead_tests::binary::Serving;
use tonic::Code;
use tonic::transport::Channel;

use crate::keystead::{ext_authz, make_unsure};

type Client = AuthorizationClient<Channel>;
type Words<'a> = &'a [(&'a str, &'a str)];

async fn client(server: &TestServer) -> Client {
    AuthorizationClient::connect(format!("http://{}", ext_authz(server).await)).await.unwrap()
}

fn question(headers: Words<'_>, extensions: Words<'_>) -> CheckRequest {
    let owned = |words: Words<'_>| -> HashMap<_, _> {
        words.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let http = HttpRequest { headers: owned(headers), ..HttpRequest::default() };
    let request = Request { http: Some(http), ..Request::default() };
    let context_extensions = owned(extensions);
    let attributes =
        AttributeContext { request: Some(request), context_extensions, ..AttributeContext::default() };
    CheckRequest { attributes: Some(attributes) }
}

/// What is answered: a status, and in whose name, or the challenge.
async fn check(client: &mut Client, headers: Words<'_>, extensions: Words<'_>) -> (u32, String, Vec<String>) {
    let answer = client.check(question(headers, extensions)).await.unwrap().into_inner();
    let (status, set, removed) = match answer.http_response.unwrap() {
        HttpResponse::OkResponse(ok) => (200, ok.headers, ok.headers_to_remove),
        HttpResponse::DeniedResponse(denied) => {
            (u32::try_from(denied.status.unwrap().code).unwrap(), denied.headers, Vec::new())
        }
        HttpResponse::ErrorResponse(error) => panic!("{error:?}"),
    };
    assert_eq!(answer.status.unwrap().code == 0, status == 200);
    let told = set.into_iter().filter_map(|set| set.header);
    let told = told.filter(|header| ["x-keystead-user-email", "www-authenticate"].contains(&&*header.key));
    (status, told.map(|header| header.value).collect(), removed)
}

#[tokio::test]
async fn it_says_what_verify_says() {
    let server = TestServer::start().await;
    let mut client = client(&server).await;
    let (ada, mia) = (server.administrator("ada@example.com").await, server.member("mia@example.com").await);
    let expired = server.key(&ada, "expired", "7d").await;
    server.advance(SignedDuration::from_hours(24 * 7));
    let [adas, mias] = [server.key(&ada, "hers", "30d").await, server.key(&mia, "hers", "30d").await];
    let revoked = server.key(&ada, "revoked", "30d").await;
    server.revoke(&revoked).await;
    for token in [&adas.token, &mias.token, &expired.token, &revoked.token, "junk", ""] {
        let shown = format!("Bearer {token}");
        for question in [&[][..], &[("permission", "keys:read_all")], &[("permission", "Not One")]] {
            let asked = server.get("/verify").query(question).header("authorization", &shown);
            let asked = asked.send().await.unwrap();
            let header = |name| asked.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let told = header("x-keystead-user-email").or(header("www-authenticate")).unwrap_or_default();
            let status = u32::from(asked.status().as_u16());
            let answer = check(&mut client, &[("authorization", &shown)], question).await;
            assert_eq!(answer, (status, told, Vec::new()), "{question:?}");
        }
    }
    let nothing = check(&mut client, &[], &[]).await;
    assert!(nothing.0 == 401 && nothing.1.starts_with("Bearer"), "{nothing:?}");
    let two = format!("Bearer {0},Bearer {0}", adas.token);
    assert_eq!(check(&mut client, &[("authorization", &two)], &[]).await.0, 401);
    assert_eq!(client.check(CheckRequest::default()).await.unwrap().into_inner().status.unwrap().code, 16);
    // A question that does not exist is not another one.
    let shown = format!("Bearer {}", adas.token);
    let unknown = check(&mut client, &[("authorization", &shown)], &[("permissions", "x")]).await;
    assert_eq!(unknown.0, 422);
}

#[tokio::test]
async fn what_the_client_says_of_itself_is_named_to_be_taken_away() {
    let server = TestServer::start().await;
    let mut client = client(&server).await;
    let ada = server.administrator("ada@example.com").await;
    let shown = format!("Bearer {}", server.key(&ada, "deploy", "30d").await.token);
    let forged =
        ["x-keystead-impersonator-key-id", "x_keystead_user_id", "x-keystead_user-id", "x-keystead-x"];
    let mut headers =
        vec![("authorization", shown.as_str()), ("x-keystead-user-email", "forged"), ("x-k", "1")];
    headers.extend(forged.map(|name| (name, "forged")));
    let (status, told, mut removed) = check(&mut client, &headers, &[]).await;
    removed.sort();
    let mut expected = forged.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!((status, told, removed), (200, "ada@example.com".to_owned(), expected));
}

/// Denied, not failed: an Envoy may be configured to let through what fails.
#[tokio::test]
async fn it_denies_while_it_cannot_know() {
    let server = TestServer::start().await;
    let mut client = client(&server).await;
    let ada = server.administrator("ada@example.com").await;
    let shown = format!("Bearer {}", server.key(&ada, "deploy", "30d").await.token);
    make_unsure(&server, &ada).await;
    assert_eq!(check(&mut client, &[("authorization", &shown)], &[]).await.0, 503);
}

#[tokio::test]
async fn a_question_that_is_too_large_is_not_read() {
    let server = TestServer::start().await;
    let mut client = client(&server).await;
    let fits = "x".repeat(60 * 1024);
    assert_eq!(check(&mut client, &[("cookie", &fits)], &[]).await.0, 401);
    let refused = client.check(question(&[("cookie", &fits.repeat(3))], &[])).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

#[tokio::test]
async fn the_binary_answers_at_the_address_that_it_is_given_and_nothing_else_there() {
    let serving =
        Serving::start(&["serve", "--demo", "--listen", "127.0.0.1:0", "--ext-authz-listen", "127.0.0.1:0"]);
    let address =
        serving.line(|line| line.strip_prefix("Envoy's ext_authz is answered at ").map(str::to_owned));
    let token = serving
        .line(|line| keystead_token::TokenRef::parse(line.trim()).is_ok().then(|| line.trim().to_owned()));
    let mut client = AuthorizationClient::connect(format!("http://{address}")).await.unwrap();
    let shown = format!("Bearer {token}");
    let answer = check(&mut client, &[("authorization", &shown)], &[]).await;
    assert_eq!((answer.0, answer.1.as_str()), (200, "ada@demo.example"));
    for path in ["/verify", "/metrics", "/", "/envoy.service.auth.v3.Authorization/Other"] {
        let other = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        assert_eq!(other.status(), 404, "{path}");
    }
}
