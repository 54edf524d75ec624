//! The example product's backends, as they are started by hand: each of its users gets a session of their own, and nobody gets
//! the key. What its page does with a session is tested in a browser.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers fail as tests do")]

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use keystead_app::{Deployment, RequestOrigin};
use keystead_tests::{TestKey, TestServer, TestUser, cookies};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

const BACKENDS: [Backend; 2] = [Backend::Rust, Backend::Node];

#[derive(Debug, Clone, Copy)]
enum Backend {
    Rust,
    Node,
}

/// The example for Node, installed and compiled as `npm start` does it first.
static NODE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/embed/node");
    let built = Command::new("npm").args(["run", "prestart"]).current_dir(&folder).output().expect("npm");
    assert!(
        built.status.success(),
        "{}{}",
        String::from_utf8_lossy(&built.stdout),
        String::from_utf8_lossy(&built.stderr)
    );
    folder
});

impl Backend {
    fn command(self) -> Command {
        match self {
            Self::Rust => {
                Command::new(keystead_tests::binary::keystead().with_file_name("keystead-example-embed"))
            }
            Self::Node => {
                let package = std::fs::read(NODE.join("package.json")).unwrap();
                let package: Value = serde_json::from_slice(&package).unwrap();
                let mut start = package["scripts"]["start"].as_str().unwrap().split(' ');
                let mut command = Command::new(start.next().unwrap());
                command.args(start).current_dir(&*NODE);
                command
            }
        }
    }
}

/// A running example; dropped, it is killed.
struct Product {
    process: Child,
    lines: Receiver<String>,
    url: String,
    client: reqwest::Client,
}

impl Product {
    fn start(backend: Backend, keystead: &str, key: &str) -> Self {
        let mut command = backend.command();
        command.env("KEYSTEAD_URL", keystead).env("KEYSTEAD_IMPERSONATION_KEY", key).env("PORT", "0");
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process = started.unwrap_or_else(|error| {
            panic!("{backend:?} does not start: {error}. Is it built? `cargo build --workspace` does it")
        });
        let (sender, lines) = channel();
        collect(process.stdout.take().unwrap(), sender.clone());
        collect(process.stderr.take().unwrap(), sender);
        let first = lines.recv_timeout(Duration::from_secs(30)).expect("a line in time");
        let url = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}")).to_owned();
        Self { process, lines, url, client: reqwest::Client::new() }
    }

    async fn get(&self, path: &str, cookie: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).header("cookie", cookie).send().await.unwrap()
    }

    /// Posts as a page of this origin, in a session.
    async fn post_from(&self, origin: Option<&str>, path: &str, cookie: &str) -> Response {
        let request = self.client.post(format!("{}{path}", self.url)).header("cookie", cookie);
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// Posts as its own page does.
    async fn post(&self, path: &str, cookie: &str) -> Response {
        self.post_from(Some(&self.url), path, cookie).await
    }

    /// The cookie of a user who signs in.
    async fn sign_in(&self, account: &str) -> String {
        let answer = self.post(&format!("/api/sign-in/{account}"), "").await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let set = answer.headers()["set-cookie"].to_str().unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
        cookies(&answer).remove(0)
    }

    /// A token for whoever is signed in.
    async fn token(&self, cookie: &str) -> String {
        let answer = self.post("/api/keystead-token", cookie).await;
        assert_eq!(answer.status(), StatusCode::OK);
        json_of(answer).await["token"].as_str().expect("a token").to_owned()
    }

    /// All that it has printed, after it was stopped.
    fn printed(mut self) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.lines.iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn collect(output: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// A Keystead that knows the product's users, and a key of the administrator's that signs them in.
async fn keystead() -> (TestServer, TestKey) {
    let server = TestServer::start_with(Deployment { impersonation: true, ..Deployment::default() }).await;
    let ada = server.administrator("ada@demo.example").await;
    server.member("grace@demo.example").await;
    let key = server.impersonation_key(&ada, "Acme Reports").await;
    (server, key)
}

/// Whom Keystead takes the bearer of a token for: what `/verify` says, and what GraphQL says.
async fn bearer(server: &TestServer, token: &str) -> (String, String) {
    let verified = server.verify(token).await;
    assert_eq!(verified.status(), StatusCode::OK);
    let asked =
        server.post("/graphql").bearer_auth(token).json(&json!({ "query": "{ currentUser { email } }" }));
    let answer = json_of(asked.send().await.unwrap()).await;
    (
        verified.headers()["x-keystead-user-email"].to_str().unwrap().to_owned(),
        answer["data"]["currentUser"]["email"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn each_user_of_the_product_gets_a_session_of_their_own_whatever_the_browser_says() {
    let (server, key) = keystead().await;
    for backend in BACKENDS {
        let product = Product::start(backend, &server.url, &key.token);
        for account in ["grace", "ada"] {
            let cookie = product.sign_in(account).await;
            let email = format!("{account}@demo.example");
            let own = product.token(&cookie).await;
            assert_eq!(bearer(&server, &own).await, (email.clone(), email.clone()), "{backend:?}");

            // A browser that asks for somebody else.
            let other = "katherine@demo.example";
            let asked =
                product.client.post(format!("{}/api/keystead-token?email={other}&account=ada", product.url));
            let asked = asked.header("origin", &product.url).header("cookie", &cookie);
            let asked = asked.json(&json!({ "email": other, "userEmail": other, "account": "ada" }));
            let answer = json_of(asked.send().await.unwrap()).await;
            assert_eq!(answer["account"], account, "{backend:?}");
            let token = answer["token"].as_str().unwrap();
            assert_eq!(bearer(&server, token).await, (email.clone(), email), "{backend:?}");
        }
    }
}

#[tokio::test]
async fn without_the_products_session_there_is_no_token() {
    let (server, key) = keystead().await;
    for backend in BACKENDS {
        let product = Product::start(backend, &server.url, &key.token);
        let signed_out = product.sign_in("grace").await;
        product.post("/api/sign-out", &signed_out).await;
        let switched = product.sign_in("grace").await;
        product.post("/api/sign-in/ada", &switched).await;
        let made_up = format!("acme_session={}", "0".repeat(32));
        for cookie in [
            "",
            "acme_session=",
            "acme_session=ada",
            "email=ada@demo.example",
            &made_up,
            &signed_out,
            &switched,
        ] {
            let answer = product.post("/api/keystead-token", cookie).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{backend:?}: {cookie}");
        }
        assert_eq!(
            product.post("/api/sign-in/alan", "").await.status(),
            StatusCode::NOT_FOUND,
            "{backend:?}"
        );
    }
}

#[tokio::test]
async fn another_site_gets_neither_a_token_nor_somebody_signed_in() {
    let (server, key) = keystead().await;
    for backend in BACKENDS {
        let product = Product::start(backend, &server.url, &key.token);
        let cookie = product.sign_in("grace").await;
        let longer = format!("{}0", product.url);
        let prefixed = product.url.replace("localhost", "evil.localhost");
        let origins = [
            None,
            Some("null"),
            Some("https://evil.example"),
            Some(server.url.as_str()),
            Some(longer.as_str()),
            Some(prefixed.as_str()),
        ];
        for origin in origins {
            for path in ["/api/keystead-token", "/api/sign-in/ada", "/api/sign-out"] {
                let answer = product.post_from(origin, path, &cookie).await;
                assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{backend:?}: {path} from {origin:?}");
                assert!(!answer.headers().contains_key("set-cookie"));
            }
        }
        product.token(&cookie).await;
    }
}

#[tokio::test]
async fn the_key_is_in_no_answer_and_in_no_line_of_the_log() {
    let (server, key) = keystead().await;
    for backend in BACKENDS {
        let product = Product::start(backend, &server.url, &key.token);
        let grace = product.sign_in("grace").await;
        let katherine = product.sign_in("katherine").await;
        let mut answers = Vec::new();
        for path in ["/", "/host.js", "/style.css", "/api/session", "/api/keystead-token", "/elsewhere"] {
            answers.push(product.get(path, &grace).await);
        }
        // Signed in; unknown to Keystead; signed in nowhere.
        for cookie in [&grace, &katherine, ""] {
            answers.push(product.post("/api/keystead-token", cookie).await);
        }
        let mut seen = Vec::new();
        for answer in answers {
            assert_eq!(answer.headers()["cache-control"], "no-store", "{backend:?}: {}", answer.url());
            seen.push(format!("{:?}", answer.headers()));
            seen.push(answer.text().await.unwrap());
        }
        seen.push(product.printed());
        let seen = seen.concat();
        // The page, its script, a token, and the log: all were looked at.
        for text in
            ["Acme Reports", "JWT_TOKEN_RESPONSE", "\"token\":", "no Keystead token for katherine: NOT_FOUND"]
        {
            assert!(seen.contains(text), "{backend:?}: {seen}");
        }
        assert!(!seen.contains(&key.token), "{backend:?}");
    }
}

#[tokio::test]
async fn what_keystead_refuses_is_told_without_a_detail_of_the_key() {
    for backend in BACKENDS {
        let (mut server, key) = keystead().await;
        let katherine: TestUser = server.member("katherine@demo.example").await;
        let product = Product::start(backend, &server.url, &key.token);
        let cookie = product.sign_in("katherine").await;
        let token = product.token(&cookie).await;
        let refused = async |status: StatusCode, message: &str| {
            let answer = product.post("/api/keystead-token", &cookie).await;
            assert_eq!(answer.status(), status, "{backend:?}");
            let retry_after = answer.headers().get("retry-after").cloned();
            assert_eq!(json_of(answer).await, json!({ "error": message }), "{backend:?}");
            retry_after
        };
        server.deactivate(&katherine).await;
        refused(StatusCode::FORBIDDEN, "Your account has no API keys.").await;
        server.reactivate(&katherine).await;

        for _ in 0..600 {
            let minted =
                server.app.impersonate(&key.token, &katherine.email, &[], &RequestOrigin::default()).await;
            if minted.is_err() {
                break;
            }
        }
        let wait =
            refused(StatusCode::SERVICE_UNAVAILABLE, "Too many sign-ins. Try again in a moment.").await;
        assert_eq!(wait.expect("when to try again"), "1", "{backend:?}");

        server.revoke(&key).await;
        refused(StatusCode::BAD_GATEWAY, "API keys cannot be shown right now.").await;
        assert_eq!(server.verify(&token).await.status(), StatusCode::UNAUTHORIZED, "it died with its key");

        server.stop().await;
        refused(StatusCode::BAD_GATEWAY, "API keys cannot be shown right now.").await;
    }
}

#[tokio::test]
async fn the_page_shows_keystead_in_frames_and_nothing_else_and_is_shown_in_none() {
    let (server, key) = keystead().await;
    for backend in BACKENDS {
        let product = Product::start(backend, &server.url, &key.token);
        let page = product.get("/", "").await;
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let directives: Vec<_> = policy.split("; ").collect();
        let frames = format!("frame-src {}", server.url);
        for directive in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", &frames] {
            assert!(directives.contains(&directive), "{backend:?}: {policy}");
        }
        let html = page.text().await.unwrap();
        assert!(
            html.contains(r#"allow="clipboard-write" referrerpolicy="no-referrer""#),
            "{backend:?}: {html}"
        );

        let cookie = product.sign_in("grace").await;
        let session = json_of(product.get("/api/session", &cookie).await).await;
        assert_eq!(session["keystead"], server.url, "{backend:?}");
        assert_eq!(session["account"], "grace", "{backend:?}");
        assert!(!session.to_string().contains('@'), "addresses stay in the backend: {session}");
    }
}
