//! Nodes, each with a clock and a way to the database of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command};
use keystead_app::{
    App, Clock, DatabaseUrl, Deployment, Entropy, KeyInput, NodeSettings, OpenError, Passwords, Place,
    Refusal, RequestOrigin, SessionRefusal, SessionSettings, SetUp, SharedStore, StoreSecret,
};
use keystead_domain::{
    Actor, Description, Email, Error, Expiration, KeyId, KeyName, LeaseTerms, NewPassword, OrganizationName,
    PersonName, UserId,
};
use keystead_test_hosts::Postgres;
use tempfile::TempDir;

use crate::link::Link;

/// What all nodes share unless a test says otherwise.
pub(crate) const SECRET: &str = "the secret of nodes that are tested, no other";
const URL: &str = "https://keys.example.com";
/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// A little more than a lease, and what clocks may differ by.
pub(crate) const A_LEASE: SignedDuration = SignedDuration::from_millis(2_100);

pub(crate) struct Node {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Clock,
    pub(crate) link: Link,
}

pub(crate) struct Nodes {
    pub(crate) all: Vec<Node>,
    pub(crate) url: String,
    folder: TempDir,
}

pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) token: String,
}

impl Nodes {
    pub(crate) async fn new(count: usize) -> Self {
        let mut nodes = Self {
            all: Vec::new(),
            url: Postgres::shared_fast().database(),
            folder: TempDir::new().unwrap(),
        };
        std::fs::write(nodes.folder.path().join("a file"), "").unwrap();
        for _ in 0..count {
            nodes.start().await;
        }
        nodes
    }

    /// One more node.
    pub(crate) async fn start(&mut self) -> &Node {
        let node = self.open(SECRET, self.all.len() as u64).await.unwrap();
        self.all.push(node);
        self.all.last().unwrap()
    }

    /// A node with this secret, and randomness of its own.
    pub(crate) async fn open(&self, secret: &str, number: u64) -> Result<Node, OpenError> {
        let (before, host) = self.url.split_once('@').unwrap();
        let (host, database) = host.split_once('/').unwrap();
        let link = Link::to(host.parse::<SocketAddr>().unwrap()).await;
        let url = DatabaseUrl::new(format!("{before}@{}/{database}", link.address));
        let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
        let settings = NodeSettings {
            name: format!("node {number}"),
            version: "0".into(),
            lease: Some(LeaseTerms::default()),
        };
        let shared = SharedStore { url, node: settings, secret: StoreSecret::new(secret).unwrap() };
        let place = Place { folder: self.folder(), shared: Some(shared) };
        let sessions = SessionSettings { issuer: URL.to_owned(), ..SessionSettings::default() };
        let app = App::open(
            place,
            Deployment { impersonation: true, sessions, ..Deployment::default() },
            Passwords::weak_for_tests(),
            clock.clone(),
            Entropy::seeded(number),
        );
        let app = Arc::new(in_time(app).await?);
        Ok(Node { app, clock, link })
    }

    /// The folder that each of them is given: it is not there, and cannot be made.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("a file/folder")
    }

    /// Makes the first administrator, by the first node.
    pub(crate) async fn set_up(&self) -> Actor {
        let app = &self.all[0].app;
        let code = app.create_set_up_link().await.unwrap();
        let set_up = SetUp {
            organization: OrganizationName::parse("First").unwrap(),
            name: PersonName::parse("Root").unwrap(),
            email: Email::parse("root@example.com").unwrap(),
            password: NewPassword::parse("a password for tests only", "nobody@example.com").unwrap(),
        };
        in_time(app.set_up(code.expose(), set_up, RequestOrigin::default())).await.unwrap().actor
    }

    /// Time passes for all.
    pub(crate) fn advance(&self, by: SignedDuration) {
        for node in &self.all {
            node.clock.advance(by);
        }
    }

    /// What comes to an end only when time passes.
    pub(crate) async fn as_time_passes<T>(&self, future: impl Future<Output = T>) -> T {
        in_time(async {
            let mut future = std::pin::pin!(future);
            loop {
                tokio::select! {
                    done = &mut future => return done,
                    () = tokio::time::sleep(Duration::from_millis(20)) => self.advance(SignedDuration::from_millis(40)),
                }
            }
        })
        .await
    }

    /// What each node says of the token of a session.
    pub(crate) fn verify_session(&self, token: &str) -> Vec<Result<(), SessionRefusal>> {
        self.all.iter().map(|node| node.verify_session(token)).collect()
    }

    /// What each node says of a token.
    pub(crate) fn verify(&self, token: &str) -> Vec<Result<(), Refusal>> {
        self.all.iter().map(|node| node.verify(token)).collect()
    }
}

impl Node {
    pub(crate) fn verify(&self, token: &str) -> Result<(), Refusal> {
        self.app.verify(token, self.app.now()).map(drop)
    }

    pub(crate) async fn create_key(&self, actor: &Actor) -> Key {
        self.try_to_create_key(actor, false).await.unwrap()
    }

    /// A key that may impersonate, or not.
    pub(crate) async fn create_key_that(&self, actor: &Actor, allow_impersonation: bool) -> Key {
        self.try_to_create_key(actor, allow_impersonation).await.unwrap()
    }

    pub(crate) async fn try_to_create_key(
        &self,
        actor: &Actor,
        allow_impersonation: bool,
    ) -> Result<Key, Error> {
        let input = KeyInput {
            name: KeyName::parse("key").unwrap(),
            description: Description::parse("").unwrap(),
            expiration: Expiration::Never,
            allow_impersonation,
            request_id: None,
        };
        let made = in_time(Box::pin(self.app.create_key(actor, &input))).await?;
        Ok(Key { id: made.key.id, token: made.token.unwrap().expose().to_owned() })
    }

    /// The token of a session of the administrator's.
    pub(crate) async fn mint(&self, key: &Key) -> String {
        let origin = RequestOrigin::default();
        let minted = in_time(self.app.impersonate(&key.token, "root@example.com", &[], &origin)).await;
        minted.unwrap().token.to_string()
    }

    /// What it says of the token of a session.
    pub(crate) fn verify_session(&self, token: &str) -> Result<(), SessionRefusal> {
        self.app.verify_session(token, self.app.now()).map(drop)
    }

    /// Somebody else of the administrator's organization, and the token of a key of theirs.
    pub(crate) async fn member(&self, email: &str) -> (UserId, String) {
        let (email, organization) = (email.to_owned(), None);
        let role = "member".to_owned();
        let add = Command::UserAdd { email: email.clone(), organization, name: None, role, password: None };
        let Answer::User { id, .. } = in_time(self.app.operate(add)).await else { panic!("not added") };
        let create = Command::KeyCreate {
            user: email,
            organization: None,
            name: "key".to_owned(),
            expires: "never".to_owned(),
        };
        let Answer::Token { token, .. } = in_time(self.app.operate(create)).await else {
            panic!("not created")
        };
        (id.parse().unwrap(), token)
    }

    pub(crate) async fn revoke(&self, actor: &Actor, key: &Key) {
        in_time(Box::pin(self.app.revoke_key(actor, key.id, Some("key")))).await.unwrap();
    }
}

/// What does not hang.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

/// Looks again until it is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    in_time(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
