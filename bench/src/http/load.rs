//! Requests over connections that stay open, one after another on each, from one thread.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a load met.
pub(crate) struct Load {
    /// The time that each answer took, in nanoseconds, shortest first.
    pub(crate) latencies: Vec<u64>,
    pub(crate) took: Duration,
}

/// Sends the requests in rotation, over so many connections at once, for so long. Anything but 200 is an error.
pub(crate) fn run(
    address: &str,
    requests: &'static [Vec<u8>],
    connections: usize,
    during: Duration,
) -> Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let start = Instant::now();
        let mut tasks = Vec::new();
        for nth in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            // Each connection begins elsewhere in the rotation.
            let rotation = requests.iter().cycle().skip(nth * requests.len() / connections);
            tasks.push(tokio::spawn(keep_asking(stream, rotation, start + during)));
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
    until: Instant,
) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    let mut answer = [0; 2048];
    for request in requests {
        let start = Instant::now();
        if start >= until {
            break;
        }
        stream.write_all(request).await?;
        let mut length = 0;
        // The answers have no body.
        while !answer[..length].ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut answer[length..]).await?;
            ensure!(read > 0, "the server ended a connection");
            length += read;
        }
        ensure!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "not 200: {}",
            String::from_utf8_lossy(&answer[..length])
        );
        latencies.push(u64::try_from(start.elapsed().as_nanos())?);
    }
    Ok(latencies)
}
