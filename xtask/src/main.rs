//! Every chore of the repository: `cargo xtask` lists them.
//!
//! What a chore needs beyond the Rust toolchain is installed by [`tools`], so that a fresh machine and a developer's
//! own run the same commands.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal and for CI's log"
)]

mod check;
mod generate;
mod process;
mod repository;
mod tally;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail, ensure};

use crate::repository::Repository;
use crate::tally::Tally;

/// One word after `cargo xtask`.
struct Chore {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&Repository, &[String]) -> Result<ExitCode>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "test",
        arguments: "[--only STEP,…]",
        about: "check all that a change must pass, installing what that needs; what CI runs",
        run: check::run,
    },
    Chore {
        name: "generate",
        arguments: "[--check]",
        about: "write the files that are made from the code; with --check only say whether they are fresh",
        run: generate::run,
    },
    Chore {
        name: "screenshots",
        arguments: "",
        about: "take the pictures of the console in docs/images anew, with Chromium",
        run: screenshots,
    },
    Chore {
        name: "bench",
        arguments: "[ARGUMENT…]",
        about: "measure a release build; the arguments go to the benchmark",
        run: bench,
    },
    Chore {
        name: "torture",
        arguments: "[ARGUMENT…]",
        about: "let everything fail that nodes stand on, with clients that see whether a promise breaks: --minutes N, --seed S; \
                --planted looks whether they see bugs that are planted",
        run: torture,
    },
];

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((name, arguments)) = arguments.split_first().filter(|(name, _)| *name != "--help") else {
        print_help();
        return Ok(ExitCode::SUCCESS);
    };
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        bail!("no chore is named `{name}`: `cargo xtask` lists them");
    };
    (chore.run)(&Repository::locate()?, arguments)
}

fn print_help() {
    println!("The chores of this repository\n\nUsage: cargo xtask CHORE\n");
    for Chore { name, arguments, about, .. } in CHORES {
        println!("  {:28}{about}", format!("{name} {arguments}"));
    }
    println!("\nThe steps of `test`, in order:\n");
    for step in check::STEPS {
        println!("  {:28}{}", step.name, step.about);
    }
}

fn screenshots(repository: &Repository, arguments: &[String]) -> Result<ExitCode> {
    ensure!(arguments.is_empty(), "`cargo xtask screenshots` takes no arguments");
    let driver = tools::chromedriver()?;
    repository.build()?;
    let mut screenshots = repository.built("screenshots");
    process::run(screenshots.arg("docs/images").env(tools::CHROMEDRIVER_VARIABLE, driver))?;
    Ok(ExitCode::SUCCESS)
}

fn bench(repository: &Repository, arguments: &[String]) -> Result<ExitCode> {
    let mut bench = repository.cargo(&["run", "--release", "--locked", "--package", "keystead-bench", "--"]);
    process::run(bench.args(arguments))?;
    Ok(ExitCode::SUCCESS)
}

/// A release build, unless bugs are planted: those are refused there.
fn torture(repository: &Repository, arguments: &[String]) -> Result<ExitCode> {
    tools::system()?;
    if arguments == ["--planted"] {
        check::planted(repository, &mut Tally::default())?;
        return Ok(ExitCode::SUCCESS);
    }
    let packages = ["--package", "keystead", "--package", "keystead-torture"];
    process::run(repository.cargo(&["build", "--release", "--locked"]).args(packages))?;
    process::run(repository.released("keystead-torture").args(arguments))?;
    Ok(ExitCode::SUCCESS)
}
