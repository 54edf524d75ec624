//! Whether a change had to wait for a node that said nothing: of interest to whoever asked for it, through whichever door, and to nobody
//! in between.

use std::cell::Cell;

tokio::task_local! {
    static NOTICED: Cell<bool>;
}

/// Does some work, and says whether a change that it committed held only once the lease of a node had ended that said nothing.
pub async fn noticing_silence<T>(work: impl Future<Output = T>) -> (T, bool) {
    NOTICED.scope(Cell::new(false), async { (work.await, silence_was_noticed()) }).await
}

/// The same, of the work so far that [`noticing_silence`] is doing.
#[must_use]
pub fn silence_was_noticed() -> bool {
    NOTICED.try_with(Cell::get).unwrap_or(false)
}

/// A change of this task's waited.
pub(crate) fn notice() {
    // Outside of it nobody wants to know.
    _ = NOTICED.try_with(|noticed| noticed.set(true));
}
