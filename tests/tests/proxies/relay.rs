//! What is between a proxy and Keystead: it can be cut, or fall silent, and it remembers what was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    relaying: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<u8>>,
    silent: AtomicBool,
}

impl Relay {
    pub(crate) async fn to(keystead: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::new(Shared::default()));
        let relaying = tokio::spawn(relay(listener, keystead, Arc::clone(&shared)));
        Self { address, shared, relaying: Some(relaying) }
    }

    /// Cuts what there is, and takes nobody any more: Keystead is away.
    pub(crate) async fn cut(&mut self) {
        if let Some(relaying) = self.relaying.take() {
            relaying.abort();
            _ = relaying.await;
        }
    }

    /// Takes whatever comes, and passes none of it on: Keystead hangs.
    pub(crate) fn fall_silent(&self) {
        self.shared.silent.store(true, Ordering::SeqCst);
    }

    /// The lines of what proxies asked so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.shared.asked.lock().unwrap();
        String::from_utf8_lossy(&asked).lines().map(str::to_owned).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(relaying) = &self.relaying {
            relaying.abort();
        }
    }
}

async fn relay(listener: TcpListener, keystead: SocketAddr, shared: Arc<Shared>) {
    // Dropped with this, all of them end.
    let mut connections = JoinSet::new();
    loop {
        let (proxy, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let Ok(keystead) = TcpStream::connect(keystead).await else { return };
            let (mut asks, mut is_told) = proxy.into_split();
            let (mut answers, mut is_asked) = keystead.into_split();
            let back = async { _ = copy(&mut answers, &mut is_told).await };
            let forth = async {
                let mut bytes = vec![0; 16 * 1024];
                while let Ok(read @ 1..) = asks.read(&mut bytes).await {
                    if shared.silent.load(Ordering::SeqCst) {
                        continue;
                    }
                    shared.asked.lock().unwrap().extend(&bytes[..read]);
                    if is_asked.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            };
            // Whoever ends it first ends it for both.
            tokio::select! {
                () = back => {}
                () = forth => {}
            }
        });
    }
}
