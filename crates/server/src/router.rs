//! All routes, and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::observe::observe;
use crate::{Doors, health, verify};

/// However slowly a body comes, a request ends.
const SLOWEST: Duration = Duration::from_secs(20);

/// Everything that the public address serves.
pub fn router(doors: Doors) -> Router {
    let observed = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SLOWEST))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(doors.clone(), observe));

    Router::new()
        // Outside the layers: it reads no body, and its own counters are cheaper.
        .route("/verify", get(verify::verify).post(verify::verify))
        .merge(observed)
        .with_state(doors)
}

/// What the operator's own address for metrics serves.
pub fn metrics_router(doors: Doors) -> Router {
    Router::new().route("/metrics", get(health::open_metrics)).with_state(doors)
}
