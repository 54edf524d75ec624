//! Who asks, as of the moment in which something is done for them.

use http::request::Parts;
use keystead_app::App;
use keystead_domain::{Actor, Error};
use rmcp::RoleServer;
use rmcp::model::Extensions;
use rmcp::service::RequestContext;

use crate::credentials::{NoActor, mcp_actor};
use crate::{Doors, Settings};

/// Who asks, and what they ask of.
pub(super) struct Caller<'a> {
    pub(super) doors: &'a Doors,
    pub(super) actor: Actor,
}

impl<'a> Caller<'a> {
    /// From the request's own header, now: what the guard saw may be over.
    pub(super) fn of(doors: &'a Doors, context: &RequestContext<RoleServer>) -> Result<Self, Error> {
        let parts = parts(&context.extensions).ok_or(Error::Unauthenticated)?;
        match mcp_actor(doors, &parts.headers, &parts.extensions) {
            Ok(actor) => Ok(Self { doors, actor }),
            Err(NoActor::Failed(error)) => Err(error),
            Err(NoActor::Refused(why)) if why.is_unavailable() => Err(Error::Unavailable),
            Err(_) => Err(Error::Unauthenticated),
        }
    }

    pub(super) fn app(&self) -> &'a App {
        self.doors.app()
    }

    pub(super) fn settings(&self) -> &'a Settings {
        self.doors.settings()
    }
}

/// The head of the HTTP request that a message came by.
pub(super) fn parts(extensions: &Extensions) -> Option<&Parts> {
    extensions.get()
}
