//! The embedded page and what it fetches, as requests to the router: who gets them, and what they never carry.

#![expect(clippy::unwrap_used, reason = "a test stops where what it needs is not there")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{App, Clock, Deployment, Entropy, KeyInput, Passwords, Place, RequestOrigin};
use keystead_domain::{Description, Expiration, KeyName};
use keystead_server::{Doors, Embedding, Settings, router};
use keystead_test_hosts::database_of;
use tempfile::TempDir;
use tower::ServiceExt as _;

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const PASSWORD: &str = "a few unrelated words";

struct Server {
    app: Arc<App>,
    router: Router,
    _data: TempDir,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Server {
    /// With Ada, who is an administrator, and Bob, who is a member.
    async fn start(impersonation: bool, embedding: Embedding) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Clock::manual_time_of_day("2026-11-23T10:00:00Z".parse().unwrap());
        let deployment = Deployment { impersonation, ..Deployment::default() };
        let place = Place::for_tests(data.path(), database_of(data.path()));
        let app = App::open(place, deployment, Passwords::weak_for_tests(), clock, Entropy::seeded(1)).await;
        let app = Arc::new(app.unwrap());
        let settings = Settings::new("http://keystead.test").unwrap().embedded(embedding);
        let router = router(Doors::new(Arc::clone(&app), settings));
        for (email, role) in [(ADA, "administrator"), (BOB, "member")] {
            let organization = match app.operate(Command::OrganizationList).await {
                Answer::Organizations(all) => all.first().map(|organization| organization.id.clone()),
                _ => None,
            };
            let password = Some(Password::new(PASSWORD.to_owned()));
            let (email, role) = (email.to_owned(), role.to_owned());
            app.operate(Command::UserAdd { email, organization, name: None, role, password }).await;
        }
        Self { app, router, _data: data }
    }

    async fn embeddable() -> Self {
        let origins = vec!["https://app.example.com".to_owned()];
        Self::start(true, Embedding { origins, ..Embedding::default() }).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(http::HeaderName, &str)],
        body: &str,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        Reply { status: head.status, headers: head.headers, text }
    }

    async fn get(&self, path: &str, token: &str) -> Reply {
        self.send(Method::GET, path, &[(AUTHORIZATION, &format!("Bearer {token}"))], "").await
    }

    async fn post(&self, path: &str, token: &str, body: &str) -> Reply {
        let headers = [
            (AUTHORIZATION, &*format!("Bearer {token}")),
            (CONTENT_TYPE, "application/x-www-form-urlencoded"),
        ];
        self.send(Method::POST, path, &headers, body).await
    }

    async fn cookie(&self, user: &str) -> String {
        let signed_in = self.app.sign_in(user, PASSWORD, RequestOrigin::default()).await.unwrap();
        format!("keystead={}", signed_in.cookie.expose())
    }

    /// The id and the token of an impersonation key of Ada's.
    async fn impersonation_key(&self) -> (String, String) {
        let ada = self.app.sign_in(ADA, PASSWORD, RequestOrigin::default()).await.unwrap().actor;
        let input = KeyInput {
            name: KeyName::parse("Embedding").unwrap(),
            description: Description::parse("").unwrap(),
            expiration: Expiration::Never,
            allow_impersonation: true,
            request_id: None,
        };
        let created = self.app.create_key(&ada, &input).await.unwrap();
        (created.key.id.to_string(), created.token.unwrap().expose().to_owned())
    }

    async fn session(&self, key: &str, email: &str) -> String {
        let minted = self.app.impersonate(key, email, &[], &RequestOrigin::default()).await.unwrap();
        minted.token.to_string()
    }
}

impl Reply {
    fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> &str {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap()
    }
}

#[tokio::test]
async fn without_impersonation_nothing_is_embedded() {
    let server = Server::start(false, Embedding::default()).await;
    for path in ["/embed/api-keys", "/embed/keys", "/embed/keys/new"] {
        let reply = server.send(Method::GET, path, &[], "").await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_page_holds_no_data_and_may_be_framed_by_the_origins_of_the_list_alone() {
    let path = "/embed/api-keys?token=a.secret.token&theme=dark&accent=%230a5fd6";
    let page = Server::embeddable().await.send(Method::GET, path, &[], "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains("secret"), "{}", page.text);
    assert!(page.text.contains(r#"data-theme="dark""#) && page.text.contains("--fill:#0a5fd6"));
    assert!(page.header("content-security-policy").ends_with("frame-ancestors https://app.example.com"));
    assert_eq!(page.header("x-frame-options"), "");
    assert_eq!(page.header("referrer-policy"), "no-referrer", "the address holds a token");
    assert_eq!(page.header("cache-control"), "no-store");

    let nobodys = Server::start(true, Embedding::default()).await.send(Method::GET, path, &[], "").await;
    assert!(nobodys.header("content-security-policy").ends_with("frame-ancestors 'none'"));
    assert_eq!(nobodys.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn list_and_dialogs_are_for_sessions_and_neither_for_cookies_nor_for_keys() {
    let server = Server::embeddable().await;
    let (_, key) = server.impersonation_key().await;
    let cookie = server.cookie(ADA).await;
    for (headers, challenge) in [
        (vec![], "Bearer"),
        (vec![(COOKIE, cookie.clone())], "Bearer"),
        (vec![(AUTHORIZATION, format!("Bearer {key}"))], "Bearer error=\"invalid_token\""),
        (
            vec![(AUTHORIZATION, "Bearer a.b.c".to_owned()), (COOKIE, cookie)],
            "Bearer error=\"invalid_token\"",
        ),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
        for (method, path) in [(Method::GET, "/embed/keys"), (Method::POST, "/embed/keys/new")] {
            let reply = server.send(method, path, &headers, "").await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path} {}", reply.text);
            assert!(reply.header("www-authenticate").starts_with(challenge), "{:?}", reply.headers);
            assert_eq!(reply.header(CONTENT_TYPE), "application/problem+json");
            assert_eq!(reply.header("cache-control"), "no-store");
            assert!(reply.text.contains(r#""code":"UNAUTHENTICATED""#), "{}", reply.text);
        }
    }
}

#[tokio::test]
async fn a_sessions_user_manages_their_own_keys_by_the_header_alone() {
    let server = Server::embeddable().await;
    let (_, key) = server.impersonation_key().await;
    let bob = server.session(&key, BOB).await;
    let form = server.get("/embed/keys/new", &bob).await;
    assert_eq!(
        (form.status, form.header("x-frame-options")),
        (StatusCode::OK, "DENY"),
        "fetched, never framed"
    );
    assert!(!form.text.contains("name=\"csrf\"") && !form.text.contains("allow_impersonation"));
    assert!(form.text.contains(r#"action="/embed/keys/new""#) && !form.text.contains("/settings/"));

    let id = form.field("request_id");
    let made =
        server.post("/embed/keys/new", &bob, &format!("request_id={id}&name=Laptop&expiration=30d")).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(made.text.contains("data-token>ks_"), "{}", made.text);
    let shown = made.text.to_lowercase().replace("http://keystead.test", "");
    assert!(!shown.contains("keystead"), "whose software it is does not matter there, beside its address");

    let list = server.get("/embed/keys", &bob).await;
    assert!(list.text.contains("Laptop") && !list.text.contains("Embedding"), "only Bob's: {}", list.text);
    let all = server.get("/embed/keys?view=all", &bob).await;
    assert_eq!(all.status, StatusCode::FORBIDDEN);
    assert_eq!(all.header(CONTENT_TYPE), "application/problem+json", "for a script: {}", all.text);
}

#[tokio::test]
async fn a_session_touches_no_impersonation_key_and_says_why() {
    let server = Server::embeddable().await;
    let (id, key) = server.impersonation_key().await;
    let ada = server.session(&key, ADA).await;
    let list = server.get("/embed/keys", &ada).await.text;
    assert!(list.contains("An impersonated session cannot change or revoke impersonation keys."), "{list}");
    for path in ["revoke", "end-sessions", "edit"] {
        assert!(!list.contains(&format!("/embed/keys/{id}/{path}")), "{path}: {list}");
        let sent = "confirm_name=Embedding&name=Other";
        let reply = server.post(&format!("/embed/keys/{id}/{path}"), &ada, sent).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}: {}", reply.text);
    }
    assert_eq!(server.get("/embed/keys", &ada).await.status, StatusCode::OK, "the session goes on");
}

#[tokio::test]
async fn whoever_may_do_more_than_the_session_is_told_where_to_make_a_key_and_makes_none() {
    let server = Server::embeddable().await;
    let (_, key) = server.impersonation_key().await;
    let ada = server.session(&key, ADA).await;
    let dialog = server.get("/embed/keys/new", &ada).await.text;
    assert!(
        dialog.contains("Keys cannot be created here") && dialog.contains("Sign in directly"),
        "{dialog}"
    );
    assert!(!dialog.contains("can open creation again"), "nobody has closed it: {dialog}");
    let sent = "request_id=00000000000000000000000000000001&name=More&expiration=30d";
    let reply = server.post("/embed/keys/new", &ada, sent).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text);
    let bob = server.session(&key, BOB).await;
    assert_eq!(server.post("/embed/keys/new", &bob, sent).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_console_ends_a_keys_sessions_and_the_key_goes_on_working() {
    let server = Server::embeddable().await;
    let (id, key) = server.impersonation_key().await;
    let bob = server.session(&key, BOB).await;
    let cookie = server.cookie(ADA).await;
    let path = format!("/settings/api-keys/{id}/end-sessions");
    let asked = server.send(Method::GET, &path, &[(COOKIE, &cookie)], "").await;
    assert!(asked.text.contains("1 live session</strong> of this key ends at once."), "{}", asked.text);
    assert!(asked.text.contains("Last session <time"), "{}", asked.text);

    let form = [(COOKIE, &*cookie), (CONTENT_TYPE, "application/x-www-form-urlencoded")];
    let unasked = server.send(Method::POST, &path, &form, "").await;
    assert_eq!(unasked.status, StatusCode::FORBIDDEN, "not without the form's token");
    let body = format!("csrf={}", asked.field("csrf"));
    let ended = server.send(Method::POST, &path, &form, &body).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.text);
    let list = server.send(Method::GET, ended.header(LOCATION), &[(COOKIE, &cookie)], "").await;
    assert!(
        list.text.contains("The key&#39;s sessions have ended.") && list.text.contains("0 live sessions")
    );

    assert_eq!(server.get("/embed/keys", &bob).await.status, StatusCode::UNAUTHORIZED);
    let again = server.session(&key, BOB).await;
    assert_eq!(server.get("/embed/keys", &again).await.status, StatusCode::OK);
}
