//! What every request goes through but `/verify`: one line in the log, one count. Routes are named by their pattern, never by
//! the path that was asked: paths hold one-time codes.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use keystead_app::noticing_silence;
use tracing::Instrument as _;

use crate::client_address::client_address;
use crate::console::strict_transport;
use crate::{Doors, Peer};

/// Marks an answer that carries a secret, and is therefore sent as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotCompressed;

/// Says, of an answer to a change, that a node was silent: the change holds everywhere because that node can answer nothing any more.
const WAITED: HeaderName = HeaderName::from_static("x-keystead-waited");

tokio::task_local! {
    static REQUEST_ID: String;
}

/// What a person quotes when they ask for help with this request: it stands in the log, the answer's `X-Request-Id` and the
/// error page. Ours alone: one that a caller sends is not taken over.
pub(crate) fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// Where the request came from, the deployment's own proxies left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(crate) IpAddr);

pub(crate) async fn observe(State(doors): State<Doors>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    // Without randomness there is no id, and the request is answered all the same.
    let id = doors
        .app()
        .random()
        .map_or_else(|_| String::new(), |bytes| format!("{:016x}", u64::from_be_bytes(bytes)));
    let (method, version) = (request.method().clone(), request.version());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let client = request
        .extensions()
        .get::<Peer>()
        .map(|peer| client_address(peer.0.ip(), request.headers(), doors.settings()));
    if let Some(client) = client {
        request.extensions_mut().insert(Client(client));
    }
    let span = tracing::info_span!("request", id);
    let work = REQUEST_ID.scope(id.clone(), next.run(request)).instrument(span.clone());
    let (mut response, waited) = noticing_silence(work).await;
    if waited {
        response.headers_mut().insert(WAITED, HeaderValue::from_static("silent-node"));
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert("x-request-id", id);
    }
    strict_transport(doors.settings(), &mut response);
    doors.send_elsewhere(version, &mut response);
    let elapsed = start.elapsed();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    doors.metrics().answered(response.status(), elapsed);
    tracing::info!(parent: &span, %method, route, client = ?client, status = response.status().as_u16(), ?elapsed, "answered");
    response
}
