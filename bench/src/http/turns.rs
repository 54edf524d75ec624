//! What a server does under a load, in each of its turns.

use std::time::Duration;

use anyhow::Result;

use super::load::{self, Plan};
use crate::child::Child;
use crate::report::percentile;

/// How long a turn takes.
pub(crate) const ROUND: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_millis(200);

/// A figure for each turn.
#[derive(Default)]
pub(crate) struct Turns {
    /// The processor time of the server for an answer, in microseconds.
    pub(crate) cpu: Vec<f64>,
    /// Answers a second.
    pub(crate) rate: Vec<f64>,
    /// The median of the time that an answer took, in microseconds.
    pub(crate) p50: Vec<f64>,
    /// What 99 of 100 answers did not take longer than, in microseconds.
    pub(crate) p99: Vec<f64>,
}

impl Turns {
    /// Takes one more.
    pub(crate) fn take(&mut self, server: &Child, plan: Plan<'_>) -> Result<()> {
        load::run(plan, WARM_UP)?;
        let before = server.cpu()?;
        let load = load::run(plan, ROUND)?;
        let cpu = server.cpu()?.saturating_sub(before);
        let answers = load.latencies.len() as f64;
        self.cpu.push(cpu.as_nanos() as f64 / 1e3 / answers);
        self.rate.push(answers / load.took.as_secs_f64());
        self.p50.push(percentile(&load.latencies, 50) as f64 / 1e3);
        self.p99.push(percentile(&load.latencies, 99) as f64 / 1e3);
        Ok(())
    }
}
