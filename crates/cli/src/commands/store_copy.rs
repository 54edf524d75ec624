//! `keystead store copy`.

use std::time::Duration;

use keystead_app::{CopyProgress, Entropy, copy_store};
use tokio::time::Instant;

use crate::args::{SecretText, StoreSettings};
use crate::failure::Failure;
use crate::{out, printed};

/// How often the person who waits is told how far a table is.
const TELL_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn copy(store: &StoreSettings, from: &SecretText, to: &SecretText) -> Result<(), Failure> {
    let (from, to) = (store.site_of(from.expose())?, store.site_of(to.expose())?);
    let tables = copy_store(&from, &to, &Entropy::system(), progress()).await?;
    for table in &tables {
        let line = format_args!("{}: {} rows, SHA-256 {}", table.name, table.rows, table.sha256);
        printed(out::line(line))?;
    }
    printed(out::line("Copied. All rows are the same on both sides."))?;
    out::say(
        "Serve from the copy now, and never again from the store that was copied: what is revoked in one of them goes on in the other.",
    );
    Ok(())
}

/// Tells of each table when it is done, and now and then before.
fn progress() -> impl FnMut(CopyProgress) {
    let mut told = Instant::now();
    move |CopyProgress { table, compares, done, of }| {
        if of > 0 && (done == of || told.elapsed() >= TELL_EVERY) {
            told = Instant::now();
            let what = if compares { "Compared" } else { "Copied" };
            out::say(format_args!("{what} {done} of {of} rows of {table}."));
        }
    }
}
