//! Settings > Connected apps: what a person has let in, and how to take it back.

use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use keystead_domain::{ConnectedApp, ConnectionId, Error};

use super::access::CsrfOnly;
use super::forms::Posted;
use super::html::{PageError, page, see_other};
use super::list::time;
use super::settings::Done;
use super::view::{ConnectedAppRow, ConnectedAppsPage, DisconnectForm};
use super::visit::SignedIn;

const LIST: &str = "/settings/connected-apps";

/// `GET /settings/connected-apps`.
pub(crate) async fn list_page(visit: SignedIn, Query(done): Query<Done>) -> Result<Response, PageError> {
    show(&visit, &done, None).await
}

/// `GET /settings/connected-apps/{id}/disconnect`.
pub(crate) async fn disconnect_page(visit: SignedIn, Path(id): Path<String>) -> Result<Response, PageError> {
    show(&visit, &Done::default(), Some(connection_id(&id)?)).await
}

/// `POST /settings/connected-apps/{id}/disconnect`: at once, everywhere (promise 3).
pub(crate) async fn disconnect(
    visit: SignedIn,
    Path(id): Path<String>,
    Posted(fields): Posted<CsrfOnly>,
) -> Result<Response, PageError> {
    visit.check_form(&fields.csrf)?;
    visit.app().disconnect_app(&visit.actor, connection_id(&id)?).await?;
    Ok(see_other(&format!("{LIST}?done=disconnected")))
}

async fn show(
    visit: &SignedIn,
    done: &Done,
    disconnecting: Option<ConnectionId>,
) -> Result<Response, PageError> {
    let apps = visit.app().connected_apps(&visit.actor).await?;
    let dialog = match disconnecting {
        None => None,
        Some(id) => {
            let app = apps.iter().find(|app| app.id == id).ok_or(Error::NotFound("connected app"))?;
            Some(DisconnectForm {
                action: address(app),
                close: LIST.to_owned(),
                name: app.client_name.clone(),
                host: app.client_host.clone(),
                last_used: time(app.last_used_at),
            })
        }
    };
    let template = ConnectedAppsPage {
        shell: visit.shell().await?,
        apps: apps.iter().map(row).collect(),
        mcp_url: format!("{}/mcp", visit.doors.settings().public_url()),
        notice: done
            .notice(&[("disconnected", "The app was disconnected. Nothing it holds lets it in any more.")]),
        dialog,
    };
    Ok(page(StatusCode::OK, &template))
}

fn row(app: &ConnectedApp) -> ConnectedAppRow {
    ConnectedAppRow {
        id: app.id.to_string(),
        name: app.client_name.clone(),
        host: app.client_host.clone(),
        connected: time(app.created_at),
        last_used: time(app.last_used_at),
        ends: time(app.ends_at),
        disconnect: address(app),
    }
}

fn address(app: &ConnectedApp) -> String {
    format!("{LIST}/{}/disconnect", app.id)
}

/// An id in an address. What cannot be an id is as unknown as what is none.
fn connection_id(text: &str) -> Result<ConnectionId, Error> {
    text.parse().map_err(|_| Error::NotFound("connected app"))
}
