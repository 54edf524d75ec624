//! Where the store is, and opening it.

use std::path::{Path, PathBuf};

use keystead_app::{App, Clock, Deployment, Entropy, OpenError, Passwords};

use crate::args::{PrefixSettings, SecretUrl, StoreSettings};
use crate::failure::Failure;

impl StoreSettings {
    /// The folder of the store.
    ///
    /// # Errors
    /// The database URL names a database that this release cannot use. The error does not quote it: it may hold a password.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        let Some(url) = self.database_url.as_ref().map(SecretUrl::expose).filter(|url| !url.is_empty())
        else {
            return Ok(self.data_dir.clone());
        };
        match url.split_once(':') {
            Some(("sqlite", folder)) => {
                let folder = folder.strip_prefix("//").unwrap_or(folder);
                if folder.is_empty() || folder.contains('?') {
                    return Err(Failure::usage("the database URL names no folder")
                        .hint("write sqlite: and the path of a folder, such as sqlite:/var/lib/keystead."));
                }
                Ok(PathBuf::from(folder))
            }
            Some(("postgres" | "postgresql", _)) => {
                Err(Failure::usage("this release of Keystead stores in SQLite only, not in PostgreSQL").hint(
                    "leave --database-url (KEYSTEAD_DATABASE_URL) out and choose a folder with --data-dir.",
                ))
            }
            _ => Err(Failure::usage("the database URL is of no kind that Keystead knows").hint(
                "write sqlite: and the path of a folder, or leave it out and choose a folder with --data-dir.",
            )),
        }
    }
}

impl PrefixSettings {
    /// What the deployment decides.
    pub(crate) fn deployment(&self) -> Deployment {
        Deployment {
            key_prefix: self.key_prefix.clone(),
            impersonation_prefix: self.impersonation_key_prefix.clone(),
            ..Deployment::default()
        }
    }
}

/// Opens the store with the system's clock and randomness.
pub(crate) async fn open(folder: &Path, deployment: Deployment) -> Result<App, OpenError> {
    App::open(folder, deployment, Passwords::default(), Clock::system(), Entropy::system()).await
}
