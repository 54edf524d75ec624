//! `/embed`: the API Keys page for a product's own users, inside that product's page. The page itself holds no data; its
//! script gets list and dialogs from `/embed/keys` in the name of an impersonated session. Those are the console's, by the
//! same handlers and templates (`console::place`).

use axum::extract::{RawQuery, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderValue, StatusCode};

use crate::console::place::Place;
use crate::console::view::EmbedPage;
use crate::console::{PageError, not_found, page};
use crate::credentials::NoActor;
use crate::problem::{no_actor, problem};
use crate::{Doors, assets};

mod accent;
mod settings;

pub use accent::Accent;
pub use settings::{Embedding, Theme};

/// `GET /embed/api-keys?token=…&accent=…&theme=…`. The token is the script's business: here it is neither read nor written.
pub(crate) async fn shell(State(doors): State<Doors>, RawQuery(query): RawQuery) -> Response {
    let embedding = doors.settings().embedding();
    let (accent, theme) = embedding.look(query.as_deref().unwrap_or_default());
    let template = EmbedPage {
        assets: assets::addresses(),
        theme: theme.forced(),
        colors: accent.map(Accent::properties),
        keys: Place::Embedded.keys(),
        origins: embedding.origins.join(" "),
    };
    let mut response = page(StatusCode::OK, &template);
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(policy) = embedding.policy() {
        headers.insert(http::header::CONTENT_SECURITY_POLICY, policy);
        headers.remove(X_FRAME_OPTIONS);
    }
    response
}

/// Around everything under `/embed`: nothing is there unless the deployment has impersonation, and its script reads problem
/// documents where people would read error pages.
pub(crate) async fn guard(State(doors): State<Doors>, request: Request, next: Next) -> Response {
    if !doors.app().deployment().impersonation {
        return not_found().await;
    }
    let mut response = next.run(request).await;
    let Some(PageError(error)) = response.extensions_mut().remove() else { return response };
    let (problem, body) = problem(&error).into_parts();
    response.headers_mut().extend(problem.headers);
    response.map(|_| body)
}

/// The answer to a request that is in no session's name.
pub(crate) fn no_session(why: NoActor) -> Response {
    no_actor(why, "Send the session's token in the header: Authorization: Bearer TOKEN.")
}
