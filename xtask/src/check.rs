//! `cargo xtask test`: all that a change must pass, the quick steps first.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::repository::Repository;
use crate::tally::Tally;
use crate::{generate, process, tools};

/// One thing that a change must pass.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    run: fn(&Repository, &mut Tally) -> Result<()>,
}

pub(crate) const STEPS: &[Step] = &[
    Step { name: "install", about: "the tools that the other steps need are there", run: install },
    Step { name: "fmt", about: "the code is formatted", run: fmt },
    Step { name: "typos", about: "no word is misspelt", run: typos },
    Step { name: "deny", about: "dependencies have wanted licences, versions and sources", run: deny },
    Step { name: "clippy", about: "no lint has a remark", run: clippy },
    Step { name: "doc", about: "the documentation builds and its links lead somewhere", run: doc },
    Step { name: "generated", about: "generated files are what the code makes now", run: generated },
    Step { name: "tests", about: "every test passes, on SQLite where it has a store", run: tests },
    Step {
        name: "tests-postgres",
        about: "every test of what uses a store passes on PostgreSQL, too",
        run: tests_postgres,
    },
    Step { name: "planted", about: "bugs that are planted are found", run: planted },
];

fn install(repository: &Repository, _: &mut Tally) -> Result<()> {
    tools::install_all(repository)
}

fn fmt(repository: &Repository, _: &mut Tally) -> Result<()> {
    process::run(&mut repository.cargo(&["fmt", "--all", "--check"]))
}

fn typos(repository: &Repository, _: &mut Tally) -> Result<()> {
    process::run(&mut repository.command(tools::typos(repository)?))
}

fn deny(repository: &Repository, _: &mut Tally) -> Result<()> {
    let mut deny = repository.command(tools::cargo_deny(repository)?);
    process::run(deny.args(["--locked", "check", "licenses", "bans", "sources"]))
}

fn clippy(repository: &Repository, _: &mut Tally) -> Result<()> {
    process::run(&mut repository.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny=warnings",
    ]))
}

/// Private items are documented too: that is what contributors read, and the only way to check the links in them.
fn doc(repository: &Repository, _: &mut Tally) -> Result<()> {
    let mut doc =
        repository.cargo(&["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
    process::run(doc.env("RUSTDOCFLAGS", "--deny=warnings"))
}

fn generated(repository: &Repository, _: &mut Tally) -> Result<()> {
    generate::check(repository)
}

fn tests(repository: &Repository, tally: &mut Tally) -> Result<()> {
    run_tests(repository, "sqlite", &[], tally)
}

/// The programs of tests that have a store and leave open on which database. Those that look at pages, and at other programs which
/// only see a server, are not among them: `KEYSTEAD_TEST_DATABASE` chooses theirs, too, but both runs of them would take CI too long.
const WITH_A_STORE: &[&str] = &[
    "cli",
    "crash",
    "crash_sessions",
    "embed",
    "graphql",
    "guarantees",
    "mail",
    "mcp",
    "rules",
    "secrets",
    "security",
    "server",
];

/// Without what is about SQLite, and what brought nodes their PostgreSQL the first time.
fn tests_postgres(repository: &Repository, tally: &mut Tally) -> Result<()> {
    // It has a program of the same name, and no store.
    let mut chosen = vec!["--exclude", "keystead-token"];
    chosen.extend(WITH_A_STORE.iter().flat_map(|program| ["--test", program]));
    chosen.extend(["--", "--skip", "sqlite::", "--skip", "nodes::"]);
    run_tests(repository, "postgres", &chosen, tally)
}

/// The end-to-end tests start the built `keystead`, so it is built first: `cargo test` alone may leave an old one there.
fn run_tests(repository: &Repository, database: &str, chosen: &[&str], tally: &mut Tally) -> Result<()> {
    repository.build()?;
    let before = tally.passed;
    let mut test = repository.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    test.args(chosen).env("KEYSTEAD_TEST_DATABASE", database);
    test.env(tools::AXE_VARIABLE, tools::axe(repository)?);
    test.env(tools::AIOSMTPD_VARIABLE, tools::aiosmtpd(repository)?);
    test.env(tools::JOSE_VARIABLE, tools::jose(repository)?);
    test.env(tools::PYJWT_VARIABLE, tools::pyjwt(repository)?);
    test.env(tools::MCP_NPM_VARIABLE, tools::mcp_npm(repository)?);
    test.env(tools::MCP_PYTHON_VARIABLE, tools::mcp_python(repository)?);
    test.env(tools::HELM_VARIABLE, tools::helm(repository)?);
    test.env(tools::KUBERNETES_VARIABLE, tools::kubernetes(repository)?);
    test.env(tools::COMPOSE_VARIABLE, tools::compose(repository)?);
    test.env(tools::HADOLINT_VARIABLE, tools::hadolint(repository)?);
    test.env(tools::CLIENT_NPM_VARIABLE, tools::client_npm(repository)?);
    test.env(tools::CLIENT_PYTHON_VARIABLE, tools::client_python(repository)?);
    test.env(tools::CADDY_VARIABLE, tools::caddy(repository)?);
    test.env(tools::TRAEFIK_VARIABLE, tools::traefik(repository)?);
    test.env(tools::ENVOY_VARIABLE, tools::envoy(repository)?);
    test.env(tools::CHROMEDRIVER_VARIABLE, tools::chromedriver()?);
    process::stream(&mut test, |line| tally.add(line))?;
    ensure!(tally.passed > before, "no test ran");
    Ok(())
}

/// Nodes that lack a guard of promise 3 are caught by the torture: one bug at a time in a build of its own, and two of these at once, since
/// they mostly wait.
pub(crate) fn planted(repository: &Repository, tally: &mut Tally) -> Result<()> {
    repository.build_planted()?;
    let mut test = repository.cargo(&["test", "--workspace", "--locked", "--test", "planted"]);
    test.args(["--features", "keystead-torture/planted-bugs", "--", "--nocapture", "--test-threads=2"]);
    process::stream(&mut test, |line| tally.add(line))
}

/// `cargo xtask test [--only STEP,…]`: stops at the first step that fails, and closes with the tests' [`Tally`].
pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Result<ExitCode> {
    let steps = chosen(arguments)?;
    let mut tally = Tally::default();
    let start = Instant::now();
    for (index, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}: {}", index + 1, steps.len(), step.name, step.about);
        let start = Instant::now();
        let outcome = (step.run)(repository, &mut tally);
        let seconds = start.elapsed().as_secs_f32();
        if let Err(error) = outcome {
            println!("{} failed after {seconds:.1} s: {error:#}", step.name);
            println!("Run it again with: cargo xtask test --only {}\n", step.name);
            // A failure that no test reported, such as code that does not compile, is one all the same.
            tally.failed = tally.failed.max(1);
            println!("{tally}");
            return Ok(ExitCode::FAILURE);
        }
        println!("{} passed in {seconds:.1} s", step.name);
    }
    println!("\nAll of it took {:.1} s.", start.elapsed().as_secs_f32());
    if tally != Tally::default() {
        println!("{tally}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The steps that the arguments ask for, in the order of [`STEPS`] whatever theirs.
fn chosen(arguments: &[String]) -> Result<Vec<&'static Step>> {
    let names = match arguments {
        [] => return Ok(STEPS.iter().collect()),
        [only, names] if only == "--only" => names.split(',').collect::<Vec<_>>(),
        _ => bail!("`cargo xtask test` takes no argument but --only STEP,…"),
    };
    for name in &names {
        ensure!(
            STEPS.iter().any(|step| step.name == *name),
            "no step is named `{name}`: `cargo xtask` lists them"
        );
    }
    Ok(STEPS.iter().filter(|step| names.contains(&step.name)).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn names_chosen_by(arguments: &[&str]) -> Result<Vec<&'static str>> {
        let arguments = arguments.iter().map(ToString::to_string).collect::<Vec<_>>();
        Ok(chosen(&arguments)?.into_iter().map(|step| step.name).collect())
    }

    /// Those that have no store, bring their own database, follow a page that says which, or only see a server.
    const OTHERS: &[&str] = &[
        "browser",
        "browser_embed_session",
        "clients",
        "deploy",
        "directory",
        "example_embed",
        "example_embed_docs",
        "history",
        "hosts",
        "mcp_clients",
        "nodes",
        "planted",
        "postgres",
        "protocol",
        "proxies",
        "readme",
        "standby",
        "torture",
    ];

    #[test]
    fn no_program_of_tests_is_forgotten_on_the_second_database() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folders =
            |folder: &str| fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let packages = folders("crates").chain(folders("tests")).chain([root.join("tests")]);
        let mut found = 0;
        for entry in packages.filter_map(|package| fs::read_dir(package.join("tests")).ok()).flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").exists() {
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(WITH_A_STORE.contains(&name) != OTHERS.contains(&name), "{}", path.display());
                found += 1;
            }
        }
        assert!(found > WITH_A_STORE.len(), "{found}");
    }

    #[test]
    fn without_arguments_no_step_is_left_out() {
        assert_eq!(names_chosen_by(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn chosen_steps_keep_their_order() {
        assert_eq!(names_chosen_by(&["--only", "clippy,fmt"]).unwrap(), ["fmt", "clippy"]);
    }

    #[test]
    fn a_misspelt_step_is_refused_instead_of_skipped() {
        assert!(names_chosen_by(&["--only", "fmt,clipy"]).is_err());
    }
}
