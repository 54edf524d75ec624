//! Promise 2, by search: whole lives of keys, sessions and links, and then no secret of theirs in anything that was kept, logged
//! or shown afterwards.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers fail as tests do")]

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_app::{Deployment, Mailer, NewPerson};
use keystead_domain::{Assignment, Assignments, Email, RoleId};
use keystead_tests::{
    Browserless, Form, OauthTokens, Pkce, Session, SmtpSink, TestServer, TestUser, cookies,
};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

/// All that was logged, at every level, by every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What must be found nowhere, and everything that was answered but the answers that hand a secret out.
#[derive(Default)]
struct Life {
    secrets: BTreeSet<String>,
    answers: Vec<u8>,
}

impl Life {
    fn secret(&mut self, secret: &str) {
        assert!(secret.len() > 12);
        self.secrets.insert(secret.to_owned());
    }

    async fn answer(&mut self, answer: reqwest::Response) {
        for value in answer.headers().values() {
            self.answers.extend_from_slice(value.as_bytes());
        }
        self.answers.extend_from_slice(&answer.bytes().await.unwrap());
    }

    /// The secrets that are in the text.
    fn found_in(&self, text: &[u8]) -> Vec<&String> {
        let holds = |needle: &[u8]| text.windows(needle.len()).any(|window| window == needle);
        self.secrets.iter().filter(|secret| holds(secret.as_bytes())).collect()
    }
}

fn token_in(page: &str) -> String {
    let candidates = page.match_indices("ks_").map(|(at, _)| {
        let end =
            page[at + 3..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(page.len(), |end| at + 3 + end);
        &page[at..end]
    });
    let mut tokens = candidates.filter(|text| keystead_token::TokenRef::parse(text).is_ok());
    tokens.next().expect("a token").to_owned()
}

async fn console(server: &TestServer, session: &Session, life: &mut Life) {
    life.secret(session.secret());
    let page = server.visit(session, "/settings/api-keys/new").await.text().await.unwrap();
    let request_id = Form::find(&page, "/settings/api-keys/new").fields["request_id"].clone();
    let fields = [("name", "from the console"), ("expiration", "30d"), ("request_id", &*request_id)];
    let created = server.submit(session, "/settings/api-keys/new", &fields).await;
    let token = token_in(&created.text().await.unwrap());
    life.secret(&token);
    life.answer(server.verify(&token).await).await;
    for path in ["/settings/api-keys", "/settings", "/settings/api-keys?view=all&q=ks_", "/metrics"] {
        life.answer(server.visit(session, path).await).await;
    }
    life.answer(server.submit(session, "/settings/api-keys/new", &fields).await).await;
    life.answer(server.visit(session, "/settings/audit-log").await).await;
    for format in ["csv", "jsonl"] {
        life.answer(server.submit(session, "/settings/audit-log/export", &[("format", format)]).await).await;
    }
    // Put where it does not belong, as people do.
    for path in [
        format!("/verify?token={token}"),
        format!("/verify?permission={token}"),
        format!("/settings/api-keys?q={token}"),
        format!("/settings/api-keys?view={token}"),
        format!("/settings/api-keys?after={token}"),
        format!("/settings/api-keys/{token}/edit"),
        format!("/{token}"),
    ] {
        let answer = server.visit(session, &path).await;
        let status = answer.status();
        // A search that is shown again in its own box is the one answer that may repeat what was sent.
        if !path.contains("q=") {
            life.answer(answer).await;
        }
        assert!(status != 500, "{path}");
    }
    let list = server.visit(session, "/settings/api-keys").await.text().await.unwrap();
    let edit = Form::find_link(&list, "/edit");
    life.answer(server.submit(session, &edit, &[("name", "edited")]).await).await;
    let revoke = Form::find_link(&list, "/revoke");
    life.answer(server.submit(session, &revoke, &[("confirm_name", "edited")]).await).await;
    life.answer(server.verify(&token).await).await;
}

async fn graphql(server: &TestServer, token: &str, life: &mut Life) {
    let ask = async |token: &str, query: &str| {
        server.post("/graphql").bearer_auth(token).json(&json!({ "query": query })).send().await.unwrap()
    };
    let created =
        ask(token, "mutation { createApiKey(input: { name: \"n\" }) { token apiKey { id } } }").await;
    let created: Value = created.json().await.unwrap();
    let made = created["data"]["createApiKey"]["token"].as_str().expect("a token");
    life.secret(made);
    let everything = "{ currentUser { id email } apiKeys(first: 5) { nodes { id name maskedToken } } }";
    life.answer(ask(made, everything).await).await;
    for query in [
        format!("{{ apiKey(id: \"{made}\") {{ id }} }}"),
        format!("mutation {{ revokeApiKey(input: {{ id: \"{made}\" }}) {{ revokedId }} }}"),
        format!("{{ apiKeys(after: \"{made}\") {{ totalCount }} }}"),
        format!("{{ auditEvents(userId: \"{made}\") {{ nodes {{ details }} }} }}"),
        "{ auditEvents(first: 50) { nodes { action via viaName targetId details } } }".to_owned(),
        format!("mutation {{ createApiKey(input: {{ name: \"{}\" }}) {{ token }} }}", made.repeat(3)),
    ] {
        life.answer(ask(made, &query).await).await;
    }
    life.answer(
        server.post("/graphql").bearer_auth(made).body(format!("{{\"query\": {made}")).send().await.unwrap(),
    )
    .await;
    let changed = format!("{}0", &made[..made.len() - 1]);
    life.answer(ask(&changed, "{ currentUser { id } }").await).await;
    life.answer(server.verify(&changed).await).await;
}

/// Sessions that an impersonation key mints, by both ways, put where they belong and where they do not.
async fn sessions(server: &TestServer, ada: &TestUser, session: &Session, life: &mut Life) {
    let embed = server.impersonation_key(ada, "embed").await;
    life.secret(&embed.token);
    let ask =
        async |query: String| server.post("/graphql").json(&json!({ "query": query })).send().await.unwrap();
    let impersonate = |key: &str, email: &str| {
        format!(
            "mutation {{ impersonateUser(accessToken: \"{key}\", userEmail: \"{email}\", attributes: []) }}"
        )
    };
    let minted: Value = ask(impersonate(&embed.token, &ada.email)).await.json().await.unwrap();
    let by_graphql = minted["data"]["impersonateUser"].as_str().expect("a session").to_owned();
    let exchange = |key: &str, email: &str| {
        server.post("/oauth2/token").form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", email),
            ("subject_token_type", "urn:keystead:params:oauth:token-type:email"),
            ("actor_token", key),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ])
    };
    let minted: Value = exchange(&embed.token, &ada.email).send().await.unwrap().json().await.unwrap();
    let by_exchange = minted["access_token"].as_str().expect("a session").to_owned();
    for token in [&by_graphql, &by_exchange] {
        life.secret(token);
        // A part of it is not to be had either: a signature fits what can be guessed.
        life.secret(token.rsplit('.').next().unwrap());
        life.answer(server.verify(token).await).await;
        let caller = server.post("/oauth2/introspect").bearer_auth(&embed.token).form(&[("token", token)]);
        life.answer(caller.send().await.unwrap()).await;
        for path in ["/embed/keys", "/.well-known/jwks.json", "/settings/api-keys"] {
            life.answer(server.get(path).bearer_auth(token).send().await.unwrap()).await;
        }
        for query in
            ["{ currentUser { id } apiKeys(first: 9) { nodes { name maskedToken } } }", "{ nothing }"]
        {
            let request = server.post("/graphql").bearer_auth(token).json(&json!({ "query": query }));
            life.answer(request.send().await.unwrap()).await;
        }
        let changed = format!("{}B", &token[..token.len() - 1]);
        for token in [token, &changed] {
            life.answer(ask(impersonate(token, &ada.email)).await).await;
            life.answer(ask(impersonate(&embed.token, token)).await).await;
            life.answer(exchange(token, &ada.email).send().await.unwrap()).await;
            life.answer(exchange(&embed.token, token).send().await.unwrap()).await;
            life.answer(server.verify(token).await).await;
        }
        for path in [
            format!("/embed/api-keys?token={token}"),
            format!("/verify?permission={token}"),
            format!("/settings/api-keys?view={token}"),
            format!("/{token}"),
        ] {
            life.answer(server.visit(session, &path).await).await;
        }
    }
    life.answer(ask(impersonate(&format!("{}x", embed.token), &ada.email)).await).await;
    server.advance(SignedDuration::from_hours(2));
    life.answer(server.verify(&by_graphql).await).await;
    server.app.maintain_sessions().await.unwrap();
}

/// An app that a person connects, from its first request to its last: its codes and tokens where they belong and where they do not.
async fn connected_app(server: &TestServer, ada: &TestUser, session: &Session, life: &mut Life) {
    let app = server.oauth_client("An app", "https://app.example/callback").await;
    let pkce = Pkce::new();
    let (used, left) = (server.allow(ada, &app, &pkce).await, server.allow(ada, &app, &pkce).await);
    let first = OauthTokens::of(app.redeem(server, &used, &pkce).await).await;
    let second = OauthTokens::of(app.refresh(server, &first.refresh).await).await;
    let secrets =
        [&pkce.verifier, &used, &left, &first.access, &first.refresh, &second.access, &second.refresh];
    for secret in secrets {
        life.secret(secret);
        life.secret(secret.rsplit('.').next().unwrap());
    }
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "list_api_keys", "arguments": {} }
    });
    let ask = || server.post("/mcp").header("accept", "application/json, text/event-stream").json(&call);
    assert_eq!(
        ask().bearer_auth(&second.access).send().await.unwrap().status(),
        200,
        "what follows is no refusal"
    );
    for secret in secrets {
        life.answer(ask().bearer_auth(secret).send().await.unwrap()).await;
        let unreadable = server.post("/mcp").bearer_auth(secret).body(format!("{{\"jsonrpc\": {secret}"));
        life.answer(unreadable.send().await.unwrap()).await;
        for path in [
            format!("/mcp?access_token={secret}"),
            format!("/oauth2/token?grant_type=authorization_code&code={secret}"),
            format!("/oauth2/revoke?token={secret}"),
            format!("/oauth2/introspect?token={secret}"),
        ] {
            life.answer(server.post(&path).form(&[("x", "y")]).send().await.unwrap()).await;
        }
        for path in [
            format!("/oauth2/authorize?client_id={secret}"),
            format!("/oauth2/authorize?client_id={}&redirect_uri={secret}", app.id),
            format!("/settings/connected-apps/{secret}/disconnect"),
            format!("/settings/connected-apps?done={secret}"),
        ] {
            life.answer(server.visit(session, &path).await).await;
        }
        life.answer(server.get("/verify").bearer_auth(secret).send().await.unwrap()).await;
        let form = [("token", secret.as_str()), ("client_id", "client-0")];
        life.answer(server.post("/oauth2/revoke").form(&form).send().await.unwrap()).await;
        life.answer(
            server.post("/oauth2/register").json(&json!({ "redirect_uris": [secret] })).send().await.unwrap(),
        )
        .await;
    }
    // A code that comes a second time, which is logged, and what it leaves behind.
    life.answer(app.redeem(server, &used, &pkce).await).await;
    life.answer(app.refresh(server, &second.refresh).await).await;
    life.answer(app.redeem(server, &left, &Pkce::new()).await).await;
    for path in ["/settings/connected-apps", "/settings/audit-log", "/.well-known/oauth-authorization-server"]
    {
        life.answer(server.visit(session, path).await).await;
    }
    server.app.maintain_sessions().await.unwrap();
}

/// What signs sessions, in each way in which bytes are written.
async fn seeds(server: &TestServer, life: &mut Life) {
    let kept = server.signing_keys().await;
    for key in ["current", "next"] {
        let seed = kept[key]["seed"].as_str().expect("a seed");
        let bytes: Vec<u8> =
            (0..seed.len()).step_by(2).map(|at| u8::from_str_radix(&seed[at..at + 2], 16).unwrap()).collect();
        assert_eq!(bytes.len(), 32);
        life.secret(seed);
        life.secret(&seed.to_uppercase());
        life.secret(&URL_SAFE_NO_PAD.encode(&bytes));
        life.secret(STANDARD.encode(&bytes).trim_end_matches('='));
        life.secret(format!("{bytes:?}").trim_matches(['[', ']']));
    }
}

/// The one file that holds them, of a store in a folder.
const SEEDS: &str = "session-signing.keys";

async fn passwords_and_links(server: &TestServer, life: &mut Life) {
    life.secret(TestServer::PASSWORD);
    life.secret("a wrong password, typed");
    let browser = Browserless::new(server);
    life.answer(browser.sign_in("ada@example.com", "a wrong password, typed").await).await;
    // The password in the wrong box: the form shows what was in it to whoever sent it, and nobody else learns of it.
    assert_eq!(browser.sign_in(TestServer::PASSWORD, TestServer::PASSWORD).await.status(), 422);
    let ada = TestUser { id: String::new(), email: "ada@example.com".to_owned() };
    // One that is used, one that is looked at, one that is left.
    let used = server.sign_in_code(&ada).await;
    let set_up = server.app.create_set_up_link().await.unwrap();
    let form = browser.form(&format!("/sign-in/link/{used}"), "/sign-in/link/").await;
    assert_eq!(browser.post(&form).await.status(), 303);
    life.answer(browser.post(&form).await).await;
    let looked_at = server.sign_in_code(&ada).await;
    let left = server.sign_in_code(&server.member("mia@example.com").await).await;
    for code in [&used, &looked_at, &left, set_up.expose()] {
        life.secret(code);
    }
    assert_eq!(server.get(&format!("/sign-in/link/{looked_at}")).send().await.unwrap().status(), 200);
    life.answer(server.get(&format!("/setup/{used}")).send().await.unwrap()).await;
}

/// An invitation that is accepted, a password that is reset by a mail, and one that is changed.
async fn account(server: &TestServer, sink: &mut SmtpSink, life: &mut Life) {
    let ada = TestUser { id: String::new(), email: "ada@example.com".to_owned() };
    let person = NewPerson {
        email: Email::parse("ina@example.com").unwrap(),
        name: None,
        assignments: Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]),
        groups: Vec::new(),
    };
    let invited = server.app.invite_user(&server.actor(&ada).await, person, &server.url).await.unwrap();
    life.secret(invited.code.expose());
    assert!(sink.next_message().await.link().ends_with(invited.code.expose()));
    let passwords =
        ["the first password of hers", "the second password of hers", "the third password of hers"];
    for password in passwords {
        life.secret(password);
    }
    let path = format!("/invitation/{}", invited.code.expose());
    let browser = Browserless::new(server);
    let form = browser.form(&path, &path).await.with("email", "ina@example.com").with("name", "Ina");
    let accepted = browser.post(&form.clone().with("password", passwords[0])).await;
    assert_eq!(accepted.status(), 303);
    life.secret(cookies(&accepted)[0].split_once('=').unwrap().1);
    life.answer(browser.post(&form.with("password", passwords[0])).await).await;
    life.answer(browser.get("/settings/account").await).await;

    let form = browser.form("/settings/account", "/settings/account/password").await;
    let form = form.with("current_password", passwords[0]).with("password", passwords[1]);
    let changed = browser.post(&form).await;
    assert_eq!(changed.status(), 303);
    life.secret(cookies(&changed)[0].split_once('=').unwrap().1);
    life.answer(browser.post(&form).await).await;
    assert_eq!(sink.next_message().await.header("subject"), "Your password for My organization was changed");

    let form = browser.form("/forgot-password", "/forgot-password").await.with("email", "ina@example.com");
    life.answer(browser.post(&form).await).await;
    let mail = sink.next_message().await;
    let path = mail.link().strip_prefix(&server.url).unwrap();
    life.secret(path.rsplit('/').next().unwrap());
    let form = browser.form(path, path).await.with("password", passwords[2]);
    life.answer(browser.post(&form).await).await;
    life.answer(browser.post(&form).await).await;
    sink.next_message().await;
}

#[tokio::test]
async fn no_secret_is_in_the_store_the_log_the_metrics_or_any_other_answer() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();

    let mut sink = SmtpSink::start().await;
    let mailer = Some(Mailer::new(&sink.url(), "Keystead <keystead@example.com>").unwrap());
    let deployment = Deployment { impersonation: true, mailer, ..Deployment::default() };
    let mut server = TestServer::start_with(deployment).await;
    let ada = server.administrator("ada@example.com").await;
    // Who may read the metrics as well.
    let roles = ["administrator", "site_administrator"].map(str::to_owned).to_vec();
    server.operate(Command::UserSetRoles { email: ada.email.clone(), organization: None, roles }).await;
    let key = server.key(&ada, "first", "30d").await;
    let session = server.session(&ada).await;
    let mut life = Life::default();
    life.secret(&key.token);
    console(&server, &session, &mut life).await;
    graphql(&server, &key.token, &mut life).await;
    server.app.rotate_signing_keys(false).await.unwrap();
    seeds(&server, &mut life).await;
    connected_app(&server, &ada, &session, &mut life).await;
    sessions(&server, &ada, &session, &mut life).await;
    passwords_and_links(&server, &mut life).await;
    account(&server, &mut sink, &mut life).await;
    server.app.sweep_last_used().await.unwrap();
    let metrics = server.get("/metrics").bearer_auth(&key.token).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
    life.answer(metrics).await;
    life.answer(server.submit(&session, "/sign-out", &[]).await).await;

    let mut kept = server.kept().await;
    server.stop().await;
    kept.extend(server.kept().await);
    let is_store = |name: &str| name.ends_with("keystead.db-wal") || name == "a row";
    assert!(kept.iter().any(|(name, content)| is_store(name) && content.len() > 10_000));
    let text = log.text();
    assert!(
        String::from_utf8_lossy(&text).contains("/sign-in/link/{code}"),
        "the log was read, and names routes"
    );
    assert!(life.secrets.len() > 9);
    for (name, content) in &kept {
        if name.ends_with(SEEDS) {
            assert_eq!(
                life.found_in(content).len(),
                2,
                "the search finds what is there: the seeds, and nothing else"
            );
            continue;
        }
        assert_eq!(life.found_in(content), Vec::<&String>::new(), "{name}");
    }
    let lines: Vec<_> =
        text.split(|byte| *byte == b'\n').filter(|line| !life.found_in(line).is_empty()).collect();
    let lines: Vec<_> = lines.into_iter().map(String::from_utf8_lossy).take(5).collect();
    assert!(lines.is_empty(), "the log: {lines:#?}");
    assert_eq!(life.found_in(&life.answers), Vec::<&String>::new(), "an answer");
}
