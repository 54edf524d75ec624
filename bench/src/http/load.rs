//! Requests over connections that stay open, one after another on each, from one thread.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any answer to be measured.
const ANSWER_BYTES: usize = 256 * 1024;

/// What a load is made of.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// Host and port.
    pub(crate) address: &'a str,
    /// Sent in rotation.
    pub(crate) requests: &'static [Vec<u8>],
    /// At once.
    pub(crate) connections: usize,
    /// Whether what came so far is all of an answer.
    pub(crate) is_complete: fn(&[u8]) -> bool,
}

/// What a load met.
pub(crate) struct Load {
    /// The time that each answer took, in nanoseconds, shortest first.
    pub(crate) latencies: Vec<u64>,
    pub(crate) took: Duration,
}

/// Sends the requests for so long. Anything but 200 is an error.
pub(crate) fn run(plan: Plan<'_>, during: Duration) -> Result<Load> {
    let Plan { address, requests, connections, is_complete } = plan;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let start = Instant::now();
        let mut tasks = Vec::new();
        for nth in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            // Each connection begins elsewhere in the rotation.
            let rotation = requests.iter().cycle().skip(nth * requests.len() / connections);
            tasks.push(tokio::spawn(keep_asking(stream, rotation, is_complete, start + during)));
        }
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        let took = start.elapsed();
        latencies.sort_unstable();
        Ok(Load { latencies, took })
    })
}

async fn keep_asking(
    mut stream: TcpStream,
    requests: impl Iterator<Item = &'static Vec<u8>>,
    is_complete: fn(&[u8]) -> bool,
    until: Instant,
) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    let mut answer = vec![0; ANSWER_BYTES];
    for request in requests {
        let start = Instant::now();
        if start >= until {
            break;
        }
        exchange(&mut stream, request, &mut answer, is_complete).await?;
        latencies.push(u64::try_from(start.elapsed().as_nanos())?);
    }
    Ok(latencies)
}

/// One request and its answer, by itself.
pub(crate) async fn ask(stream: &mut TcpStream, request: &[u8]) -> Result<Vec<u8>> {
    let mut answer = vec![0; ANSWER_BYTES];
    let length = exchange(stream, request, &mut answer, has_body).await?;
    answer.truncate(length);
    Ok(answer)
}

/// Returns the length of the answer.
pub(crate) async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    answer: &mut [u8],
    is_complete: fn(&[u8]) -> bool,
) -> Result<usize> {
    stream.write_all(request).await?;
    let mut length = 0;
    while !is_complete(&answer[..length]) {
        ensure!(length < answer.len(), "an answer is too long");
        let read = stream.read(&mut answer[length..]).await?;
        ensure!(read > 0, "the server ended a connection");
        length += read;
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200 "), "not 200: {}", String::from_utf8_lossy(&answer[..length]));
    Ok(length)
}

/// Whether an answer without a body is complete.
pub(crate) fn has_head(answer: &[u8]) -> bool {
    answer.ends_with(b"\r\n\r\n")
}

/// Whether an answer with a body is complete; one that does not say how long it is never is.
pub(crate) fn has_body(answer: &[u8]) -> bool {
    split(answer).is_ok_and(|(head, body)| {
        let mut lines = head.split("\r\n");
        let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        length.is_some_and(|length: usize| body.len() >= length)
    })
}

/// An answer's head and body.
pub(crate) fn split(answer: &[u8]) -> Result<(&str, &[u8])> {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").context("an answer has a head")?;
    Ok((str::from_utf8(&answer[..end])?, &answer[end + 4..]))
}
