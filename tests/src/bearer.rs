//! A proxy that adds an API key to whatever passes, for programs that cannot be told one.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A running proxy; dropped, it is gone.
pub struct BearerProxy {
    listener: Option<TcpListener>,
    /// `http://127.0.0.1:PORT`, which is to be the server's public address.
    pub url: String,
    forwarding: Option<JoinHandle<()>>,
}

impl BearerProxy {
    /// One that has an address, so that the server behind it can be told.
    pub async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Self { listener: Some(listener), url, forwarding: None }
    }

    /// From now on passes everything on to the server at `url`, with the key.
    ///
    /// # Panics
    /// If it does so already.
    pub fn forward(&mut self, url: &str, key: &str) {
        let listener = self.listener.take().expect("it forwards nothing yet");
        let server = url.strip_prefix("http://").expect("an address").to_owned();
        let key = key.to_owned();
        self.forwarding = Some(tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, key) = (server.clone(), key.clone());
                // Whichever side goes away first ends it.
                tokio::spawn(async move { _ = pass(client, &server, &key).await });
            }
        }));
    }
}

impl Drop for BearerProxy {
    fn drop(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.abort();
        }
    }
}

/// Passes one request on, and its answer back. Each connection has one: the server is told so.
async fn pass(client: TcpStream, server: &str, key: &str) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let mut head = format!("{line}Authorization: Bearer {key}\r\nConnection: close\r\n");
    while line != "\r\n" {
        line.clear();
        if client.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if !line.to_ascii_lowercase().starts_with("connection:") {
            head.push_str(&line);
        }
    }
    server.write_all(head.as_bytes()).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
