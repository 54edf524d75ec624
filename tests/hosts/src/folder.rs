//! A temporary folder that a test's process cannot leave behind, nor the PostgreSQL server in it.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::watcher::{Watcher, clean_up, is_left_behind, new_name};

/// Ends the server in a folder, then removes it.
const CLEAN_UP: &str = include_str!("folder.sh");

/// A folder that is removed when it is dropped or when this process ends.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    watcher: Watcher,
}

impl Folder {
    /// An empty one, after those that killed tests have left behind are removed.
    pub(crate) fn new() -> Self {
        remove_leftovers();
        let path = env::temp_dir().join(new_name());
        fs::DirBuilder::new().mode(0o700).create(&path).expect("a temporary folder");
        let path = path.canonicalize().expect("a path of the folder");
        let watcher = Watcher::start(CLEAN_UP, &[path.to_str().expect("a path in UTF-8")]);
        Self { path, watcher }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the server in it, and removes it.
    pub(crate) fn remove(&mut self) {
        self.watcher.finish();
    }
}

fn remove_leftovers() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    let this = fs::metadata("/proc/self").expect("this process").uid();
    for entry in entries.flatten() {
        let may_remove = || entry.metadata().is_ok_and(|folder| this == 0 || this == folder.uid());
        if entry.file_name().to_str().is_some_and(is_left_behind) && may_remove() {
            clean_up(CLEAN_UP, &[entry.path().to_str().expect("a path in UTF-8")]);
        }
    }
}
