//! The product behind the proxy: it answers with the headers that it got, and counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Product {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Product {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, requests) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&requests));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, requests, serving }
    }

    /// How many requests have come through so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(requests): State<Arc<AtomicUsize>>, request: Request) -> Json<Vec<(String, String)>> {
    requests.fetch_add(1, Ordering::SeqCst);
    let asked = (":asked".to_owned(), format!("{} {}", request.method(), request.uri()));
    let headers = request.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Json(std::iter::once(asked).chain(headers).collect())
}
