//! Where the store is, and opening it.

use std::path::PathBuf;

use keystead_app::{
    App, Clock, DatabaseUrl, Deployment, Entropy, NodeSettings, OpenError, Passwords, Place, SharedStore,
    StoreSecret,
};
use keystead_domain::{LeaseTerms, backoff};

use crate::args::{PrefixSettings, SecretText, StoreSettings};
use crate::failure::Failure;

pub(crate) use keystead_app::StoreSite as Site;

impl StoreSettings {
    /// Where the store is.
    ///
    /// # Errors
    /// The database URL names no database that Keystead knows, or what a shared store needs besides is missing. The error does not
    /// quote the URL: it may hold a password.
    pub(crate) fn site(&self) -> Result<Site, Failure> {
        let Some(url) = self.database_url.as_ref().map(SecretText::expose).filter(|url| !url.is_empty())
        else {
            return Ok(Site::Folder(self.data_dir.clone()));
        };
        self.site_of(url)
    }

    /// Where the store of a URL is.
    ///
    /// # Errors
    /// Those of [`site`](Self::site).
    pub(crate) fn site_of(&self, url: &str) -> Result<Site, Failure> {
        match url.split_once(':') {
            Some(("sqlite", folder)) => {
                let folder = folder.strip_prefix("//").unwrap_or(folder);
                if folder.is_empty() || folder.contains('?') {
                    return Err(Failure::usage("the database URL names no folder")
                        .hint("write sqlite: and the path of a folder, such as sqlite:/var/lib/keystead."));
                }
                Ok(Site::Folder(PathBuf::from(folder)))
            }
            Some(("postgres" | "postgresql", _)) => {
                let secret = self.secret()?.ok_or_else(|| {
                    Failure::usage("a store on PostgreSQL needs a secret, the same on every node").hint(
                        "make one with `openssl rand -hex 32`, and give it to every node as KEYSTEAD_SECRET, or in a file named by \
                         KEYSTEAD_SECRET_FILE.",
                    )
                })?;
                Ok(Site::Shared(DatabaseUrl::new(url), secret))
            }
            _ => Err(Failure::usage("the database URL is of no kind that Keystead knows").hint(
                "write postgres://user:password@host/database, or sqlite: and the path of a folder, or choose a folder with --data-dir.",
            )),
        }
    }

    /// The folder of a store that is in one.
    ///
    /// # Errors
    /// Those of [`site`](Self::site), and that the store is on PostgreSQL.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        match self.site()? {
            Site::Folder(folder) => Ok(folder),
            Site::Shared(..) => {
                Err(Failure::usage("this is done with a store in a folder, not with one on PostgreSQL")
                    .hint("docs/many-nodes.md says what PostgreSQL has for it."))
            }
        }
    }

    /// The secret that nodes share, if there is one.
    ///
    /// # Errors
    /// It is too short to be one. The error does not quote it.
    pub(crate) fn secret(&self) -> Result<Option<StoreSecret>, Failure> {
        let secret = self.secret.as_ref().map(SecretText::expose).filter(|secret| !secret.is_empty());
        secret.map(StoreSecret::new).transpose().map_err(|error| {
            Failure::usage(error.to_string())
                .hint("set KEYSTEAD_SECRET, or KEYSTEAD_SECRET_FILE to a file that holds it, on every node.")
        })
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

/// Opens the store with the system's clock and randomness. Where nodes share it, this process is another of them: `node` tells what
/// it is called, and how long leases are.
pub(crate) async fn open(site: Site, node: NodeSettings, deployment: Deployment) -> Result<App, OpenError> {
    let place = match site {
        Site::Folder(folder) => Place { folder, shared: None },
        Site::Shared(url, secret) => {
            Place { folder: PathBuf::new(), shared: Some(SharedStore { url, node, secret }) }
        }
    };
    App::open(place, deployment, Passwords::default(), Clock::system(), Entropy::system()).await
}

/// As [`open`], and again as long as it may help: all nodes of a database that was away come back together, so each waits for a while
/// by chance.
pub(crate) async fn open_patiently(
    site: &Site,
    node: &NodeSettings,
    deployment: &Deployment,
) -> Result<App, OpenError> {
    let entropy = Entropy::system();
    let mut failed = 0;
    loop {
        let error = match open(site.clone(), node.clone(), deployment.clone()).await {
            Err(error) if error.may_pass() && matches!(site, Site::Shared(..)) => error,
            other => return other,
        };
        failed += 1;
        let random = entropy.bytes().map_err(|_| OpenError::NoRandomness)?;
        let pause = backoff(failed, u16::from_le_bytes(random));
        tracing::warn!(error = &error as &dyn std::error::Error, ?pause, "the database is not there yet");
        tokio::time::sleep(pause).await;
    }
}

/// What this process is as a node. `name` is what the settings call it, if anything.
pub(crate) fn node(name: Option<&str>, lease: Option<LeaseTerms>) -> NodeSettings {
    let machine = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    NodeSettings {
        name: name.map_or_else(machine, str::to_owned),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        lease,
    }
}

/// What a command is as a node: it goes as soon as it is done.
pub(crate) fn command_node() -> NodeSettings {
    let node = node(None, None);
    NodeSettings { name: format!("{} (command)", node.name), ..node }
}
