//! A Keystead without sockets: requests go straight to its router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::request::Builder;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{App, Clock, Deployment, Entropy, Passwords, Place, RequestOrigin};
use keystead_server::{Doors, Settings, router};
use keystead_test_hosts::database_of;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const BOB: &str = "bob@example.com";
const PASSWORD: &str = "a few unrelated words";

pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    clock: Clock,
    router: Router,
    _data: TempDir,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    /// With Ada, who is an administrator, and Bob, who is a member.
    pub(crate) async fn start() -> Self {
        Self::start_with(Deployment::default()).await
    }

    pub(crate) async fn start_with(deployment: Deployment) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Clock::manual_time_of_day("2026-11-23T10:00:00Z".parse().unwrap());
        let place = Place::for_tests(data.path(), database_of(data.path()));
        let app =
            App::open(place, deployment, Passwords::weak_for_tests(), clock.clone(), Entropy::seeded(1));
        let app = Arc::new(app.await.unwrap());
        let doors = Doors::new(Arc::clone(&app), Settings::new("http://keystead.test").unwrap());
        let server = Self { app, clock, router: router(doors), _data: data };
        server.user(ADA, "administrator").await;
        server.user(BOB, "member").await;
        server
    }

    pub(crate) fn advance(&self, days: i64) {
        self.clock.advance(SignedDuration::from_hours(24 * days));
    }

    pub(crate) async fn operate(&self, command: Command) -> Answer {
        match self.app.operate(command).await {
            Answer::Refused { code, message } => panic!("refused: {code}: {message}"),
            answer => answer,
        }
    }

    /// The id of a new user of the first organization.
    pub(crate) async fn user(&self, email: &str, role: &str) -> String {
        let password = Some(Password::new(PASSWORD.to_owned()));
        let (email, role, organization) =
            (email.to_owned(), role.to_owned(), self.first_organization().await);
        let command = Command::UserAdd { email, organization, name: None, role, password };
        let Answer::User { id, .. } = self.operate(command).await else { panic!("not a user") };
        id
    }

    /// The first organization, once there is one.
    async fn first_organization(&self) -> Option<String> {
        let Answer::Organizations(all) = self.operate(Command::OrganizationList).await else {
            panic!("no list")
        };
        all.first().map(|organization| organization.id.clone())
    }

    /// The id of another organization, with an administrator of its own.
    pub(crate) async fn organization(&self, name: &str, administrator: &str) -> String {
        let command =
            Command::OrganizationCreate { name: name.to_owned(), administrator: administrator.to_owned() };
        let Answer::Invitation { organization, .. } = self.operate(command).await else { panic!("none") };
        organization
    }

    /// A token of a new user who holds these permissions and no others.
    pub(crate) async fn holder(&self, email: &str, permissions: &[&str]) -> String {
        let id = self.user(email, "member").await;
        let admin = self.token(ADA).await;
        let create = "mutation($input: CreateRoleInput!) { createRole(input: $input) { id } }";
        let input = json!({ "name": format!("of {email}"), "permissions": permissions });
        let role = self.data(&admin, create, json!({ "input": input })).await;
        let assign = "mutation($user: ID!, $role: ID!) { setRoleAssignments(userId: $user, roleAssignments: [{ roleId: $role }]) \
                      { id } }";
        self.data(&admin, assign, json!({ "user": id, "role": role["createRole"]["id"] })).await;
        self.token(email).await
    }

    /// The id of whoever a token stands for.
    pub(crate) async fn id(&self, token: &str) -> String {
        let who = self.data(token, "{ currentUser { id } }", json!({})).await;
        who["currentUser"]["id"].as_str().unwrap().to_owned()
    }

    /// The id and the token of a new key.
    pub(crate) async fn key(&self, user: &str, name: &str, expires: &str) -> (String, String) {
        let command = Command::KeyCreate {
            user: user.to_owned(),
            organization: None,
            name: name.to_owned(),
            expires: expires.to_owned(),
        };
        let Answer::Token { id, token } = self.operate(command).await else { panic!("not a key") };
        (id, token)
    }

    /// The token of a key that never expires.
    pub(crate) async fn token(&self, user: &str) -> String {
        self.key(user, "the test's own", "never").await.1
    }

    /// The value of a `Cookie` header.
    pub(crate) async fn cookie(&self, user: &str) -> String {
        let signed_in = self.app.sign_in(user, PASSWORD, RequestOrigin::default()).await.unwrap();
        format!("keystead={}", signed_in.cookie.expose())
    }

    pub(crate) async fn send(&self, request: Builder, body: impl Into<Body>) -> Reply {
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        Reply { status: head.status, headers: head.headers, text }
    }

    /// A query that is executed, whatever comes of it.
    pub(crate) async fn query(&self, token: &str, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let reply = self.send(post().bearer(token), body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply.json()
    }

    /// The data of a query that has no errors.
    pub(crate) async fn data(&self, token: &str, query: &str, variables: Value) -> Value {
        let mut answer = self.query(token, query, variables).await;
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].take()
    }

    /// The code and the field of a query's first error.
    pub(crate) async fn refusal(
        &self,
        token: &str,
        query: &str,
        variables: Value,
    ) -> (String, Option<String>) {
        let answer = self.query(token, query, variables).await;
        let error = &answer["errors"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        (text(&error["extensions"]["code"]).unwrap(), text(&error["extensions"]["field"]))
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or("none").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// `POST /graphql` with JSON, as a program sends it.
pub(crate) fn post() -> Builder {
    Request::post("/graphql").header(CONTENT_TYPE, "application/json")
}

pub(crate) trait Credential {
    fn bearer(self, token: &str) -> Self;
    fn cookie(self, cookie: &str) -> Self;
    fn accept(self, media_types: &str) -> Self;
}

impl Credential for Builder {
    fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION, format!("Bearer {token}"))
    }

    fn cookie(self, cookie: &str) -> Self {
        self.header(COOKIE, cookie)
    }

    fn accept(self, media_types: &str) -> Self {
        self.header(ACCEPT, media_types)
    }
}
