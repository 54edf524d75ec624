//! What every request goes through but `/verify`: one line in the log, one count. Routes are named by their pattern, never by
//! the path that was asked: paths hold one-time codes.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::console::strict_transport;
use crate::{Doors, Peer};

/// Marks an answer that carries a secret, and is therefore sent as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotCompressed;

pub(crate) async fn observe(State(doors): State<Doors>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let mut response = next.run(request).await;
    strict_transport(doors.settings(), &mut response);
    let elapsed = start.elapsed();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    doors.metrics().answered(response.status(), elapsed);
    tracing::info!(%method, route, peer = ?peer, status = response.status().as_u16(), ?elapsed, "request");
    response
}
