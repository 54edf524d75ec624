//! A small file beside the store that only its owner can read: a secret that is not in the database, so that a copy of the
//! database is not one of the secret.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::OpenError;

/// The longest one, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Where the file is. It need not be there.
#[derive(Debug, Clone)]
pub struct PrivateFile {
    directory: PathBuf,
    name: &'static str,
}

impl PrivateFile {
    /// A file of the store's folder.
    #[must_use]
    pub fn new(directory: &Path, name: &'static str) -> Self {
        Self { directory: directory.to_owned(), name }
    }

    /// What it holds; `None` if it is not there.
    ///
    /// # Errors
    /// Others than its owner can read it, or it cannot be read.
    pub fn read(&self) -> Result<Option<String>, OpenError> {
        match File::open(self.directory.join(self.name)) {
            Ok(file) => read(file).map(Some).map_err(|cause| self.refused(cause)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Puts a text in place of what it holds: whole or not at all, and on disk.
    ///
    /// # Errors
    /// It cannot be written; what it held stays.
    pub fn write(&self, text: &str) -> Result<(), OpenError> {
        write(&self.directory, self.name, text).map_err(|cause| self.refused(cause))
    }

    /// It holds something else than it should, or should hold something and cannot.
    #[must_use]
    pub fn refused(&self, cause: std::io::Error) -> OpenError {
        OpenError::SigningKey { file: self.directory.join(self.name), cause }
    }
}

fn read(file: File) -> std::io::Result<String> {
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o077 != 0 {
        return Err(std::io::Error::new(
            ErrorKind::PermissionDenied,
            "others than its owner can read it: what it signs proves nothing. `chmod 600` it, or move it away to get another",
        ));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn write(directory: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let unfinished = directory.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(unfinished, directory.join(name))?;
    File::open(directory)?.sync_all()
}
