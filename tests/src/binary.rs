//! The real `keystead` binary as a child process, as people run it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use keystead_app::StoreSecret;
use keystead_test_hosts::database_of;

/// The binary that the workspace's build made.
///
/// # Panics
/// If there is none: `cargo xtask test` builds it, `cargo test` of this package alone does not.
pub fn keystead() -> PathBuf {
    let test = std::env::current_exe().expect("a test binary");
    let path = test.parent().and_then(Path::parent).expect("target/debug").join("keystead");
    assert!(path.exists(), "{} is not there: run `cargo build --workspace` first", path.display());
    path
}

/// The binary with a store in a folder, or on the database that takes its place.
pub fn keystead_at(folder: &Path) -> Command {
    let mut command = Command::new(keystead());
    match database_of(folder) {
        Some(url) => {
            command.env("KEYSTEAD_DATABASE_URL", url).env("KEYSTEAD_SECRET", StoreSecret::FOR_TESTS);
        }
        None => {
            command.env("KEYSTEAD_DATA_DIR", folder);
        }
    }
    command
}

/// A running `keystead serve`; dropped, it is killed.
pub struct Serving {
    /// The process.
    pub child: Child,
    lines: Receiver<String>,
}

impl Serving {
    /// Starts it with arguments.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(args: &[&str]) -> Self {
        Self::spawn(Command::new(keystead()).args(args).stdin(Stdio::null()))
    }

    /// Starts it by a command.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let output = child.stdout.take().expect("piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// The next line of its output for which `wanted` finds something.
    ///
    /// # Panics
    /// If none comes within 30 s.
    pub fn line<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30)).expect("the line in time");
            if let Some(found) = wanted(&line) {
                return found;
            }
        }
    }

    /// `http://127.0.0.1:PORT`, from its first line.
    ///
    /// # Panics
    /// If it does not say so within 30 s.
    pub fn url(&self) -> String {
        self.line(|line| line.strip_prefix("Keystead is listening on ").map(str::to_owned))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
