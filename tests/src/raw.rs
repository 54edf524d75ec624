//! Bytes on a socket: for requests that no well-behaved client sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::TestServer;

/// Longer than any limit of the server's: reached only by a server that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

impl TestServer {
    /// Opens a connection, sends these bytes and reads until the server ends it.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        // The server may end the connection while it is written to: what it answered counts.
        _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        _ = read.expect("the server ends the connection");
        answer
    }

    /// The status of an HTTP/1.1 request whose target is sent as it is; `None` if there was no answer.
    pub async fn raw_status(&self, method: &str, target: &str, headers: &str) -> Option<u16> {
        let request =
            format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
        let answer = self.raw(request.as_bytes()).await;
        String::from_utf8_lossy(&answer).strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// A connection.
    pub async fn connect(&self) -> TcpStream {
        let address = self.url.strip_prefix("http://").expect("an address");
        TcpStream::connect(address).await.expect("a connection")
    }
}
