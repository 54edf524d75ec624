//! What a server keeps for a stream that is open and that nothing comes by.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use keystead_token::Token;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::{Server, request};
use crate::fill;
use crate::http::load;
use crate::report::Spread;

/// As many as a node has room for.
const STREAMS: usize = 1_000;
/// As many as a user may have.
const STREAMS_OF_USER: usize = 8;
/// Processes of each server.
const REPEATED: usize = 5;
/// How long the open streams are watched.
const IDLE: Duration = Duration::from_secs(5);
/// More than a call's answer and what a stream begins with.
const ANSWER_BYTES: usize = 8 * 1024;

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let users = STREAMS / STREAMS_OF_USER;
    let tokens = runtime.block_on(fill::store(folder.path(), users, users))?;
    let tokens: Vec<&str> = tokens.iter().map(Token::expose).collect();
    let (mut sdk, mut keystead) = (Vec::new(), Vec::new());
    for _ in 0..REPEATED {
        let server = Server::start(["serve-sdk"])?;
        sdk.push(runtime.block_on(open(&server, &tokens))?);
        let server = Server::start(["serve", folder.path().to_str().context("a path")?])?;
        keystead.push(runtime.block_on(open(&server, &tokens))?);
    }
    println!(
        "\n{STREAMS} streams, {STREAMS_OF_USER} to an API key; {REPEATED} processes each, by turns; median (least to greatest)\n"
    );
    println!(
        "| server | RSS bytes a connection after one call | RSS bytes a stream, besides | CPU ms a second, all idle |"
    );
    println!("|---|---|---|---|");
    for (name, rows) in [("the SDK alone", sdk), ("Keystead", keystead)] {
        let spread = |figure: fn(&Open) -> f64, digits| Spread::new(rows.iter().map(figure), digits);
        println!(
            "| {name} | {} | {} | {} |",
            spread(|row| row.connection, 0),
            spread(|row| row.stream, 0),
            spread(|row| row.cpu, 1)
        );
    }
    Ok(())
}

struct Open {
    /// Bytes for a connection by which a tool was called.
    connection: f64,
    /// Bytes more, once a stream is open on it.
    stream: f64,
    /// The processor time of the server, in milliseconds a second.
    cpu: f64,
}

/// Each step is done on all connections before the next, so that one can be told from another.
async fn open(server: &Server, tokens: &[&str]) -> Result<Open> {
    let Server { process, address } = server;
    let mut answer = vec![0; ANSWER_BYTES];
    let call = |token: &str| request::call(address, token, "whoami", &json!({}));
    // What the server makes once, for the first request of all.
    let mut first = TcpStream::connect(address).await?;
    load::ask(&mut first, &call(tokens[0])).await?;

    let empty = process.memory()?;
    let mut streams = Vec::with_capacity(STREAMS);
    for token in tokens.iter().cycle().take(STREAMS) {
        let mut stream = TcpStream::connect(address).await?;
        load::exchange(&mut stream, &call(token), &mut answer, load::has_body).await?;
        streams.push(stream);
    }
    let connected = process.memory()?;
    for (token, stream) in tokens.iter().cycle().zip(&mut streams) {
        let listen = request::listen(address, token);
        // A refusal has an end, and a stream has none.
        let is_answered = |answer: &[u8]| has_begun(answer) || load::has_body(answer);
        let length = load::exchange(stream, &listen, &mut answer, is_answered).await?;
        let answer = &answer[..length];
        ensure!(has_begun(answer), "no stream: {}", String::from_utf8_lossy(answer));
    }
    let (start, before) = (Instant::now(), process.cpu()?);
    tokio::time::sleep(IDLE).await;
    let cpu = process.cpu()?.saturating_sub(before).as_secs_f64() * 1e3 / start.elapsed().as_secs_f64();
    let listening = process.memory()?;
    for stream in &streams {
        ensure!(!matches!(stream.try_read(&mut answer), Ok(0)), "a stream has ended");
    }
    let share = |bytes: f64| bytes / STREAMS as f64;
    Ok(Open { connection: share(connected - empty), stream: share(listening - connected), cpu })
}

/// Whether a stream has said that it has begun.
fn has_begun(answer: &[u8]) -> bool {
    const BEGUN: &[u8] = b"notifications/subscriptions/acknowledged";
    answer.windows(BEGUN.len()).any(|part| part == BEGUN)
}
