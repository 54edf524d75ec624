//! Folders to work in: a build leaves nothing behind in the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of the repository, given from its root.
pub(crate) fn of_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join(path)
}

/// Copies a folder, but for what has one of these names.
pub(crate) fn copy(from: &Path, to: &Path, without: &[&str]) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name();
        if without.iter().any(|other| name == *other) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        if from.is_dir() {
            copy(&from, &to, without);
        } else if from.is_file() {
            std::fs::copy(&from, &to).expect("copied");
        }
    }
}

/// Runs a program that must succeed, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{} fails:\n{printed}{}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}
