//! `/healthz`, `/readyz` and `/metrics`: for whoever runs the server.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use keystead_domain::Error;

use crate::Doors;
use crate::credentials::api_actor;
use crate::problem::problem;

/// The process is up. Says nothing of the store: a restart would not mend that.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// It may serve: the store answers, and it is not about to stop.
pub(crate) async fn readyz(State(doors): State<Doors>) -> Response {
    if doors.is_leaving() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    if doors.app().is_ready().await {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response()
}

/// Prometheus' text format. On the public address it takes a key or a session with `audit:read`, of the operator's own
/// organization: no door is open by default, and the figures count what belongs to others, too (promise 6).
pub(crate) async fn metrics(State(doors): State<Doors>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Ok(actor) = api_actor(&doors, &parts.method, &parts.headers, &parts.extensions).await else {
        let mut response = problem(&Error::Unauthenticated);
        response
            .headers_mut()
            .insert(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
        return response;
    };
    match doors.app().check_may_read_metrics(&actor) {
        Ok(()) => exposition(&doors),
        Err(error) => problem(&error),
    }
}

/// The same on an address of its own, which the operator keeps to themselves.
pub(crate) async fn open_metrics(State(doors): State<Doors>) -> Response {
    exposition(&doors)
}

fn exposition(doors: &Doors) -> Response {
    (
        [(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
        doors.metrics().exposition(),
    )
        .into_response()
}
