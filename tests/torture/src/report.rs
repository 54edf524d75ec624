//! What a run saw.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use keystead_test_hosts::{KeyId, Kind, Operation, Outcome, Summary};

use crate::{Episode, Finding};

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// What chose the faults.
    pub seed: u64,
    /// With the start.
    pub took: Duration,
    /// What failed.
    pub episodes: Vec<Episode>,
    /// Operations by kind.
    pub summary: Summary,
    /// The longest that a revocation took which returned.
    pub longest_revocation: Duration,
    /// Verifications that began after a revocation of their key had returned, and were answered.
    pub trials: u64,
    /// What should not have been.
    pub findings: Vec<Finding>,
    /// Answers that mean nothing to the checker, and should not have been given.
    pub odd: Vec<String>,
    /// The nodes' logs, if anything is wrong.
    pub logs: Option<PathBuf>,
}

impl Report {
    pub(crate) fn new(
        seed: u64,
        took: Duration,
        episodes: Vec<Episode>,
        history: &[Operation],
        findings: Vec<Finding>,
        odd: Vec<String>,
        logs: Option<PathBuf>,
    ) -> Self {
        let mut revoked: HashMap<KeyId, Duration> = HashMap::new();
        let mut longest_revocation = Duration::ZERO;
        for operation in history {
            if let (Kind::Revoke, Some((at, Outcome::Accepted))) = (operation.kind, operation.answer) {
                longest_revocation = longest_revocation.max(at.saturating_sub(operation.start));
                let first = revoked.entry(operation.key).or_insert(at);
                *first = at.min(*first);
            }
        }
        let is_trial = |operation: &&Operation| {
            operation.kind == Kind::Verify
                && operation.answer.is_some()
                && revoked.get(&operation.key).is_some_and(|at| operation.start > *at)
        };
        let trials = history.iter().filter(is_trial).map(|_| 1).sum();
        let summary = Summary::of(history);
        Self { seed, took, episodes, summary, longest_revocation, trials, findings, odd, logs }
    }

    /// What several runs saw together, in a line.
    pub fn sum(reports: &[Self]) -> String {
        let sum = |count: fn(&Summary) -> u64| reports.iter().map(|report| count(&report.summary)).sum();
        let summary = Summary {
            created: sum(|summary| summary.created),
            minted: sum(|summary| summary.minted),
            valid: sum(|summary| summary.valid),
            invalid: sum(|summary| summary.invalid),
            revoked: sum(|summary| summary.revoked),
            denied: sum(|summary| summary.denied),
            unknown: sum(|summary| summary.unknown),
        };
        let episodes: usize = reports.iter().map(|report| report.episodes.len()).sum();
        let violations: usize = reports.iter().map(|report| report.findings.len()).sum();
        let trials = reports.iter().map(|report| report.trials).sum();
        let longest = reports.iter().map(|report| report.longest_revocation).max().unwrap_or_default();
        let longest = longest.as_secs_f64();
        format!(
            "in all {episodes} episodes; {summary}; the longest revocation took {longest:.3} s; {violations} violations in {trials} \
             verifications that began after a revocation had returned; {}",
            bound(trials)
        )
    }

    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.odd.is_empty()
    }

    /// What failed when something was found.
    fn during(&self, finding: &Finding) -> &str {
        let began = |episode: &&Episode| episode.began <= finding.at();
        self.episodes.iter().rev().find(began).map_or("nothing had failed yet", |episode| &episode.what)
    }
}

/// At 95 %, fewer than 3 in so many, if none was seen in them.
pub(crate) fn bound(trials: u64) -> String {
    match u32::try_from(trials) {
        Ok(trials) if trials > 0 => {
            format!(
                "if each could go wrong by the same chance, that is less than {:.1e} (95 %)",
                3.0 / f64::from(trials)
            )
        }
        _ => "which says nothing of how likely they are".to_owned(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}, {} episodes in {:.0} s:",
            self.seed,
            self.episodes.len(),
            self.took.as_secs_f64()
        )?;
        for episode in &self.episodes {
            writeln!(f, "  {episode}")?;
        }
        writeln!(f, "{}", self.summary)?;
        writeln!(f, "the longest revocation took {:.3} s", self.longest_revocation.as_secs_f64())?;
        write!(f, "{} verifications began after a revocation had returned: ", self.trials)?;
        match self.findings.len() {
            0 => writeln!(f, "no violation; {}", bound(self.trials))?,
            count => writeln!(f, "{count} violations")?,
        }
        for finding in self.findings.iter().take(20) {
            writeln!(f, "  {finding}; last failed: {}", self.during(finding))?;
        }
        for odd in self.odd.iter().take(20) {
            writeln!(f, "  odd: {odd}")?;
        }
        if let Some(logs) = &self.logs {
            writeln!(f, "the nodes' logs are in {}", logs.display())?;
        }
        Ok(())
    }
}
