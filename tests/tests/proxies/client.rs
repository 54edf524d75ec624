//! A client that sends what it likes, from an address that is not the proxy's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// Where it is, as a proxy on 127.0.0.1 sees it.
pub(crate) const ADDRESS: &str = "127.0.0.2";

/// Longer than any limit of a proxy's: reached only by one that hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a proxy answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The headers that the product got, with their names in lower case.
    pub(crate) fn told(&self) -> Vec<(String, String)> {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not from the product: {self:?}"))
    }

    /// Those of them that say who somebody is, in any spelling. One without a value says nothing.
    pub(crate) fn told_of_identity(&self) -> BTreeMap<String, String> {
        let told =
            self.told().into_iter().filter(|(name, value)| name.contains("keystead") && !value.is_empty());
        let mut identity = BTreeMap::new();
        for (name, value) in told {
            assert!(identity.insert(name.clone(), value).is_none(), "{name} is told twice: {self:?}");
        }
        identity
    }
}

/// Sends a request whose headers are bytes of the test's own, and reads the answer to its end.
pub(crate) async fn send(proxy: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{ADDRESS}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(proxy).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: product.example\r\nconnection: close\r\ncontent-length: 2\r\n{headers}\r\nhi"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // Whoever refuses without having read all may end the connection roughly: what came counts.
    _ = read.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

/// The header that shows a key.
pub(crate) fn bearing(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// A request with a key, and nothing else about it that matters.
pub(crate) async fn get(proxy: SocketAddr, token: &str) -> Answer {
    send(proxy, "GET", "/reports?of=may", &bearing(token)).await
}
