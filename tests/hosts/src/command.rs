//! Programs that are run to their end, and signals, with a bound on every wait.

use std::ffi::OsStr;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// The longest that anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// How often something is looked at that is waited for.
const GLANCE: Duration = Duration::from_millis(5);

/// A command that is killed if it takes longer than [`PATIENCE`].
pub(crate) fn bounded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.arg("--signal=KILL").arg(format!("{}s", PATIENCE.as_secs())).arg(program);
    command
}

/// What a command printed to its standard output, without the last line's end.
///
/// # Panics
/// If it does not start or does not succeed, with what it said.
pub(crate) fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?} failed: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let mut printed = String::from_utf8(output.stdout).expect("text");
    printed.truncate(printed.trim_end_matches('\n').len());
    printed
}

/// How a command ended, and what it printed.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
}

/// What `look` finds, as soon as it finds it.
///
/// # Panics
/// If it finds nothing for [`PATIENCE`].
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        thread::sleep(GLANCE);
    }
}

/// Sends a signal to processes; to those that have ended meanwhile, it does nothing.
pub fn signal(signal: Signal, processes: &[u32]) {
    for process in processes {
        let process = i32::try_from(*process).ok().and_then(Pid::from_raw).expect("a process's number");
        // That it has ended is the one reason for it to fail.
        let _ = kill_process(process, signal);
    }
}

/// Whether a process runs: one that has ended, yet that nobody has waited for, does not.
pub(crate) fn runs(process: u32) -> bool {
    std::fs::read_link(format!("/proc/{process}/cwd")).is_ok()
}

/// The processes that a process has started and that run.
pub(crate) fn children(process: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let listed = listed.unwrap_or_default();
    listed.split_whitespace().map(|child| child.parse().expect("a process's number")).collect()
}
