//! The operator's switch that stops all issuing ([`Issuing`]).

use std::sync::Arc;

use keystead_domain::audit::Trace;
use keystead_domain::{Error, Issuing, Operator, StopReason};

use crate::App;
use crate::open::fault;

impl App {
    /// Whether credentials are issued, as far as this node knows: for people to see. What is issued is decided in its transaction.
    #[must_use]
    pub fn issuing(&self) -> Arc<Issuing> {
        self.directory.issuing()
    }

    /// Stops it. When this returns, no node issues anything any more; nothing that was issued is taken away.
    pub async fn stop_issuing(&self, operator: Operator, why: StopReason) -> Result<Issuing, Error> {
        let now = self.now();
        let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
        let issuing = change.issuing().await.map_err(fault)?.stopped(now, why);
        change.set_issuing(operator, &issuing).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        let why = issuing.stop().map(|stop| stop.why.as_str());
        tracing::warn!(why, "the operator stopped the issuing of credentials");
        Ok(issuing)
    }

    /// Starts it again.
    pub async fn start_issuing(&self, operator: Operator) -> Result<Issuing, Error> {
        let mut change = self.store.begin(Trace::operator(self.now())).await.map_err(fault)?;
        let issuing = Issuing::default();
        change.set_issuing(operator, &issuing).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        tracing::warn!("the operator started the issuing of credentials again");
        Ok(issuing)
    }
}
