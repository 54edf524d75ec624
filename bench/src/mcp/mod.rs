//! Tool calls at `/mcp` against the same SDK with a tool that does nothing, and what an open stream costs.
//!
//! The SDK alone is what no server written with it can be faster than. What Keystead adds is the check of the credential, twice, and
//! whatever the tool does.

mod connect;
mod request;
pub(crate) mod server;
mod streams;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::child::Child;
use crate::fill;
use crate::http::load::{self, Plan};
use crate::http::turns::{ROUND, Turns};
use crate::report::Spread;

/// All of them on the one page that is listed.
const KEYS: usize = 50;
const CONNECTIONS: [usize; 2] = [1, 32];
const ROUNDS: usize = 9;

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let (key, access) = runtime.block_on(async {
        let keys = fill::store(folder.path(), 1, KEYS).await?;
        let app = fill::open(folder.path()).await?;
        let (_, actor) = fill::sign_in(&app).await?;
        let access = connect::access_token(&app, &actor).await?;
        app.close().await?;
        anyhow::Ok((keys.first().context("a key")?.expose().to_owned(), access))
    })?;
    let sdk = Server::start(["serve-sdk"])?;
    let keystead = Server::start(["serve", folder.path().to_str().context("a path")?])?;
    let (none, page) = (json!({}), json!({ "first": KEYS }));
    let mut calls = [
        Call::new("the SDK alone, an empty tool", &sdk, request::call(&sdk.address, &key, "whoami", &none)),
        Call::new("whoami, API key", &keystead, request::call(&keystead.address, &key, "whoami", &none)),
        Call::new(
            "whoami, access token",
            &keystead,
            request::call(&keystead.address, &access, "whoami", &none),
        ),
        Call::new(
            "list_api_keys, 50 keys, API key",
            &keystead,
            request::call(&keystead.address, &key, "list_api_keys", &page),
        ),
    ];
    for call in &mut calls {
        call.answer_bytes = runtime.block_on(call.check())?;
    }
    for _ in 0..ROUNDS {
        for nth in 0..CONNECTIONS.len() {
            calls.iter_mut().try_for_each(|call| call.measure(nth))?;
        }
    }
    print(&calls);
    drop((sdk, keystead));
    streams::run()
}

fn print(calls: &[Call<'_>]) {
    println!(
        "{ROUNDS} rounds of {ROUND:?} each, by turns; median (least to greatest); ratios round by round\n"
    );
    println!(
        "| call | connections | calls/s | ratio to the SDK alone | CPU µs a call | ratio to the SDK alone \
         | p50 µs | p99 µs | bytes of an answer's body |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (nth, connections) in CONNECTIONS.iter().enumerate() {
        for call in calls {
            let (own, sdk) = (&call.turns[nth], &calls[0].turns[nth]);
            let ratio =
                |own: &[f64], sdk: &[f64]| Spread::new(own.iter().zip(sdk).map(|(own, sdk)| own / sdk), 3);
            println!(
                "| {} | {connections} | {} | {} | {} | {} | {} | {} | {} |",
                call.name,
                Spread::new(own.rate.iter().copied(), 0),
                ratio(&own.rate, &sdk.rate),
                Spread::new(own.cpu.iter().copied(), 1),
                ratio(&own.cpu, &sdk.cpu),
                Spread::new(own.p50.iter().copied(), 0),
                Spread::new(own.p99.iter().copied(), 0),
                call.answer_bytes,
            );
        }
    }
}

/// A process that serves `/mcp`.
struct Server {
    process: Child,
    /// Host and port.
    address: String,
}

impl Server {
    fn start<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut process = Child::start(words)?;
        let address = process.line()?.replace("http://", "");
        Ok(Self { process, address })
    }
}

/// What is asked of a server, and its turns for each number of connections.
struct Call<'a> {
    name: &'static str,
    server: &'a Server,
    /// One alone.
    requests: &'static [Vec<u8>],
    answer_bytes: usize,
    turns: [Turns; CONNECTIONS.len()],
}

impl<'a> Call<'a> {
    fn new(name: &'static str, server: &'a Server, request: Vec<u8>) -> Self {
        // For the tasks of the load, which may outlive this as far as the compiler knows.
        let requests: &'static [Vec<u8>] = vec![request].leak();
        Self { name, server, requests, answer_bytes: 0, turns: Default::default() }
    }

    /// Whether the tool does it, which an answer's status does not say. Returns the length of the answer's body.
    async fn check(&self) -> Result<usize> {
        let mut stream = TcpStream::connect(&self.server.address).await?;
        let answer = load::ask(&mut stream, &self.requests[0]).await?;
        let (_, body) = load::split(&answer)?;
        let said: Value = serde_json::from_slice(body)?;
        ensure!(said["result"]["isError"] == false, "{} is refused: {said}", self.name);
        if let Some(keys) = said["result"]["structuredContent"]["keys"].as_array() {
            ensure!(keys.len() == KEYS, "{} keys are listed", keys.len());
        }
        Ok(body.len())
    }

    fn measure(&mut self, nth: usize) -> Result<()> {
        let Self { server, requests, .. } = *self;
        let connections = CONNECTIONS[nth];
        let plan = Plan { address: &server.address, requests, connections, is_complete: load::has_body };
        self.turns[nth].take(&server.process, plan)
    }
}
