//! The backend of a product that embeds Keystead's API Keys page; `docs/embedding.md` walks through it.
//!
//! It holds the impersonation key, which never leaves it but for Keystead, and knows who is signed in to the product. The same
//! in TypeScript is in `../node`.

mod keystead;
mod product;

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::keystead::{Keystead, Refusal};
use crate::product::{ACCOUNTS, Sessions};

struct Backend {
    keystead: Keystead,
    sessions: Sessions,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let key = variable("KEYSTEAD_IMPERSONATION_KEY").context("set KEYSTEAD_IMPERSONATION_KEY")?;
    let url = variable("KEYSTEAD_URL").unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let port = variable("PORT").map_or(Ok(3000), |port| port.parse()).context("PORT is not a port")?;
    let backend = Arc::new(Backend { keystead: Keystead::new(&url, key)?, sessions: Sessions::default() });

    let router = Router::new()
        .route("/", get(asset("text/html", include_str!("../../public/index.html"))))
        .route("/host.js", get(asset("text/javascript", include_str!("../../public/host.js"))))
        .route("/style.css", get(asset("text/css", include_str!("../../public/style.css"))))
        .route("/api/session", get(session))
        .route("/api/sign-in/{account}", post(sign_in))
        .route("/api/sign-out", post(sign_out))
        .route("/api/keystead-token", post(keystead_token))
        .layer(middleware::from_fn_with_state(Arc::clone(&backend), guard))
        .with_state(backend);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    say(&format!("listening on http://localhost:{}", listener.local_addr()?.port()));
    Ok(axum::serve(listener, router).await?)
}

fn asset(kind: &str, text: &'static str) -> ([(HeaderName, String); 1], &'static str) {
    ([(CONTENT_TYPE, format!("{kind}; charset=utf-8"))], text)
}

/// What holds for every request: what changes something, or hands out a token, is asked by the product's own page.
async fn guard(State(backend): State<Arc<Backend>>, request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::POST && !is_same_origin(request.headers()) {
        error(StatusCode::FORBIDDEN, "Only the product's own page may ask for this.")
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, backend.keystead.page_policy());
    response
}

/// Browsers send `Origin` with every POST, and no page can make it say something else.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| text(HOST) == Some(host))
}

async fn session(State(backend): State<Arc<Backend>>, headers: HeaderMap) -> Response {
    let accounts: Vec<_> = ACCOUNTS.iter().map(|a| json!({ "id": a.id, "name": a.name })).collect();
    let account = backend.sessions.account(&headers).map(|account| account.id);
    let keystead = backend.keystead.origin();
    axum::Json(json!({ "keystead": keystead, "account": account, "accounts": accounts })).into_response()
}

/// A real product asks for a password, or whatever proves who somebody is.
async fn sign_in(
    State(backend): State<Arc<Backend>>,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(account) = ACCOUNTS.iter().find(|known| known.id == account) else {
        return error(StatusCode::NOT_FOUND, "There is no such account.");
    };
    backend.sessions.end(&headers);
    match backend.sessions.begin(account) {
        Ok(cookie) => (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response(),
        Err(_) => error(StatusCode::SERVICE_UNAVAILABLE, "Signing in does not work right now."),
    }
}

async fn sign_out(State(backend): State<Arc<Backend>>, headers: HeaderMap) -> Response {
    backend.sessions.end(&headers);
    StatusCode::NO_CONTENT.into_response()
}

/// A token for whoever is signed in to the product. What the browser sends beside its cookie is not read.
async fn keystead_token(State(backend): State<Arc<Backend>>, headers: HeaderMap) -> Response {
    let Some(account) = backend.sessions.account(&headers) else {
        return error(StatusCode::UNAUTHORIZED, "Sign in first.");
    };
    let Refusal { code, retry_after } = match backend.keystead.impersonate(account.email).await {
        Ok(token) => return axum::Json(json!({ "token": token, "account": account.id })).into_response(),
        Err(refusal) => refusal,
    };
    say(&format!("no Keystead token for {}: {code}", account.id));
    match &*code {
        "NOT_FOUND" | "FORBIDDEN" => error(StatusCode::FORBIDDEN, "Your account has no API keys."),
        "RATE_LIMITED" => {
            let busy = error(StatusCode::SERVICE_UNAVAILABLE, "Too many sign-ins. Try again in a moment.");
            ([(RETRY_AFTER, retry_after.to_string())], busy).into_response()
        }
        _ => error(StatusCode::BAD_GATEWAY, "API keys cannot be shown right now."),
    }
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({ "error": message }))).into_response()
}

#[expect(clippy::print_stdout, reason = "a program for people at a terminal")]
fn say(line: &str) {
    println!("{line}");
}
