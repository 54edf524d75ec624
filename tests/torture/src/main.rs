//! `keystead-torture`: what `cargo xtask torture` runs.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use keystead_torture::{Plan, Report, run};

/// How long a world lasts before another one begins: its history is kept in memory.
const A_WORLD: Duration = Duration::from_mins(4);

/// World after world, each by the next seed, until the time is over or one is not clean.
fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    // Another order each time, unless one is asked for.
    let (mut minutes, mut first) = (10, u64::from(std::process::id()));
    let mut program = beside_this()?;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} takes a value"));
        match argument.as_str() {
            "--minutes" => minutes = value()?.parse().context("--minutes takes a number")?,
            "--seed" => first = value()?.parse().context("--seed takes a number")?,
            "--keystead" => program = PathBuf::from(value()?),
            other => bail!("{other} is not known: --minutes N, --seed S and --keystead PATH are"),
        }
    }
    let program = program.canonicalize().with_context(|| format!("there is no {}", program.display()))?;
    let ends = Instant::now() + Duration::from_mins(minutes);
    let mut reports: Vec<Report> = Vec::new();
    for seed in first.. {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() && !reports.is_empty() {
            break;
        }
        let report = run(&Plan { program: program.clone(), seed, lasts: left.min(A_WORLD) });
        println!("{report}");
        let is_clean = report.is_clean();
        reports.push(report);
        if !is_clean {
            println!("Not clean. Run it again with: cargo xtask torture --minutes 4 --seed {seed}");
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("{}", Report::sum(&reports));
    Ok(ExitCode::SUCCESS)
}

/// The `keystead` that was built along with this program.
fn beside_this() -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(this.with_file_name("keystead"))
}
