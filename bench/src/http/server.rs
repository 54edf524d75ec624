//! The servers that are compared: Keystead's, and two that only answer.

use std::convert::Infallible;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderName, HeaderValue, Response};
use http_body_util::Empty;
use hyper_util::rt::{TokioIo, TokioTimer};
use keystead_app::App;
use keystead_server::{Doors, Settings, router, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::fill;

/// Keystead on a store, writing down last use as `keystead serve` does. Prints its address.
pub(crate) fn keystead(folder: &Path) -> Result<()> {
    Runtime::new()?.block_on(async { serve_app(fill::open(folder).await?).await })
}

/// Serves until the process is ended.
pub(crate) async fn serve_app(app: App) -> Result<()> {
    let app = Arc::new(app);
    tokio::spawn(sweep(Arc::clone(&app)));
    let (listener, url) = listen().await?;
    let settings = Settings::new(&url).map_err(anyhow::Error::msg)?;
    println!("{url}");
    Ok(serve(listener, router(Doors::new(app, settings)), std::future::pending()).await?)
}

async fn sweep(app: Arc<App>) {
    loop {
        tokio::time::sleep(App::SWEEP_EVERY).await;
        _ = app.sweep_last_used().await;
    }
}

/// A router of the same library with one route, behind the same accept loop. Prints its address.
pub(crate) fn axum(headers: &[&str]) -> Result<()> {
    let headers = parse(headers)?;
    Runtime::new()?.block_on(async {
        let (listener, url) = listen().await?;
        println!("{url}");
        let answer = move || std::future::ready(answer(headers, Body::empty()));
        let router = Router::new().route("/verify", get(answer));
        Ok(serve(listener, router, std::future::pending()).await?)
    })
}

/// The HTTP library alone, without a router and without limits. Prints its address.
pub(crate) fn hyper(headers: &[&str]) -> Result<()> {
    let headers = parse(headers)?;
    Runtime::new()?.block_on(async {
        let (listener, url) = listen().await?;
        println!("{url}");
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|_| async move {
                    Ok::<_, Infallible>(answer(headers, Empty::<bytes::Bytes>::new()))
                });
                let mut builder = hyper::server::conn::http1::Builder::new();
                let connection =
                    builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
                _ = pin!(connection).await;
            });
        }
    })
}

/// A place on loopback, and its address as a URL.
pub(crate) async fn listen() -> Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// Headers that cost nothing to send: as long as the process lives, they never move.
type Headers = &'static [(HeaderName, HeaderValue)];

fn parse(headers: &[&str]) -> Result<Headers> {
    let parsed = headers.iter().map(|line| {
        let (name, value) = line.split_once(':').context("a header has a colon")?;
        let value: &'static str = value.to_owned().leak();
        Ok((name.parse()?, HeaderValue::from_static(value)))
    });
    Ok(parsed.collect::<Result<Vec<_>>>()?.leak())
}

fn answer<B>(headers: Headers, body: B) -> Response<B> {
    let mut response = Response::new(body);
    response.headers_mut().extend(headers.iter().cloned());
    response
}
