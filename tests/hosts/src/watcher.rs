//! Clean-up that happens even if the tests are killed.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the names begin with of all that is to be cleaned up; the process's number follows.
const PREFIX: &str = "keystead-test-";

/// A process of its own that runs a clean-up when this process asks for it, or has ended in whatever way.
///
/// The clean-up is a script for `sh` that waits for the end of its standard input.
#[derive(Debug)]
pub(crate) struct Watcher(Child);

impl Watcher {
    /// Starts it.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        Self(command(script, arguments).stdin(Stdio::piped()).spawn().expect("sh starts"))
    }

    /// Cleans up now, and returns when that is done.
    pub(crate) fn finish(&mut self) {
        drop(self.0.stdin.take());
        // If it fails, the next run finds what is left.
        let _ = self.0.wait();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Cleans up after another process.
pub(crate) fn clean_up(script: &str, arguments: &[&str]) {
    command(script, arguments).stdin(Stdio::null()).status().expect("sh starts");
}

/// Its streams are nobody's, since whoever reads the tests' output waits for their end.
fn command(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args(arguments).current_dir("/");
    // What is sent to all processes of a terminal or of a job is not meant for it.
    command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A name that nothing else has.
pub(crate) fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a name, or one that begins with it, is of a process that has ended.
pub(crate) fn is_left_behind(name: &str) -> bool {
    let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    process.is_some_and(|process| !Path::new("/proc").join(process).exists())
}
