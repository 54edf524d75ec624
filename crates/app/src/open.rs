//! Putting the parts together at start.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use ipnet::IpNet;
use jiff::Timestamp;
use keystead_directory::{Directory, Lease};
use keystead_domain::audit::SigningKey;
use keystead_domain::{Error, IdGenerator, KeyId, LeaseTerms, NodeId, Rate, Role, Throttle, minting_rate};
use keystead_store::{
    AgreedLease, DatabaseUrl, Location, NodeRecord, OpenError, Store, StoreError, Subscriber, agree_on_lease,
};
use keystead_token::Prefix;
use uuid::Uuid;

use crate::client_metadata::ClientMetadataFetcher;
use crate::cluster::{Cluster, Joining, NodeSettings};
use crate::oauth::RegistrationRates;
use crate::passwords::Passwords;
use crate::signing_ring::{KeptRing, sealed_keys};
use crate::watch::ChangeSignal;
use crate::{Clock, Entropy, Mailer, SessionSettings, StoreSecret};

/// What the deployment decides.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Whether there are impersonation keys at all (promise 7). Off unless asked for.
    pub impersonation: bool,
    /// What the sessions are like that impersonation keys mint.
    pub sessions: SessionSettings,
    /// The prefix of new keys.
    pub key_prefix: Prefix,
    /// The prefix of new impersonation keys.
    pub impersonation_prefix: Prefix,
    /// The roles that its configuration has, for every organization.
    pub roles: Vec<Role>,
    /// By which mails are sent, if there is a mail server.
    pub mailer: Option<Mailer>,
    /// The networks besides the public ones in which apps may describe themselves.
    pub client_metadata_networks: Vec<IpNet>,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            impersonation: false,
            sessions: SessionSettings::default(),
            key_prefix: Prefix::key_default(),
            impersonation_prefix: Prefix::impersonation_default(),
            roles: Vec::new(),
            mailer: None,
            client_metadata_networks: Vec::new(),
        }
    }
}

/// Where the store is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The folder of a store that is not shared, with the keys that sign beside it. Of one that is shared nothing is written there.
    pub folder: PathBuf,
    /// The store that many nodes share, if it is one.
    pub shared: Option<SharedStore>,
}

/// A store that many nodes share.
#[derive(Debug, Clone)]
pub struct SharedStore {
    /// The database.
    pub url: DatabaseUrl,
    /// Which of the nodes this is.
    pub node: NodeSettings,
    /// What the keys that sign are sealed with: the same on all nodes.
    pub secret: StoreSecret,
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Place {
    fn from(folder: &P) -> Self {
        Self { folder: folder.as_ref().to_owned(), shared: None }
    }
}

impl Place {
    /// Of a test: on a database, if it has one, where it is the only node; else in a folder.
    #[must_use]
    pub fn for_tests(folder: &Path, database: Option<String>) -> Self {
        let shared = database.map(|url| SharedStore {
            url: DatabaseUrl::new(url),
            // As long as can be: on a busy machine a node is late, and nobody waits for one that is alone.
            node: NodeSettings {
                name: "test".to_owned(),
                version: "0".to_owned(),
                lease: LeaseTerms::new(LeaseTerms::LONGEST),
            },
            secret: StoreSecret::for_tests(),
        });
        Self { folder: folder.to_owned(), shared }
    }
}

/// A running Keystead, without its doors.
pub struct App {
    pub(crate) store: Arc<Store>,
    /// Its place among the nodes of a store that many share.
    pub(crate) cluster: Mutex<Option<Cluster>>,
    /// Which of them it is, and how long their leases are.
    pub(crate) node: Option<(NodeId, LeaseTerms)>,
    pub(crate) started_at: Timestamp,
    pub(crate) directory: Arc<Directory>,
    pub(crate) changes: Arc<ChangeSignal>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) ids: IdGenerator,
    pub(crate) deployment: Deployment,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Mutex<Throttle>,
    /// When last use was last written, in milliseconds; what the metric shows.
    pub(crate) swept_at: AtomicI64,
    /// Signs the ends of audit logs.
    pub(crate) signing_key: SigningKey,
    /// Signs session tokens.
    pub(crate) signing_ring: Arc<KeptRing>,
    pub(crate) minting_rate: Mutex<Rate<KeyId>>,
    pub(crate) registration_rates: Mutex<RegistrationRates>,
    pub(crate) client_metadata: ClientMetadataFetcher,
}

/// Subjects whose failed sign-ins are remembered: some megabytes at most.
const THROTTLE_CAPACITY: usize = 20_000;

impl App {
    /// Opens the store and loads the directory from it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(
        place: impl Into<Place>,
        deployment: Deployment,
        passwords: Passwords,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, OpenError> {
        let Place { folder, shared } = place.into();
        let ids = IdGenerator::default();
        let changes = Arc::new(ChangeSignal::default());
        let started_at = clock.now();
        let (store, directory, cluster, this, (signing_ring, signing_key)) = match shared {
            None => {
                let directory = Arc::new(Directory::new(deployment.roles.clone()));
                let subscriber = apply_to(Arc::clone(&directory), Arc::clone(&changes));
                let store = Arc::new(Store::open(&folder, subscriber).await?);
                let sequence = load(&store, &directory).await?;
                directory.loaded(sequence);
                let signing_key = crate::audit::signing_key(&folder, &entropy)?;
                let signing_ring = Arc::new(KeptRing::on_file(&folder, &entropy, started_at)?);
                (store, directory, None, None, (signing_ring, signing_key))
            }
            Some(SharedStore { url, node, secret }) => {
                let now = clock.clone();
                let lease = Lease::by(move || now.since_boot());
                let directory = Arc::new(Directory::leased(deployment.roles.clone(), lease));
                let id = entropy.bytes().map(|random| ids.next(clock.now(), random));
                let id = id.map_err(|_| OpenError::NoRandomness)?;
                let NodeSettings { name, version, lease } = node;
                let AgreedLease { terms, wait } = agree_on_lease(&url, lease).await?;
                if let Some(wait) = wait {
                    tracing::warn!(
                        ?wait,
                        "leases have another length now; waiting until all of before have ended"
                    );
                    tokio::time::sleep(wait).await;
                }
                let this = (id, terms);
                let (joining, subscriber) = Joining::new(
                    &url,
                    NodeRecord { id, name, version, started_at },
                    terms,
                    Arc::clone(&directory),
                    Arc::clone(&changes),
                    clock.clone(),
                )?;
                let store = Arc::new(Store::open(Location::Postgres(url), subscriber).await?);
                let keys = sealed_keys(&store, secret, &entropy, clock.now()).await?;
                let cluster = joining.join(Arc::clone(&store), Arc::clone(&keys.0)).await?;
                cluster.first_lease().await;
                (store, directory, Some(cluster), Some(this), keys)
            }
        };
        let client_metadata = ClientMetadataFetcher::new(deployment.client_metadata_networks.clone());
        let swept_at = AtomicI64::new(clock.now().as_millisecond());
        Ok(Self {
            store,
            cluster: Mutex::new(cluster),
            node: this,
            started_at,
            directory,
            changes,
            clock,
            entropy,
            ids,
            deployment,
            passwords,
            throttle: Mutex::new(Throttle::new(THROTTLE_CAPACITY)),
            swept_at,
            signing_key,
            signing_ring,
            minting_rate: Mutex::new(minting_rate()),
            registration_rates: Mutex::default(),
            client_metadata,
        })
    }

    /// What the deployment decided.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The time, as every rule of this process sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What verification reads: for metrics.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Changes that are committed and that verification does not know of yet: on one node only those of a commit that has not
    /// been answered.
    #[must_use]
    pub fn feed_lag(&self) -> u64 {
        self.store.committed().saturating_sub(self.directory.sequence())
    }

    /// Whether it should be asked: it may answer, and nothing says that it soon may not any more. A lease shows that the store answers;
    /// without leases it is asked.
    pub async fn is_ready(&self) -> bool {
        let lasts = match (&self.node, self.directory.lease().left()) {
            (Some((_, terms)), Some(left)) => !terms.is_nearly_over(left),
            _ => self.store.is_reachable().await,
        };
        lasts && self.directory.may_answer()
    }

    /// Whoever asked is not known here; or nobody is, since this node may not answer and loads anew.
    pub(crate) fn not_known(&self) -> Error {
        if self.directory.may_answer() { Error::Unauthenticated } else { Error::Unavailable }
    }

    pub(crate) fn next_id<Id: From<Uuid>>(&self, now: Timestamp) -> Result<Id, Error> {
        Ok(self.ids.next(now, self.entropy.bytes()?))
    }
}

/// What tells the directory each change of a store that nobody else writes to.
fn apply_to(directory: Arc<Directory>, changes: Arc<ChangeSignal>) -> Subscriber {
    Subscriber::Told(Box::new(move |sequence, change| {
        // A number that was left out is a change that this node does not know: it may be a revocation.
        if sequence != directory.sequence() + 1 {
            tracing::error!(
                sequence,
                known = directory.sequence(),
                "the feed has a gap; refusing until a restart"
            );
            directory.suspend();
        }
        let creator = directory.creator_of(&change);
        directory.apply(sequence, change);
        changes.applied(creator);
    }))
}

/// Loads everything, and says up to which number that includes the feed.
pub(crate) async fn load(store: &Store, directory: &Directory) -> Result<u64, OpenError> {
    let sequence = store
        .load(
            |keys| {
                directory.reserve(usize::try_from(keys).unwrap_or(0));
                if keys >= 10_000 {
                    tracing::info!(keys, "loading keys from the store");
                }
            },
            |change| directory.apply(0, change),
        )
        .await?;
    tracing::info!(keys = directory.keys(), users = directory.users(), "loaded");
    Ok(sequence)
}

/// What a caller is told of a fault in the store: nothing. The log has it.
#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
pub(crate) fn fault(error: StoreError) -> Error {
    let told = match error {
        // No fault.
        StoreError::IssuingStopped => return Error::IssuingStopped,
        StoreError::Corrupt { .. } => Error::Internal,
        StoreError::Database(_)
        | StoreError::Commit(_)
        | StoreError::Halted(_)
        | StoreError::Clock(_)
        | StoreError::Unfinished
        | StoreError::Outdated { .. } => Error::Unavailable,
    };
    tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
    told
}
