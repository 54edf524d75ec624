//! A node in a process of its own.

use std::time::Instant;

use anyhow::{Result, ensure};
use tokio::runtime::Runtime;

use crate::child::memory;
use crate::fill;
use crate::http::server::serve_app;

/// Serves, and prints its address.
pub(crate) fn serve(url: &str, secret: &str) -> Result<()> {
    Runtime::new()?.block_on(async { serve_app(fill::open_node(url, secret, "node").await?).await })
}

/// Joins the others, checks that a key works, leaves, and prints how long that took until it could answer, and its memory.
pub(crate) fn open(url: &str, secret: &str, token: &str) -> Result<()> {
    Runtime::new()?.block_on(async {
        let start = Instant::now();
        let app = fill::open_node(url, secret, "node").await?;
        let took = start.elapsed().as_secs_f64();
        ensure!(app.verify(token, app.now()).is_ok(), "the key does not work");
        println!("{took}\t{}", memory("VmHWM")? / 1e6);
        Ok(app.close().await?)
    })
}
