//! All routes, and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _};
use tower_http::timeout::TimeoutLayer;

use crate::console::{self, access, account, dialogs, invitation, keys, password, settings};
use crate::observe::{NotCompressed, observe};
use crate::{Doors, assets, graphql, health, verify};

/// However slowly a body comes, a request ends.
const SLOWEST: Duration = Duration::from_secs(20);

/// The largest body that any door reads.
const BODY_BYTES: usize = 64 * 1024;

/// Everything that the public address serves.
pub fn router(doors: Doors) -> Router {
    let observed = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/", get(keys::home))
        .route("/assets/{digest}/{name}", get(assets::asset))
        .route("/setup/{code}", get(access::set_up_page).post(access::set_up))
        .route("/sign-in", get(access::sign_in_page).post(access::sign_in))
        .route("/sign-in/link/{code}", get(access::link_page).post(access::use_link))
        .route("/sign-out", post(access::sign_out))
        .route("/switch", post(account::switch))
        .route("/invitation/{code}", get(invitation::invitation_page).post(invitation::accept))
        .route("/forgot-password", get(password::forgot_page).post(password::send_link))
        .route("/reset-password/{code}", get(password::reset_page).post(password::reset))
        .route("/settings", get(settings::settings_page))
        .route("/settings/account", get(account::account_page).post(account::rename))
        .route("/settings/account/password", get(account::account_page).post(account::change_password))
        .route("/settings/account/sessions", get(account::account_page).post(account::end_sessions))
        .route("/settings/api-keys", get(keys::list_page))
        .route("/settings/api-keys/new", get(dialogs::create_page).post(dialogs::create))
        .route("/settings/api-keys/{id}/edit", get(dialogs::edit_page).post(dialogs::edit))
        .route("/settings/api-keys/{id}/revoke", get(dialogs::revoke_page).post(dialogs::revoke))
        .route("/graphql", any(graphql::graphql))
        .route("/graphql/assets/{digest}/{name}", get(graphql::asset))
        .fallback(console::not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(may_compress)))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SLOWEST))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(doors.clone(), observe));

    Router::new()
        // Outside the layers: it reads no body, and its own counters are cheaper.
        .route("/verify", get(verify::verify).post(verify::verify))
        .merge(observed)
        .with_state(doors)
}

fn may_compress(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
    extensions.get::<NotCompressed>().is_none()
}

/// What the operator's own address for metrics serves.
pub fn metrics_router(doors: Doors) -> Router {
    Router::new().route("/metrics", get(health::open_metrics)).with_state(doors)
}
