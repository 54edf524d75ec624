//! What some of the [planted bugs](keystead_store::planted) do here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keystead_directory::Directory;
use keystead_domain::Change;
pub(crate) use keystead_store::planted::{Bug, is};

/// A process that was looked at so long ago was stopped meanwhile: a node looks at the clock every 50 ms.
const STOPPED: Duration = Duration::from_millis(500);
/// How late a cache is filled.
const LATE: Duration = Duration::from_millis(300);

/// The time of a clock without that for which the process was stopped, if that bug is there.
pub(crate) fn without_stops(now: Duration) -> Duration {
    /// The last look, and for how long it stood still in all.
    static STOOD_STILL: Mutex<(Duration, Duration)> = Mutex::new((Duration::ZERO, Duration::ZERO));
    if !is(Bug::ClockStandsStill) {
        return now;
    }
    let mut stood_still = STOOD_STILL.lock().unwrap_or_else(PoisonError::into_inner);
    let (last, in_all) = &mut *stood_still;
    let gap = now.saturating_sub(*last);
    if gap > STOPPED && !last.is_zero() {
        *in_all += gap;
    }
    *last = now.max(*last);
    now.saturating_sub(*in_all)
}

/// Puts a key that was read into the directory once more, late, if that bug is there.
pub(crate) fn fill_late(directory: &Arc<Directory>, read: &Change) {
    if let (true, Change::Key(_)) = (is(Bug::LateFill), read) {
        let (directory, read) = (Arc::clone(directory), read.clone());
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            directory.apply(directory.sequence(), read);
        });
    }
}
