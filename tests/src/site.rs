//! Another site on this machine: the page of a product, or of somebody who is up to no good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Pages = Arc<Mutex<HashMap<String, String>>>;

/// Serves the pages that a test puts there; dropped, it is gone.
pub struct Site {
    /// Its origin: `http://localhost:PORT`.
    pub url: String,
    pages: Pages,
    serving: JoinHandle<()>,
}

impl Site {
    /// A site without pages. `host` leads to this machine: `localhost`, a name that ends in `.localhost`, or `127.0.0.1`.
    /// Different hosts are different sites; different ports of one host are different origins of the same site.
    pub async fn start(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{host}:{}", listener.local_addr().expect("an address").port());
        let pages = Pages::default();
        let router = Router::new().fallback(page).with_state(Arc::clone(&pages));
        let serving = tokio::spawn(async {
            axum::serve(listener, router).await.expect("served");
        });
        Self { url, pages, serving }
    }

    /// Puts a page at a path, and returns its address. `COOKIES` in it becomes the `Cookie` header of whoever asks for it.
    pub fn put(&self, path: &str, html: impl Into<String>) -> String {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), html.into());
        format!("{}{path}", self.url)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn page(State(pages): State<Pages>, request: Request) -> Response {
    let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(page) = pages.get(request.uri().path()) else { return StatusCode::NOT_FOUND.into_response() };
    let cookies = request.headers().get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Html(page.replace("COOKIES", cookies)).into_response()
}
