//! What every handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::response::Response;
use http::header::CONNECTION;
use http::{HeaderValue, Version};
use keystead_app::{App, RequestOrigin};
use keystead_domain::Actor;

use crate::Settings;
use crate::checked::{Checked, Refused, as_told_to};
use crate::metrics::Metrics;

/// The doors of one running server. Cheap to clone.
#[derive(Clone)]
pub struct Doors(Arc<Shared>);

struct Shared {
    app: Arc<App>,
    settings: Settings,
    metrics: Metrics,
    graphql: crate::graphql::Schema,
    leaving: AtomicBool,
}

impl Doors {
    /// The doors to an app.
    #[must_use]
    pub fn new(app: Arc<App>, settings: Settings) -> Self {
        let metrics = Metrics::new(&app);
        let graphql = crate::graphql::schema();
        Self(Arc::new(Shared { app, settings, metrics, graphql, leaving: AtomicBool::new(false) }))
    }

    /// What they lead to.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.0.app
    }

    /// Where they are reached.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Sends everybody elsewhere from now on, and answers all that comes meanwhile: `/readyz` says no, so that proxies ask another
    /// node, and each answer is the last of its connection, so that clients who keep theirs make a new one.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether everybody is sent elsewhere.
    pub(crate) fn is_leaving(&self) -> bool {
        self.0.leaving.load(Ordering::Relaxed)
    }

    /// Says in an answer that it is the last of its connection, if it is. HTTP/2 has a frame for that instead, sent at the end.
    pub(crate) fn send_elsewhere(&self, version: Version, response: &mut Response) {
        if self.is_leaving() && version <= Version::HTTP_11 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn graphql(&self) -> &crate::graphql::Schema {
        &self.0.graphql
    }

    /// Checks what an app shows at the MCP server, and counts the outcome.
    pub(crate) fn check_access_token(&self, token: &str, origin: &RequestOrigin) -> Result<Actor, Refused> {
        let outcome = self.0.app.actor_of_access_token(token, origin);
        self.0.metrics.checked_access_token(outcome.as_ref().err());
        outcome.map_err(Refused::Access)
    }

    /// Checks a token for somebody who was handed it, and who learns nothing of another organization's.
    pub(crate) fn check_for(&self, actor: &Actor, token: &str) -> Result<Checked, Refused> {
        as_told_to(actor.user().organization, self.check(token))
    }

    /// Checks a bearer token and counts the outcome, for every door.
    pub(crate) fn check(&self, token: &str) -> Result<Checked, Refused> {
        let start = Instant::now();
        let now = self.0.app.now();
        // Every session's token has dots, and no API key has one.
        if token.contains('.') {
            let outcome = self.0.app.verify_session(token, now);
            self.0.metrics.checked_session(outcome.as_ref().err());
            return outcome.map(|session| Checked::Session(Box::new(session))).map_err(Refused::Session);
        }
        let outcome = self.0.app.verify(token, now);
        self.0.metrics.verified(&outcome, start.elapsed());
        outcome.map(Checked::Key).map_err(Refused::Key)
    }
}
