//! `keystead healthcheck`: asks a running server whether it may serve, over plain HTTP.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::args::AddressSettings;
use crate::failure::Failure;
use crate::{out, printed, serve};

const WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn check(url: Option<String>, address: &AddressSettings) -> Result<(), Failure> {
    let url = url.unwrap_or_else(|| serve::local_url(address.listen));
    let Some(host) = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')) else {
        return Err(Failure::usage(format!("{url:?} is not an address that starts with http://"))
            .hint("give the address on which the server itself listens, such as http://127.0.0.1:8080."));
    };
    let failed = || {
        Failure::new(format!("the server at {url} is not ready")).hint(
            "is it running, and at that address? Choose another with --url; the server's log says what ails it.",
        )
    };
    let status = timeout(WITHIN, status(host))
        .await
        .map_err(|elapsed| failed().cause(&elapsed))?
        .map_err(|error| failed().cause(&error))?;
    if status.split(' ').nth(1) == Some("200") { printed(out::line("ready")) } else { Err(failed()) }
}

/// The first line of the answer to `GET /readyz`.
async fn status(host: &str) -> std::io::Result<String> {
    let port = host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
    let mut stream = TcpStream::connect(if port { host.to_owned() } else { format!("{host}:80") }).await?;
    stream
        .write_all(format!("GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}
