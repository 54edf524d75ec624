//! Shipping the log: each committed event is written elsewhere as a line of JSON, at least once and in each organization's order.
//!
//! Writers are not waited for and do not wait: events are read from the store after their commit. Up to where each log was
//! shipped is kept in the store, so that a crash repeats some events and loses none.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use keystead_domain::audit::{Trace, event_line};
use keystead_domain::{Operator, OrganizationId};
use keystead_store::StoreError;
use tokio::time::{Instant, sleep, sleep_until};

use crate::App;

/// Events that are written at once.
const BATCH: i64 = 500;
/// How long to wait after a failure, and between notes of what was shipped.
const PAUSE: Duration = Duration::from_secs(1);

impl App {
    /// Ships until `stop` resolves, then what is left. `write` writes bytes that are whole lines, and has them safe when it
    /// returns; what fails is tried again, and nothing is passed over.
    pub async fn ship_audit_log<Written: Future<Output = io::Result<()>>>(
        &self,
        mut write: impl FnMut(Vec<u8>) -> Written,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = std::pin::pin!(stop);
        let mut shipping = Shipping::default();
        loop {
            shipping.ship(self, &mut write).await;
            let again = async {
                match (shipping.failing, shipping.note_at) {
                    (true, _) => sleep(PAUSE).await,
                    (false, Some(at)) => sleep_until(at).await,
                    // Nobody tells a node what others write.
                    (false, None) if self.node.is_some() => sleep(PAUSE).await,
                    (false, None) => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.store.audited().grown() => {}
                () = again => {}
                () = &mut stop => break,
            }
        }
        shipping.ship(self, &mut write).await;
        shipping.note(self).await;
    }
}

#[derive(Default)]
struct Shipping {
    /// The store was asked what was not shipped yet; a node asks it each time, since others write, and may ship, too.
    began: bool,
    /// Logs that have events to ship.
    behind: BTreeSet<OrganizationId>,
    /// Up to which event each log was shipped, as far as it was needed.
    shipped: BTreeMap<OrganizationId, i64>,
    /// Those that the store has not noted yet, and when it shall.
    unnoted: BTreeSet<OrganizationId>,
    note_at: Option<Instant>,
    failing: bool,
}

/// What stands in the way.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error("it cannot be written")]
    Write(#[from] io::Error),
    #[error("the store cannot be read")]
    Store(#[from] StoreError),
}

impl Shipping {
    async fn ship<Written: Future<Output = io::Result<()>>>(
        &mut self,
        app: &App,
        write: &mut impl FnMut(Vec<u8>) -> Written,
    ) {
        match self.try_ship(app, write).await {
            Ok(()) => {
                if self.failing {
                    tracing::info!("the audit log is shipped again; nothing was lost");
                }
                self.failing = false;
            }
            Err(obstacle) => {
                if !self.failing {
                    tracing::error!(
                        error = &obstacle as &dyn std::error::Error,
                        "the audit log cannot be shipped; it is kept, and tried again every second"
                    );
                }
                self.failing = true;
            }
        }
        if self.note_at.is_some_and(|at| at <= Instant::now()) {
            self.note(app).await;
        }
    }

    async fn try_ship<Written: Future<Output = io::Result<()>>>(
        &mut self,
        app: &App,
        write: &mut impl FnMut(Vec<u8>) -> Written,
    ) -> Result<(), Obstacle> {
        if !self.began || app.node.is_some() {
            for (organization, noted) in app.store.unshipped_audit_logs(Operator).await? {
                // What this node shipped a moment ago is not noted yet. Else the store knows best: another may have shipped more, and a
                // store that was set back has other events under the same numbers.
                let own = self.unnoted.contains(&organization).then(|| self.shipped.get(&organization));
                let own = own.flatten().copied().unwrap_or(0);
                self.shipped.insert(organization, noted.max(own));
                self.behind.insert(organization);
            }
            self.began = true;
        }
        self.behind.append(&mut app.store.audited().take());
        while let Some(&organization) = self.behind.first() {
            let after = match self.shipped.get(&organization) {
                Some(after) => *after,
                None => app.store.shipped(Operator, organization).await?,
            };
            let scope = Operator.audit_log_of(organization);
            let events = app.store.audit_rows(&scope, after, BATCH).await?;
            if events.iter().any(Option::is_none) {
                tracing::error!(%organization, "an event of the audit log cannot be read, and is not shipped");
            }
            let mut lines = String::new();
            let mut last = None;
            for (event, link) in events.iter().flatten() {
                lines.push_str(&event_line(event, link));
                lines.push('\n');
                last = Some(event.sequence);
            }
            let Some(last) = last else {
                self.behind.remove(&organization);
                continue;
            };
            write(lines.into_bytes()).await?;
            self.shipped.insert(organization, last);
            self.unnoted.insert(organization);
            self.note_at.get_or_insert_with(|| Instant::now() + PAUSE);
        }
        Ok(())
    }

    /// Has the store note what was shipped. What cannot be noted is shipped twice after a restart, and noted next time.
    async fn note(&mut self, app: &App) {
        self.note_at = None;
        if self.unnoted.is_empty() {
            return;
        }
        let noted = async {
            let mut change = app.store.begin(Trace::operator(app.now())).await?;
            for organization in &self.unnoted {
                let last = self.shipped.get(organization).copied().unwrap_or(0);
                change.set_shipped(Operator, *organization, last).await?;
            }
            change.commit().await
        };
        match noted.await {
            // When a halted store is served again, it may have other events under these numbers.
            Ok(()) | Err(StoreError::Halted(_)) => self.unnoted.clear(),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "it could not be noted up to where the audit log was shipped"
                );
                self.note_at = Some(Instant::now() + PAUSE);
            }
        }
    }
}
