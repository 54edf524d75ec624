//! A start: opening a store and loading every key and user of it into memory.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Runtime;

use crate::child::{Child, memory};
use crate::fill;
use crate::report::Spread;

const KEYS: usize = 1_000_000;
const USERS: usize = 100_000;
const ROUNDS: usize = 5;

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let tokens = Runtime::new()?.block_on(fill::store(folder.path(), USERS, KEYS))?;
    let token = tokens.last().context("a token")?;
    let size = std::fs::metadata(folder.path().join("keystead.db"))?.len() as f64 / 1e6;
    println!(
        "{KEYS} keys of {USERS} users, a database of {size:.0} MB (made in {:.0} s), in the page cache; {ROUNDS} \
              processes; median (least to greatest)\n",
        start.elapsed().as_secs_f64()
    );
    let mut rows = Vec::new();
    for _ in 0..ROUNDS {
        let mut child = Child::start(["open", folder.path().to_str().context("a path")?, token.expose()])?;
        rows.push(child.figures()?);
    }
    let spread =
        |nth: usize, digits| Spread::new(rows.iter().filter_map(|row| row.get(nth)).copied(), digits);
    println!("| App::open s | peak memory (RSS) MB |\n|---|---|");
    println!("| {} | {} |", spread(0, 2), spread(1, 0));
    Ok(())
}

/// Opens the store, checks that the last key works, and prints the figures of a row.
pub(crate) fn open(folder: &Path, token: &str) -> Result<()> {
    Runtime::new()?.block_on(async {
        let start = Instant::now();
        let app = fill::open(folder).await?;
        let took = start.elapsed().as_secs_f64();
        ensure!(app.directory().keys() == KEYS && app.directory().users() == USERS, "not all was loaded");
        ensure!(app.verify(token, app.now()).is_ok(), "the last key does not work");
        println!("{took}\t{}", memory("VmHWM")? / 1e6);
        Ok(())
    })
}
