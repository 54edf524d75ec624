//! A temporary folder that a test's process cannot leave behind, nor the PostgreSQL server in it.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// What every such folder's name begins with; the process's number follows.
const PREFIX: &str = "keystead-postgres-";

/// Ends what runs in a folder, then removes it.
const SWEEP: &str = include_str!("folder_sweep.sh");

/// A folder with a watcher: a process of its own that waits for this process to drop the folder, or to end in whatever way.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    watcher: Child,
}

impl Folder {
    /// An empty one, after those that killed tests have left behind are removed.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        remove_leftovers();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("{PREFIX}{}-{count}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).expect("a temporary folder");
        let path = path.canonicalize().expect("a path of the folder");
        let watcher = sweep(&path).stdin(Stdio::piped()).spawn().expect("sh starts");
        Self { path, watcher }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends what runs in it, and removes it.
    pub(crate) fn remove(&mut self) {
        drop(self.watcher.stdin.take());
        // If it fails, the next run finds the folder.
        let _ = self.watcher.wait();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Goes on when its standard input ends. Its other streams are nobody's, since whoever reads the tests' output waits for their end.
fn sweep(folder: &Path) -> Command {
    let mut sweep = Command::new("sh");
    sweep.args(["-c", SWEEP, "sh"]).arg(folder).current_dir("/");
    // What is sent to all processes of a terminal or of a job is not meant for it.
    sweep.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    sweep
}

fn remove_leftovers() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let own = || fs::metadata("/proc/self").map(|this| this.uid()).ok();
        let ours =
            || entry.metadata().is_ok_and(|folder| own().is_some_and(|own| own == 0 || own == folder.uid()));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) && ours() {
            let mut sweep = sweep(&entry.path());
            sweep.stdin(Stdio::null()).status().expect("sh starts");
        }
    }
}
