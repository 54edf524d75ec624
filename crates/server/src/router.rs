//! All routes, and the layers around them.

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _};
use tower_http::timeout::TimeoutLayer;

use crate::console::place::Place;
use crate::console::users::{self, actions, invite};
use crate::console::{
    self, access, account, audit, bulk, connected_apps, consent, dialogs, email_access, group, groups,
    invitation, keys, nodes, organizations, password, roles, settings,
};
use crate::observe::{NotCompressed, observe};
use crate::{Doors, assets, embed, graphql, health, mcp, oauth, verify};

/// However slowly a body comes, a request ends.
const SLOWEST: Duration = Duration::from_secs(20);

/// The largest body that any door reads.
const BODY_BYTES: usize = 64 * 1024;

/// What lists can be longer: e-mail rules are four of 1,000, and 1,000 tokens are checked at once.
const LIST_BYTES: usize = 1024 * 1024;

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
        .route("/settings/organization", post(settings::rename))
        .route("/settings/key-policy", get(settings::policy_page).post(settings::save_policy))
        .route(
            "/settings/email-access",
            get(email_access::access_page).post(email_access::save).layer(DefaultBodyLimit::max(LIST_BYTES)),
        )
        .route("/settings/roles", get(roles::list_page))
        .route("/settings/roles/new", get(roles::create_page).post(roles::create))
        .route("/settings/roles/{role}/edit", get(roles::edit_page).post(roles::edit))
        .route("/settings/roles/{role}/delete", get(roles::delete_page).post(roles::delete))
        .route("/settings/groups", get(groups::list_page))
        .route("/settings/groups/new", get(groups::create_page).post(groups::create))
        .route("/settings/groups/{group}", get(group::group_page))
        .route("/settings/groups/{group}/edit", get(group::edit_page).post(group::edit))
        .route("/settings/groups/{group}/delete", get(group::delete_page).post(group::delete))
        .route("/settings/groups/{group}/members", post(group::add))
        .route("/settings/groups/{group}/members/{member}/remove", post(group::remove))
        .route("/settings/organizations", get(organizations::list_page))
        .route("/settings/nodes", get(nodes::list_page))
        .route("/settings/organizations/new", get(organizations::create_page).post(organizations::create))
        .route(
            "/settings/organizations/{organization}/archive",
            get(organizations::archive_page).post(organizations::archive_it),
        )
        .route(
            "/settings/organizations/{organization}/restore",
            get(organizations::restore_page).post(organizations::restore_it),
        )
        .route("/settings/connected-apps", get(connected_apps::list_page))
        .route(
            "/settings/connected-apps/{id}/disconnect",
            get(connected_apps::disconnect_page).post(connected_apps::disconnect),
        )
        .route("/oauth2/authorize", get(consent::consent_page).post(consent::decide))
        .merge(key_routes(Place::Console))
        .merge(embed_routes(&doors))
        .route("/settings/audit-log", get(audit::log_page))
        .route("/settings/audit-log/export", post(audit::export))
        .route("/settings/users", get(users::list_page))
        .route("/settings/users/export.csv", post(users::export::export))
        .route("/settings/users/invite", get(invite::invite_page).post(invite::invite))
        .route("/settings/users/{user}", get(users::person::user_page))
        .route("/settings/users/{user}/edit", get(users::edit::edit_page).post(users::edit::edit))
        .route("/settings/users/{user}/deactivate", get(actions::deactivate_page).post(actions::deactivate))
        .route("/settings/users/{user}/reactivate", get(actions::reactivate_page).post(actions::reactivate))
        .route(
            "/settings/users/{user}/revoke-keys",
            get(actions::revoke_keys_page).post(actions::revoke_keys),
        )
        .route("/settings/users/{user}/delete", get(actions::delete_page).post(actions::delete))
        .route(
            "/settings/users/{user}/invite-again",
            get(actions::invite_again_page).post(actions::invite_again),
        )
        .route(
            "/settings/users/{user}/reset-password",
            get(actions::reset_password_page).post(actions::reset_password),
        )
        .route("/verify/batch", post(verify::batch).layer(DefaultBodyLimit::max(LIST_BYTES)))
        .route("/oauth2/token", post(oauth::token))
        .route("/oauth2/register", post(oauth::register))
        .route("/oauth2/revoke", post(oauth::revoke))
        .route("/oauth2/introspect", post(oauth::introspect))
        .route("/.well-known/oauth-protected-resource", get(oauth::protected_resource))
        .route("/.well-known/oauth-protected-resource/mcp", get(oauth::protected_resource))
        .route("/.well-known/oauth-authorization-server", get(oauth::authorization_server))
        .route("/.well-known/jwks.json", get(oauth::jwks))
        .route("/mcp", any(mcp::mcp).layer(Extension(mcp::Mcp::new(&doors))))
        .route("/graphql", any(graphql::graphql))
        .route("/graphql/assets/{digest}/{name}", get(graphql::asset))
        .fallback(console::not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(may_compress)))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SLOWEST))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(doors.clone(), observe));

    Router::new().merge(verify_routes()).merge(observed).with_state(doors)
}

/// Outside the layers: it reads no body, and its own counters are cheaper.
fn verify_routes() -> Router<Doors> {
    Router::new().route(
        "/verify",
        get(verify::verify)
            .post(verify::verify)
            .put(verify::verify)
            .patch(verify::verify)
            .delete(verify::verify)
            .options(verify::verify),
    )
}

/// The API Keys page and its dialogs, which are in two places.
fn key_routes(place: Place) -> Router<Doors> {
    let at = |path: &str| format!("{}{path}", place.keys());
    Router::new()
        .route(&at(""), get(keys::list_page))
        .route(&at("/new"), get(dialogs::create_page).post(dialogs::create))
        .route(&at("/revoke"), get(bulk::revoke_page).post(bulk::revoke))
        .route(&at("/{id}/edit"), get(dialogs::edit_page).post(dialogs::edit))
        .route(&at("/{id}/revoke"), get(dialogs::revoke_page).post(dialogs::revoke))
        .route(&at("/{id}/end-sessions"), get(dialogs::end_sessions_page).post(dialogs::end_sessions))
}

/// The API Keys page for a product's users, inside that product's page.
fn embed_routes(doors: &Doors) -> Router<Doors> {
    Router::new()
        .route("/embed/api-keys", get(embed::shell))
        .merge(key_routes(Place::Embedded))
        .route_layer(from_fn_with_state(doors.clone(), embed::guard))
}

fn may_compress(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
    extensions.get::<NotCompressed>().is_none()
}

/// What the operator's own address for metrics serves.
pub fn metrics_router(doors: Doors) -> Router {
    Router::new().route("/metrics", get(health::open_metrics)).with_state(doors)
}
