//! Files that are made from the code and committed, so that a change of them shows in review.

use std::fs;
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process;
use crate::repository::Repository;

/// A committed file and the program of the workspace whose output it is.
struct Generated {
    file: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

const GENERATED: &[Generated] = &[
    Generated { file: "schema.graphql", program: "examples/schema", arguments: &[] },
    Generated { file: "docs/configuration.md", program: "keystead", arguments: &["config", "reference"] },
];

/// `cargo xtask generate [--check]`.
pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Result<ExitCode> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => write(repository)?,
        ["--check"] => check(repository)?,
        _ => bail!("`cargo xtask generate` takes no argument but --check"),
    }
    Ok(ExitCode::SUCCESS)
}

fn write(repository: &Repository) -> Result<()> {
    for (file, text) in stale(repository)? {
        fs::write(repository.file(file), text).with_context(|| format!("cannot write {file}"))?;
        println!("{file} was stale and is written anew");
    }
    Ok(())
}

/// Fails if a generated file on disk is not what the code makes now.
pub(crate) fn check(repository: &Repository) -> Result<()> {
    let files = stale(repository)?.into_iter().map(|(file, _)| file).collect::<Vec<_>>();
    ensure!(
        files.is_empty(),
        "{} stale: run `cargo xtask generate` and commit what it writes",
        files.join(", ")
    );
    Ok(())
}

/// The files that differ from what the code makes now, each with what should be in it.
fn stale(repository: &Repository) -> Result<Vec<(&'static str, Vec<u8>)>> {
    repository.build()?;
    let mut stale = Vec::new();
    for Generated { file, program, arguments } in GENERATED {
        let fresh = process::capture(repository.built(program).args(*arguments))?;
        ensure!(!fresh.is_empty(), "`{program}` printed nothing to put into {file}");
        let on_disk = match fs::read(repository.file(file)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {file}")),
        };
        if on_disk.as_ref() != Some(&fresh) {
            stale.push((*file, fresh));
        }
    }
    Ok(stale)
}
