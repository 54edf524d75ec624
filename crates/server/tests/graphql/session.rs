//! Browsers: what a cookie is good for, and the page.

use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use serde_json::json;

use crate::support::{BOB, Credential as _, Server, post};

const WHO: &str = r#"{ "query": "{ currentUser { email } }" }"#;

#[tokio::test]
async fn a_cookie_counts_only_for_json_from_our_own_pages() {
    let server = Server::start().await;
    let cookie = server.cookie(BOB).await;
    let from = |headers: &[(&str, &str)]| {
        headers.iter().fold(post().cookie(&cookie), |request, (name, value)| request.header(*name, *value))
    };
    for ours in [
        vec![("sec-fetch-site", "same-origin")],
        vec![("origin", "http://keystead.test"), ("host", "keystead.test")],
    ] {
        let reply = server.send(from(&ours), WHO).await;
        assert_eq!(reply.json(), json!({ "data": { "currentUser": { "email": BOB } } }));
    }
    for foreign in [
        vec![],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "https://evil.example"), ("host", "keystead.test")],
        vec![("origin", "null"), ("host", "keystead.test")],
    ] {
        let reply = server.send(from(&foreign), WHO).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (StatusCode::FORBIDDEN, "FORBIDDEN"),
            "{foreign:?}"
        );
    }
    // What a form of another site can send without asking.
    for simple in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = Request::post("/graphql")
            .cookie(&cookie)
            .header("sec-fetch-site", "same-origin")
            .header(CONTENT_TYPE, simple);
        assert_eq!(server.send(request, WHO).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    // A key is no cookie: it needs no origin, and a cookie beside it changes nothing.
    let token = server.token(BOB).await;
    let reply = server.send(post().bearer(&token).header("sec-fetch-site", "cross-site"), WHO).await;
    assert_eq!(reply.status, StatusCode::OK);
    let reply = server
        .send(post().bearer("ks_junk").cookie(&cookie).header("sec-fetch-site", "same-origin"), WHO)
        .await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_that_ended_is_nobody() {
    let server = Server::start().await;
    let cookie = server.cookie(BOB).await;
    let ask = || post().cookie(&cookie).header("sec-fetch-site", "same-origin");
    assert_eq!(server.send(ask(), WHO).await.status, StatusCode::OK);
    server
        .operate(keystead_app::operator::Command::UserDeactivate {
            email: BOB.to_owned(),
            organization: None,
        })
        .await;
    let reply = server.send(ask(), WHO).await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
}

#[tokio::test]
async fn the_page_is_for_whoever_is_signed_in_and_loads_nothing_from_elsewhere() {
    let server = Server::start().await;
    let page = || Request::get("/graphql").accept("text/html,application/xhtml+xml;q=0.9");
    let signed_out = server.send(page(), "").await;
    assert_eq!(signed_out.status, StatusCode::SEE_OTHER);
    assert_eq!(signed_out.header("location"), "/sign-in?next=/graphql");

    let reply = server.send(page().cookie(&server.cookie(BOB).await), "").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("cache-control"), "no-store");
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!reply.text.contains("//") && !reply.text.contains("<script>"), "{}", reply.text);
    let assets: Vec<&str> =
        reply.text.split('"').filter(|attribute| attribute.starts_with("/graphql/assets/")).collect();
    assert_eq!(assets.len(), 6);
    for address in assets {
        for (encoding, accepted) in [("br", "br"), ("gzip", "gzip")] {
            let asset = server.send(Request::get(address).header("accept-encoding", accepted), "").await;
            assert_eq!(asset.status, StatusCode::OK, "{address}");
            assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(asset.header("content-encoding"), encoding, "{address}");
        }
        let wrong = server.send(Request::get(address.replace("assets/", "assets/0")), "").await;
        assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    }
}
