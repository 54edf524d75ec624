//! The operator's commands, each of which is a node for as long as it runs.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Bug;

/// The longest that a command may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program, and what all its processes share.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) folder: PathBuf,
    pub(crate) bug: Option<Bug>,
}

impl Program {
    /// Tells a command what it needs to be one of the nodes.
    pub(crate) fn equip(&self, command: &mut Command) {
        // Nothing of who runs this is meant for it.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KEYSTEAD_") {
                command.env_remove(name);
            }
        }
        command.env("KEYSTEAD_DATABASE_URL", &self.url).env("KEYSTEAD_SECRET", &self.secret);
        if let Some(bug) = self.bug {
            command.env("KEYSTEAD_PLANTED_BUG", bug.name());
        }
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    }

    /// What a command printed. `None` if it failed or took too long: it may be done or not.
    pub(crate) async fn run(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new(&self.path);
        self.equip(command.args(words));
        let mut command = tokio::process::Command::from(command);
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.expect("it starts");
        let printed = String::from_utf8(output.stdout).expect("text");
        output.status.success().then(|| printed.trim_end().to_owned())
    }
}
