//! What every handler shares.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use keystead_app::{App, Refusal, Verified};

use crate::Settings;
use crate::metrics::Metrics;

/// The doors of one running server. Cheap to clone.
#[derive(Clone)]
pub struct Doors(Arc<Shared>);

struct Shared {
    app: Arc<App>,
    settings: Settings,
    metrics: Metrics,
    graphql: crate::graphql::Schema,
}

impl Doors {
    /// The doors to an app.
    #[must_use]
    pub fn new(app: Arc<App>, settings: Settings) -> Self {
        let metrics = Metrics::new(&app);
        let graphql = crate::graphql::schema();
        Self(Arc::new(Shared { app, settings, metrics, graphql }))
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

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn graphql(&self) -> &crate::graphql::Schema {
        &self.0.graphql
    }

    /// Checks a key and counts the outcome, for every door.
    pub(crate) fn verify(&self, token: &str) -> (Timestamp, Result<Verified, Refusal>) {
        let start = Instant::now();
        let now = self.0.app.now();
        let outcome = self.0.app.verify(token, now);
        self.0.metrics.verified(&outcome, start.elapsed());
        (now, outcome)
    }
}
