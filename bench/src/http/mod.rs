//! `/verify` over HTTP, against bare servers that send the same bytes.
//!
//! What is compared is the server's processor time a request: that is what a verification costs its operator, and on
//! a machine that the load shares, requests a second say more of the load than of the server.

pub(crate) mod load;
pub(crate) mod server;
pub(crate) mod turns;

use anyhow::{Context as _, Result};
use keystead_token::Token;

use crate::child::Child;
use crate::fill;
use crate::report::Spread;
use load::Plan;
use turns::{ROUND, Turns};

const KEYS: usize = 1_000;
const CONNECTIONS: usize = 32;
/// The servers take turns, so that whatever else the machine does meets all of them.
const ROUNDS: usize = 31;

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tokens = tokio::runtime::Runtime::new()?.block_on(fill::store(folder.path(), 1, KEYS))?;
    let mut keystead = Server::start("Keystead", ["serve", folder.path().to_str().context("a path")?])?;
    let token = tokens.first().context("a token")?;
    let headers = tokio::runtime::Runtime::new()?.block_on(headers_of(&keystead.address, token))?;
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let mut axum = Server::start("bare axum", ["serve-axum"].into_iter().chain(headers.iter().copied()))?;
    let mut hyper = Server::start("bare hyper", ["serve-hyper"].into_iter().chain(headers))?;

    let requests: Vec<Vec<u8>> = tokens.iter().map(request).collect();
    // For the tasks of the load, which may outlive this function as far as the compiler knows.
    let requests: &'static [Vec<u8>] = requests.leak();
    for _ in 0..ROUNDS {
        for server in [&mut axum, &mut keystead, &mut hyper] {
            server.measure(requests)?;
        }
    }

    println!(
        "{KEYS} keys in rotation, {CONNECTIONS} connections, {ROUNDS} rounds of {ROUND:?} each; median (least to greatest)\n"
    );
    println!("| server | CPU µs a request | ratio to bare axum | requests/s | p50 µs | p99 µs |");
    println!("|---|---|---|---|---|---|");
    for server in [&axum, &keystead, &hyper] {
        let ratios = server.turns.cpu.iter().zip(&axum.turns.cpu).map(|(own, bare)| own / bare);
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            server.name,
            Spread::new(server.turns.cpu.iter().copied(), 2),
            Spread::new(ratios, 3),
            Spread::new(server.turns.rate.iter().copied(), 0),
            Spread::new(server.turns.p50.iter().copied(), 0),
            Spread::new(server.turns.p99.iter().copied(), 0),
        );
    }
    Ok(())
}

/// A server, and a figure for each round.
struct Server {
    name: &'static str,
    process: Child,
    /// Host and port.
    address: String,
    turns: Turns,
}

impl Server {
    fn start<'a>(name: &'static str, words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut process = Child::start(words)?;
        let address = process.line()?.replace("http://", "");
        Ok(Self { name, process, address, turns: Turns::default() })
    }

    fn measure(&mut self, requests: &'static [Vec<u8>]) -> Result<()> {
        let is_complete = load::has_head;
        let plan = Plan { address: &self.address, requests, connections: CONNECTIONS, is_complete };
        self.turns.take(&self.process, plan)
    }
}

/// The request that asks about a token.
pub(crate) fn request(token: &Token) -> Vec<u8> {
    format!("GET /verify HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\n\r\n", token.expose())
        .into_bytes()
}

/// What `/verify` answers, for the others to repeat. The HTTP library adds the length and the date by itself.
async fn headers_of(address: &str, token: &Token) -> Result<Vec<String>> {
    let client = reqwest::Client::new();
    let answer = client.get(format!("http://{address}/verify")).bearer_auth(token.expose()).send().await?;
    let answer = answer.error_for_status()?;
    let own = answer.headers().iter().filter(|(name, _)| *name != "date" && *name != "content-length");
    own.map(|(name, value)| Ok(format!("{name}:{}", value.to_str()?))).collect()
}
