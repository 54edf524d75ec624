//! Putting the store of a backup in its place: made ready in a folder of its own, and moved in whole.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{BackupError, BackupHead, unpack};
use crate::signing_key::{PUBLIC_KEY, SIGNING_KEY};
use crate::{OpenError, PrivateFile};

/// Where it is made ready, inside of the folder that it will be in: a rename works within one file system only, and that folder may
/// be one by itself.
const READY: &str = "keystead-restoring";
const DATABASE: &str = "keystead.db";

/// A restore under way. The folder is this process's alone. Dropped before [`Self::finish`], it leaves nothing behind.
pub struct Restoring {
    folder: PathBuf,
    /// The folder was made for this.
    made: bool,
    _lock: File,
}

impl Restoring {
    /// Begins to restore into a folder, which is made if need be, for its owner alone.
    ///
    /// # Errors
    /// It has a store, a process owns it, or it cannot be written.
    pub fn begin(folder: &Path) -> Result<Self, BackupError> {
        let made = !folder.exists();
        let io = |cause| BackupError::io(folder, cause);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        let folder = folder.canonicalize().map_err(io)?;
        // Journals without their database would be taken for the new one's.
        for name in [DATABASE, "keystead.db-wal", "keystead.db-shm", "keystead.db-journal"] {
            if fs::symlink_metadata(folder.join(name)).is_ok() {
                return Err(BackupError::HasStore(folder));
            }
        }
        let mut options = OpenOptions::new();
        let lock = folder.join("keystead.lock");
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&lock);
        let lock = lock.map_err(|cause| BackupError::io(&folder, cause))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(BackupError::Open(Box::new(OpenError::InUse(folder))));
            }
            Err(TryLockError::Error(cause)) => return Err(BackupError::io(&folder, cause)),
        }
        let restoring = Self { folder, made, _lock: lock };
        let ready = restoring.ready();
        // One that was killed left its own.
        match fs::remove_dir_all(&ready) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(BackupError::io(&ready, cause)),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&ready).map_err(|cause| BackupError::io(&ready, cause))?;
        Ok(restoring)
    }

    /// The folder in which the store is made ready.
    #[must_use]
    pub fn ready(&self) -> PathBuf {
        self.folder.join(READY)
    }

    /// The database that is made ready.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.ready().join(DATABASE)
    }

    /// Unpacks a backup, and checks its seal.
    ///
    /// # Errors
    /// It is no backup, it is damaged, or there is another key in the folder.
    pub fn unpack(&self, backup: &Path) -> Result<BackupHead, BackupError> {
        let path = self.database();
        let io = |cause| BackupError::io(&path, cause);
        let mut options = OpenOptions::new();
        let mut database = options.create_new(true).write(true).mode(0o600).open(&path).map_err(io)?;
        let head = unpack(backup, &mut database)?;
        database.sync_all().map_err(io)?;
        let open = |error| BackupError::Open(Box::new(error));
        let there = PrivateFile::new(&self.folder, SIGNING_KEY).read().map_err(open)?;
        if there.is_some_and(|there| there.trim_end() != head.audit_signing_key) {
            return Err(BackupError::OtherKey(self.folder.join(SIGNING_KEY)));
        }
        PrivateFile::new(&self.ready(), SIGNING_KEY).write(&head.audit_signing_key).map_err(open)?;
        Ok(head)
    }

    /// Moves the store in, which was closed. The database comes last: without it there is no store.
    ///
    /// # Errors
    /// It cannot be moved.
    pub fn finish(self) -> Result<(), BackupError> {
        let io = |cause| BackupError::io(&self.folder, cause);
        if self.ready().join("keystead.db-wal").exists() {
            return Err(io(io::Error::other("the restored database was not closed")));
        }
        File::open(self.database()).and_then(|file| file.sync_all()).map_err(io)?;
        for name in [SIGNING_KEY, PUBLIC_KEY, "session-signing.keys"] {
            fs::rename(self.ready().join(name), self.folder.join(name)).map_err(io)?;
        }
        let sync = |folder: &Path| File::open(folder).and_then(|folder| folder.sync_all());
        sync(&self.folder).map_err(io)?;
        fs::rename(self.database(), self.folder.join(DATABASE)).map_err(io)?;
        // The folder itself, and those that list it, which may have been made just now.
        sync(&self.folder).map_err(io)?;
        for listed_in in self.folder.ancestors().skip(1) {
            _ = sync(listed_in);
        }
        Ok(())
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(self.ready());
        if !self.folder.join(DATABASE).exists() && self.made {
            _ = fs::remove_file(self.folder.join("keystead.lock"));
            // Only if nothing else came into it.
            _ = fs::remove_dir(&self.folder);
        }
    }
}
