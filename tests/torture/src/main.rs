//! `keystead-torture`: what `cargo xtask torture` runs.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use keystead_torture::{Bug, Plan, Report, run, run_planted};

/// How long a world lasts before another one begins: its histories are kept in memory.
const A_WORLD: Duration = Duration::from_mins(4);
/// In that time a planted bug must be found.
const FOUND_WITHIN: Duration = Duration::from_mins(4);

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let (mut minutes, mut seed, mut is_planted) = (10, None, false);
    let mut program = beside_this()?;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} takes a value"));
        match argument.as_str() {
            "--minutes" => minutes = value()?.parse().context("--minutes takes a number")?,
            "--seed" => seed = Some(value()?.parse().context("--seed takes a number")?),
            "--keystead" => program = PathBuf::from(value()?),
            "--planted" => is_planted = true,
            other => bail!("{other} is not known: --minutes N, --seed S, --keystead PATH and --planted are"),
        }
    }
    let program = program.canonicalize().with_context(|| format!("there is no {}", program.display()))?;
    let seed = match seed {
        Some(seed) => seed,
        None => u64::from(std::process::id()),
    };
    if is_planted {
        return Ok(planted(&program, seed));
    }
    Ok(long(&program, seed, Duration::from_mins(minutes)))
}

/// World after world, each by the next seed, until the time is over or one is not clean.
fn long(program: &Path, seed: u64, lasts: Duration) -> ExitCode {
    let ends = Instant::now() + lasts;
    let mut reports: Vec<Report> = Vec::new();
    for seed in seed.. {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() && !reports.is_empty() {
            break;
        }
        let report = run(&Plan { program: program.to_owned(), seed, lasts: left.min(A_WORLD) });
        println!("{report}");
        let is_clean = report.is_clean();
        reports.push(report);
        if !is_clean {
            println!("Not clean. Run it again with: cargo xtask torture --minutes 4 --seed {seed}");
            return ExitCode::FAILURE;
        }
    }
    println!("{}", Report::sum(&reports));
    ExitCode::SUCCESS
}

/// All bugs, each in a world of its own, two at once: most of the time is spent waiting.
fn planted(program: &Path, seed: u64) -> ExitCode {
    let plan = Plan { program: program.to_owned(), seed, lasts: FOUND_WITHIN };
    let mut reports = Vec::new();
    for bugs in Bug::ALL.chunks(2) {
        thread::scope(|scope| {
            let start = |bug: &Bug| {
                let (bug, plan) = (*bug, &plan);
                scope.spawn(move || run_planted(plan, bug))
            };
            let runs: Vec<_> = bugs.iter().map(start).collect();
            reports
                .extend(runs.into_iter().map(|run| run.join().unwrap_or_else(|panic| resume_unwind(panic))));
        });
    }
    let mut are_all_found = true;
    for (bug, report) in Bug::ALL.into_iter().zip(&reports) {
        let finding = report.findings.iter().find(|finding| finding.is_revoked_and_accepted());
        let is_found = finding.is_some();
        let how = if is_found { "found" } else { "NOT FOUND" };
        println!("{bug}: {how} after {} episodes, {:.0} s", report.episodes.len(), report.took.as_secs_f64());
        if let Some(finding) = finding {
            println!("  {finding}");
        } else {
            println!("{report}");
        }
        are_all_found &= is_found;
    }
    if are_all_found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The `keystead` that was built along with this program.
fn beside_this() -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(this.with_file_name("keystead"))
}
