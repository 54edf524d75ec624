//! Where things are, and how the workspace is built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// The clone that this program was built from.
pub(crate) struct Repository {
    /// The folder of the workspace's `Cargo.toml`; every command runs there.
    root: PathBuf,
    /// Where cargo puts programs of the dev profile: `target/debug`, wherever `target` is configured to be.
    programs: PathBuf,
    /// What `target` is configured to be.
    target: PathBuf,
}

impl Repository {
    /// Finds the clone by where this program was built, and its target directory by where this program is.
    pub(crate) fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in a workspace")?;
        let program = env::current_exe().context("cannot tell where this program is")?;
        let programs = program.parent().context("this program lies in a folder")?;
        let target = programs.parent().context("this program lies in a target directory")?;
        Ok(Self { root: root.to_owned(), programs: programs.to_owned(), target: target.to_owned() })
    }

    /// The path of a file of the repository, given from its root.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The folder of the tool `name` at `version`: another version is another folder, so raising a pin installs anew. It is under
    /// `target`, so that `cargo clean` removes it and git ignores it.
    pub(crate) fn tool(&self, name: &str, version: &str) -> PathBuf {
        self.target.join("tools").join(format!("{name}-{version}"))
    }

    /// A command that runs in the root of the repository.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that started this program.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }

    /// Builds every program and example.
    ///
    /// Always the whole workspace, as `cargo test --workspace` does: building one package of it picks other features
    /// for shared dependencies and would compile most of them twice.
    pub(crate) fn build(&self) -> Result<()> {
        process::run(&mut self.cargo(&["build", "--workspace", "--locked", "--bins", "--examples"]))
    }

    /// A program that [`build`](Self::build) has built, such as `keystead` or `examples/schema`.
    pub(crate) fn built(&self, program: &str) -> Command {
        self.command(self.programs.join(program))
    }

    /// A program of the release profile that was built.
    pub(crate) fn released(&self, program: &str) -> Command {
        self.command(self.target.join("release").join(program))
    }

    /// Builds the `keystead` that bugs are planted in, in `target/planted`: not where the real one is. With an example, so that the
    /// features of dependencies are those that [`build`](Self::build) chooses, and only what the bugs are in is compiled again.
    pub(crate) fn build_planted(&self) -> Result<()> {
        let folder = self.target.join("planted");
        let mut build =
            self.cargo(&["build", "--workspace", "--locked", "--bin", "keystead", "--example", "schema"]);
        build.args(["--features", "keystead/planted-bugs", "--target-dir"]).arg(&folder);
        // What is in between, which is nearly all, is shared.
        process::run(build.env("CARGO_BUILD_BUILD_DIR", &self.target))
    }
}
