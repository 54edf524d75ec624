//! Writing down when keys were last used, apart from verification (promise 9).

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keystead_domain::Error;
use keystead_domain::audit::Trace;

use crate::App;
use crate::open::fault;

impl App {
    /// How often to sweep: well within the 10 s that "last used" may be late.
    pub const SWEEP_EVERY: Duration = Duration::from_secs(5);

    /// Keys written in one transaction: others who write wait no longer than that.
    const BATCH: usize = 1_000;

    /// Writes the keys that were used since the last sweep, and says how many. What cannot be written is kept for the next.
    pub async fn sweep_last_used(&self) -> Result<usize, Error> {
        let used = self.directory.take_last_used();
        for (at, batch) in used.chunks(Self::BATCH).enumerate() {
            let written = async {
                let mut change = self.store.begin(Trace::operator(self.now())).await?;
                change.set_last_used(batch).await?;
                change.commit().await
            };
            if let Err(error) = written.await {
                self.directory.put_back_last_used(&used[at * Self::BATCH..]);
                return Err(fault(error));
            }
        }
        self.swept_at.store(self.now().as_millisecond(), Ordering::Relaxed);
        Ok(used.len())
    }

    /// How long ago last use was written down.
    #[must_use]
    pub fn sweep_age(&self) -> Duration {
        let age = self.now().as_millisecond() - self.swept_at.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(age).unwrap_or(0))
    }

    /// The end: what was used is written, the audit logs are signed, what was begun is finished.
    pub async fn close(&self) -> Result<(), Error> {
        let swept = self.sweep_last_used().await;
        // Not worth failing for: the log says why, and the next start signs what was added since.
        _ = self.sign_audit_checkpoints().await;
        let cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(cluster) = cluster {
            cluster.stop().await;
        }
        self.store.close().await;
        swept.map(drop)
    }
}
