//! What was answered of impersonated sessions holds after a crash (promises 7 and 8): the real server is killed in the middle of
//! minting sessions and ending them.
//!
//! The journal is the client's. After each restart every session that was answered as minted is accepted, unless the end of its
//! key's sessions was asked for since; every one that was answered as ended is not; and where the end was not answered, all of them
//! have ended or none.
#![expect(clippy::expect_used, clippy::panic, reason = "the test's helpers fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use keystead_tests::CrashSite;
use keystead_tests::binary::Serving;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const KILLS: u64 = 40;
/// Decides when each kill comes.
const SEED: u64 = 0x6b73_692d_6b69_6c6c;
/// Impersonation keys, each with a client that mints by it and ends its sessions.
const CLIENTS: usize = 3;
const USER: &str = "bob@example.com";

/// A key's sessions that were minted since they were last ended, and those before.
#[derive(Default)]
struct Journal {
    minted: Vec<String>,
    ended: Vec<String>,
    /// Whether the end of `minted` was asked for, and not answered.
    unanswered: bool,
}

/// An impersonation key as its client knows it.
struct Key {
    id: String,
    token: String,
    journal: Journal,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_were_answered_as_ended_stay_ended_and_others_live_when_the_server_is_killed() {
    let mut site = CrashSite::new();
    let owner = set_up(&site);
    let kills = site.kills(KILLS);
    let mut random = SEED;
    let (mut keys, mut minted, mut ended) = (Vec::new(), 0, 0);
    for _ in 0..kills {
        let (server, client) = start(&site, &owner).await;
        while keys.len() < CLIENTS {
            keys.push(client.impersonation_key().await);
        }
        for key in &mut keys {
            client.check(&mut key.journal).await;
        }
        // Nodes that share a store first wait for one that was killed: what follows is answered.
        client.end_sessions(&keys[0].id).await.expect("an answer");
        let Journal { minted: alive, ended: dead, .. } = &mut keys[0].journal;
        dead.append(alive);
        let load = tokio::spawn(load(client, keys));
        tokio::time::sleep(Duration::from_micros(20_000 + next(&mut random) % 60_000)).await;
        let killing = move || {
            site.kill(server);
            site
        };
        site = tokio::task::spawn_blocking(killing).await.expect("killed");
        keys = load.await.expect("keys");
        minted += keys.iter().map(|key| key.journal.minted.len()).sum::<usize>();
        ended += keys.iter().map(|key| key.journal.ended.len()).sum::<usize>();
    }
    let (server, client) = start(&site, &owner).await;
    for key in &mut keys {
        client.check(&mut key.journal).await;
        assert!(client.mint(&key.token).await.is_some(), "the key goes on working");
    }
    drop(server);
    assert!(minted > 20 && ended > 20, "the load is no load: {minted} minted, {ended} ended");
    println!(
        "{kills} kills, {minted} sessions that had to live and {ended} that had to be dead: none was otherwise"
    );
}

/// A store with an administrator, whose key is never revoked, and a user.
fn set_up(site: &CrashSite) -> String {
    run(site, &["user", "add", "ada@example.com", "--role", "administrator"]);
    run(site, &["user", "add", USER, "--role", "member"]);
    run(site, &["key", "create", "--user", "ada@example.com", "--name", "the test's own"])
}

fn run(site: &CrashSite, words: &[&str]) -> String {
    let output = site.command().args(words).output().expect("started");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

async fn start(site: &CrashSite, token: &str) -> (Serving, Arc<Client>) {
    let mut command = site.command();
    let starting = tokio::task::spawn_blocking(move || {
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "off", "--impersonation"]);
        // The same in every run: sessions are for the address that made them.
        let server = Serving::spawn(command.args(["--public-url", "https://keys.example.com"]));
        let url = server.url();
        (server, url)
    });
    let (server, url) = starting.await.expect("it starts after any kill");
    (server, Arc::new(Client { http: reqwest::Client::new(), url, token: token.to_owned() }))
}

/// What speaks to one run of the server.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// The data of an answer; `None` if there was none: the server is gone, and what it had begun may be done or not.
    async fn graphql(&self, bearer: Option<&str>, query: &str, variables: Value) -> Option<Value> {
        let body = json!({ "query": query, "variables": variables });
        let mut request = self.http.post(format!("{}/graphql", self.url)).json(&body);
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        let answer: Value = request.send().await.ok()?.json().await.ok()?;
        assert!(answer["errors"].is_null(), "refused: {answer}");
        Some(answer["data"].clone())
    }

    async fn impersonation_key(&self) -> Key {
        let query = "mutation { createApiKey(input: { name: \"embed\", allowImpersonation: true }) { token apiKey { id } } }";
        let data = self.graphql(Some(&self.token), query, json!({})).await.expect("an answer");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let made = &data["createApiKey"];
        Key { id: text(&made["apiKey"]["id"]), token: text(&made["token"]), journal: Journal::default() }
    }

    async fn mint(&self, key: &str) -> Option<String> {
        let query = "mutation ($key: String!, $user: String!) \
                     { impersonateUser(accessToken: $key, userEmail: $user, attributes: []) }";
        let data = self.graphql(None, query, json!({ "key": key, "user": USER })).await?;
        Some(data["impersonateUser"].as_str().expect("a session").to_owned())
    }

    async fn end_sessions(&self, id: &str) -> Option<Value> {
        let query =
            "mutation ($id: ID!) { endImpersonatedSessions(input: { keyId: $id }) { apiKey { id } } }";
        self.graphql(Some(&self.token), query, json!({ "id": id })).await
    }

    async fn accepts(&self, token: &str) -> bool {
        let request = self.http.get(format!("{}/verify", self.url)).bearer_auth(token);
        match request.send().await.expect("an answer").status().as_u16() {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }

    /// Compares what a server accepts with a journal, which then knows what came of what was not answered.
    async fn check(&self, journal: &mut Journal) {
        for token in &journal.ended {
            assert!(!self.accepts(token).await, "a session that was answered as ended is back");
        }
        let mut alive = 0;
        for token in &journal.minted {
            alive += usize::from(self.accepts(token).await);
        }
        if journal.unanswered && alive == 0 {
            journal.ended = std::mem::take(&mut journal.minted);
        } else {
            assert_eq!(alive, journal.minted.len(), "all of a key's sessions end, or none");
        }
        journal.unanswered = false;
        // A few of each: a restart need not be told of all that earlier ones were.
        journal.ended.truncate(20);
        journal.minted.truncate(20);
    }
}

/// Mints sessions and ends them, by all keys at once, until the server no longer answers.
async fn load(client: Arc<Client>, keys: Vec<Key>) -> Vec<Key> {
    let mut clients = JoinSet::new();
    for mut key in keys {
        let client = Arc::clone(&client);
        clients.spawn(async move {
            'served: loop {
                for _ in 0..3 {
                    let Some(token) = client.mint(&key.token).await else { break 'served };
                    key.journal.minted.push(token);
                }
                if client.end_sessions(&key.id).await.is_none() {
                    key.journal.unanswered = true;
                    break;
                }
                key.journal.ended.append(&mut key.journal.minted);
            }
            key
        });
    }
    clients.join_all().await
}

/// Numbers that look random and are the same in every run: xorshift64.
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}
