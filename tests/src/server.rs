//! A Keystead inside the test's process: the real store, directory, doors and sockets; only clock, randomness and the cost of
//! a password hash are the test's.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use keystead_app::operator::{Answer, Command, Password};
use keystead_app::{App, Clock, Deployment, Entropy, KeyInput, Passwords, Place, RequestOrigin};
use keystead_domain::{Actor, Description, Expiration, KeyName, SessionId, Via};
use keystead_server::{Doors, Embedding, Settings, router, serve};
use keystead_test_hosts::database_of;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// When every test begins.
pub const START: &str = "2026-11-23T10:00:00Z";

/// A running server; dropped, it is gone with its data.
pub struct TestServer {
    /// The app behind the doors, for what no door offers.
    pub app: Arc<App>,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Talks to it without cookies.
    pub client: reqwest::Client,
    parts: Parts,
    data: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<std::io::Result<()>>>,
}

/// What a server is started from, and started again.
#[derive(Clone)]
struct Parts {
    deployment: Deployment,
    /// Where people reach it; `None` is where it listens.
    public_url: Option<String>,
    embedding: Embedding,
    /// The reverse proxy whose word on where a request came from is taken.
    trusted_proxy: Option<IpAddr>,
    clock: Clock,
    passwords: Passwords,
    entropy: Entropy,
    /// Whether it is on SQLite whatever was chosen.
    is_on_sqlite: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            deployment: Deployment::default(),
            public_url: None,
            embedding: Embedding::default(),
            trusted_proxy: None,
            clock: Clock::manual_time_of_day(START.parse().expect("an instant")),
            passwords: Passwords::weak_for_tests(),
            entropy: Entropy::system(),
            is_on_sqlite: false,
        }
    }
}

/// A user who was made for the test.
#[derive(Debug, Clone)]
pub struct TestUser {
    /// Their id.
    pub id: String,
    /// Their address.
    pub email: String,
}

/// A key that was made for the test.
#[derive(Clone)]
pub struct TestKey {
    /// Its id.
    pub id: String,
    /// Its token, made at run time.
    pub token: String,
}

impl TestServer {
    /// The password of every test user.
    pub const PASSWORD: &str = "a few unrelated words";

    /// An empty server without impersonation.
    pub async fn start() -> Self {
        Self::start_with(Deployment::default()).await
    }

    /// An empty server of a deployment.
    pub async fn start_with(deployment: Deployment) -> Self {
        Self::start_from(Parts { deployment, ..Parts::default() }).await
    }

    /// An empty server whose tokens are the same at every start, for pictures.
    pub async fn start_seeded(deployment: Deployment) -> Self {
        Self::start_from(Parts { deployment, entropy: Entropy::seeded(1815), ..Parts::default() }).await
    }

    /// An empty server that people reach at a public address, through a proxy that ends TLS for it.
    pub async fn start_behind(public_url: &str) -> Self {
        Self::start_from(Parts { public_url: Some(public_url.to_owned()), ..Parts::default() }).await
    }

    /// An empty server of a deployment that keeps its public address, and so the issuer of its sessions, when it is restarted.
    pub async fn start_at(public_url: &str, deployment: Deployment) -> Self {
        let public_url = Some(public_url.to_owned());
        Self::start_from(Parts { deployment, public_url, ..Parts::default() }).await
    }

    /// An empty server of a deployment whose API Keys page may be embedded.
    pub async fn start_embeddable(deployment: Deployment, embedding: Embedding) -> Self {
        Self::start_from(Parts { deployment, embedding, ..Parts::default() }).await
    }

    /// An empty server on SQLite whatever was chosen: for what is about that.
    pub async fn start_on_sqlite() -> Self {
        Self::start_from(Parts { is_on_sqlite: true, ..Parts::default() }).await
    }

    /// An empty server behind a reverse proxy, whose word on where a request came from is taken.
    pub async fn start_trusting(proxy: &str) -> Self {
        let trusted_proxy = Some(proxy.parse().expect("an address"));
        Self::start_from(Parts { trusted_proxy, ..Parts::default() }).await
    }

    async fn start_from(parts: Parts) -> Self {
        Self::open(tempfile::tempdir().expect("a temporary directory"), parts).await
    }

    async fn open(data: TempDir, parts: Parts) -> Self {
        let Parts {
            mut deployment,
            public_url,
            embedding,
            trusted_proxy,
            clock,
            passwords,
            entropy,
            is_on_sqlite,
        } = parts.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let settings = Settings::new(public_url.as_deref().unwrap_or(&url)).expect("an address");
        settings.public_url().clone_into(&mut deployment.sessions.issuer);
        let database = if is_on_sqlite { None } else { database_of(data.path()) };
        let place = Place::for_tests(data.path(), database);
        let app = App::open(place, deployment, passwords, clock, entropy).await;
        let app = Arc::new(app.expect("a store"));
        let settings =
            settings.embedded(embedding).behind(trusted_proxy.map(Into::into).into_iter().collect());
        let doors = Doors::new(Arc::clone(&app), settings);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, router(doors), async {
            _ = stopped.await;
        }));
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { app, url, client, parts, data, stop: Some(stop), serving: Some(serving) }
    }

    /// Stops it and starts another on the same store, at another port.
    pub async fn restart(mut self) -> Self {
        self.stop().await;
        let Self { app, client, parts, data, .. } = self;
        drop(client);
        // The store's lock goes with the last handler that holds the app.
        let released = async {
            while Arc::strong_count(&app) > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), released).await.expect("nobody holds the app");
        drop(app);
        Self::open(data, parts).await
    }

    /// Stops it and starts another on the same store, as a deployment that is set up differently.
    pub async fn restart_as(mut self, deployment: Deployment) -> Self {
        self.parts.deployment = deployment;
        self.restart().await
    }

    /// Password hashes that were computed so far.
    pub fn passwords_computed(&self) -> u64 {
        self.parts.passwords.computed()
    }

    /// The folder of its store.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The time, as it sees it.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Moves its clock, in either direction.
    pub fn advance(&self, by: SignedDuration) {
        self.parts.clock.advance(by);
    }

    /// Runs an operator's command that must not be refused.
    pub async fn operate(&self, command: Command) -> Answer {
        match self.app.operate(command).await {
            Answer::Refused { code, message } => panic!("refused: {code}: {message}"),
            answer => answer,
        }
    }

    /// Adds an administrator.
    pub async fn administrator(&self, email: &str) -> TestUser {
        self.user(email, "administrator").await
    }

    /// Adds a member.
    pub async fn member(&self, email: &str) -> TestUser {
        self.user(email, "member").await
    }

    /// Adds a further organization, and its administrator.
    pub async fn organization(&self, name: &str, administrator: &str) -> TestUser {
        let (name, administrator) = (name.to_owned(), administrator.to_owned());
        let command = Command::OrganizationCreate { name, administrator };
        let Answer::Invitation { organization, .. } = self.operate(command).await else {
            panic!("not an organization")
        };
        let command = Command::UserList { organization: Some(organization) };
        let Answer::Users(users) = self.operate(command).await else { panic!("not users") };
        TestUser { id: users[0].id.clone(), email: users[0].email.clone() }
    }

    /// Adds a user to the organization that was made first.
    async fn user(&self, email: &str, role: &str) -> TestUser {
        let Answer::Organizations(organizations) = self.operate(Command::OrganizationList).await else {
            panic!("not organizations")
        };
        let command = Command::UserAdd {
            email: email.to_owned(),
            organization: organizations.into_iter().next().map(|organization| organization.id),
            name: None,
            role: role.to_owned(),
            password: Some(Password::new(Self::PASSWORD.to_owned())),
        };
        let Answer::User { id, email } = self.operate(command).await else { panic!("not a user") };
        TestUser { id, email }
    }

    /// Deactivates a user.
    pub async fn deactivate(&self, user: &TestUser) {
        self.operate(Command::UserDeactivate { email: user.email.clone(), organization: None }).await;
    }

    /// Reactivates a user.
    pub async fn reactivate(&self, user: &TestUser) {
        self.operate(Command::UserReactivate { email: user.email.clone(), organization: None }).await;
    }

    /// Revokes a key.
    pub async fn revoke(&self, key: &TestKey) {
        self.operate(Command::KeyRevoke { id: key.id.clone() }).await;
    }

    /// Makes a key for a user; `expires` is `7d`, `30d`, `90d`, `180d`, `1y` or `never`.
    pub async fn key(&self, user: &TestUser, name: &str, expires: &str) -> TestKey {
        let command = Command::KeyCreate {
            user: user.email.clone(),
            organization: None,
            name: name.to_owned(),
            expires: expires.to_owned(),
        };
        let Answer::Token { id, token } = self.operate(command).await else { panic!("not a key") };
        TestKey { id, token }
    }

    /// Makes an impersonation key for a user, who must hold `impersonation:grant`, with an expiration of 30 days.
    pub async fn impersonation_key(&self, user: &TestUser, name: &str) -> TestKey {
        let user = self.app.directory().user(user.id.parse().expect("an id")).expect("a user");
        let via = Via::Session(SessionId::from_u128(1));
        let actor = Actor::authenticated(user, via, None).expect("a user who may act");
        let input = KeyInput {
            name: KeyName::parse(name).expect("a name"),
            description: Description::parse("").expect("a description"),
            expiration: Expiration::default(),
            allow_impersonation: true,
            request_id: None,
        };
        let created = self.app.create_key(&actor, &input).await.expect("a key");
        TestKey { id: created.key.id.to_string(), token: created.token.expect("a token").expose().to_owned() }
    }

    /// Mints a session for an address with an impersonation key, and returns its token.
    pub async fn mint(&self, key: &TestKey, email: &str) -> String {
        let minted = self.app.impersonate(&key.token, email, &[], &RequestOrigin::default()).await;
        minted.expect("a session").token.to_string()
    }

    /// `GET /verify` with a key.
    pub async fn verify(&self, token: &str) -> reqwest::Response {
        self.client.get(format!("{}/verify", self.url)).bearer_auth(token).send().await.expect("an answer")
    }

    /// Stops serving, finishes what was begun and closes the store; the data stay until this is dropped.
    pub async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            serving.await.expect("no panic").expect("served");
        }
        self.app.close().await.expect("closed");
    }
}
