//! Where the keys that sign are kept: in files of a store that one process owns, or sealed in one that nodes share.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use jiff::Timestamp;
use keystead_domain::audit::{SigningKey, Trace};
use keystead_domain::{Change, Error, SealedKeys, SigningRing, hex};
use keystead_store::{OpenError, PrivateFile, SealedName, Store, StoreError, Transaction};
use zeroize::Zeroizing;

use crate::open::fault;
use crate::{App, Entropy, StoreSecret};

/// The keys that sign session tokens as this process knows them, and where they are kept.
pub(crate) struct KeptRing {
    ring: ArcSwap<SigningRing>,
    place: RingPlace,
}

enum RingPlace {
    /// A file. Whoever holds the lock is the one who changes it.
    File(Mutex<PrivateFile>),
    /// The store, sealed with the secret of its nodes. Whoever has the turn to write is the one who changes it, and each node learns of
    /// that by the feed.
    Sealed {
        secret: StoreSecret,
        /// Which version of the keys this node knows. Only what follows the feed changes both.
        version: AtomicI64,
    },
}

impl KeptRing {
    /// The ring that is on file, or a new one.
    pub(crate) fn on_file(data_dir: &Path, entropy: &Entropy, now: Timestamp) -> Result<Self, OpenError> {
        let file = PrivateFile::new(data_dir, SealedName::SessionSigning.as_str());
        let ring = if let Some(text) = file.read()?.map(Zeroizing::new) {
            let what = "it does not hold signing keys. Move it away to get others; sessions that were minted end then";
            SigningRing::from_secret_text(&text)
                .ok_or_else(|| file.refused(std::io::Error::new(ErrorKind::InvalidData, what)))?
        } else {
            let none = |_| file.refused(std::io::Error::other("the system has no randomness"));
            let ring =
                SigningRing::new([entropy.bytes().map_err(none)?, entropy.bytes().map_err(none)?], now);
            file.write(&Zeroizing::new(ring.to_secret_text()))?;
            ring
        };
        Ok(Self { ring: ArcSwap::from_pointee(ring), place: RingPlace::File(Mutex::new(file)) })
    }

    /// The ring as of now.
    pub(crate) fn load(&self) -> Guard<Arc<SigningRing>> {
        self.ring.load()
    }

    /// Takes the keys of a change of the feed. Until it has, the node must not say that it knows the change.
    pub(crate) fn apply(&self, change: &Change) -> Result<(), StoreError> {
        if let (RingPlace::Sealed { version, .. }, Change::SigningKeys(keys)) = (&self.place, change)
            && keys.version > version.load(Ordering::Relaxed)
        {
            self.take(keys)?;
        }
        Ok(())
    }

    /// Takes the keys as the store has them, whichever these are: it may be another history.
    pub(crate) async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        self.take(&store.session_signing_keys().await?)
    }

    fn take(&self, keys: &SealedKeys) -> Result<(), StoreError> {
        let RingPlace::Sealed { secret, version } = &self.place else { return Ok(()) };
        self.ring.store(Arc::new(opened(secret, keys)?));
        version.store(keys.version, Ordering::Relaxed);
        Ok(())
    }
}

impl App {
    /// Puts another ring in place of the one that there is, if `next` makes one of it; one change at a time, over all nodes. When
    /// it returns, every node has the ring.
    pub(super) async fn change_signing_ring(
        &self,
        next: impl FnOnce(&SigningRing) -> Result<Option<SigningRing>, Error>,
    ) -> Result<Option<Arc<SigningRing>>, Error> {
        match &self.signing_ring.place {
            RingPlace::File(file) => self.change_ring_on_file(file, next),
            RingPlace::Sealed { secret, .. } => self.change_sealed_ring(secret, next).await,
        }
    }

    /// On file before anything is signed by it: a restart knows every key that signed.
    fn change_ring_on_file(
        &self,
        file: &Mutex<PrivateFile>,
        next: impl FnOnce(&SigningRing) -> Result<Option<SigningRing>, Error>,
    ) -> Result<Option<Arc<SigningRing>>, Error> {
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ring) = next(&self.signing_ring.load())? else { return Ok(None) };
        file.write(&Zeroizing::new(ring.to_secret_text())).map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the keys that sign session tokens could not be written; those before them stay"
            );
            Error::Unavailable
        })?;
        let ring = Arc::new(ring);
        self.signing_ring.ring.store(Arc::clone(&ring));
        Ok(Some(ring))
    }

    /// From the row as it is in the transaction: what another node made of it meanwhile stays.
    async fn change_sealed_ring(
        &self,
        secret: &StoreSecret,
        next: impl FnOnce(&SigningRing) -> Result<Option<SigningRing>, Error>,
    ) -> Result<Option<Arc<SigningRing>>, Error> {
        let name = SealedName::SessionSigning;
        let mut change = self.store.begin(Trace::operator(self.now())).await.map_err(fault)?;
        let known = change.sealed(name).await.map_err(fault)?.ok_or(Error::Internal)?;
        let Some(ring) = next(&opened(secret, &known).map_err(fault)?)? else { return Ok(None) };
        let text = Zeroizing::new(ring.to_secret_text());
        let keys = secret.seal(name, known.version + 1, &text, &self.entropy)?;
        change.replace_session_signing_keys(keys).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(Some(Arc::new(ring)))
    }
}

/// The keys of a store that nodes share: those that sign session tokens and the one that signs audit logs, which the first node
/// makes. Nobody else writes meanwhile, so nodes that start at once have the same.
pub(crate) async fn sealed_keys(
    store: &Store,
    secret: StoreSecret,
    entropy: &Entropy,
    now: Timestamp,
) -> Result<(Arc<KeptRing>, SigningKey), OpenError> {
    let mut change = store.begin(Trace::operator(now)).await?;
    let new_ring = || Ok(SigningRing::new([entropy.bytes()?, entropy.bytes()?], now).to_secret_text());
    let ring = open_or_seal(&mut change, SealedName::SessionSigning, &secret, entropy, new_ring).await?;
    let new_seed = || Ok(hex::encode(&entropy.bytes::<32>()?));
    let seed = open_or_seal(&mut change, SealedName::AuditSigning, &secret, entropy, new_seed).await?;
    change.commit().await?;
    let signing_key = audit_signing_key(&secret, &seed)?;
    let (version, ring) = (AtomicI64::new(ring.version), opened(&secret, &ring)?);
    let place = RingPlace::Sealed { secret, version };
    Ok((Arc::new(KeptRing { ring: ArcSwap::from_pointee(ring), place }), signing_key))
}

/// The key that signs the ends of audit logs.
pub(crate) fn audit_signing_key(secret: &StoreSecret, sealed: &SealedKeys) -> Result<SigningKey, OpenError> {
    let seed = secret.open(SealedName::AuditSigning, sealed).ok_or(OpenError::OtherSecret)?;
    let seed = hex::decode(&seed).ok_or_else(|| unreadable("it does not hold a seed"))?;
    Ok(SigningKey::from_seed(&seed))
}

/// What is sealed under a name, which this secret opens, or what is made and sealed now.
async fn open_or_seal(
    change: &mut Transaction,
    name: SealedName,
    secret: &StoreSecret,
    entropy: &Entropy,
    make: impl FnOnce() -> Result<String, Error>,
) -> Result<SealedKeys, OpenError> {
    if let Some(keys) = change.sealed(name).await? {
        return secret.open(name, &keys).map(|_| keys).ok_or(OpenError::OtherSecret);
    }
    let sealed = make().and_then(|text| secret.seal(name, 1, &Zeroizing::new(text), entropy));
    let keys = sealed.map_err(|_| OpenError::NoRandomness)?;
    change.keep_sealed(name, &keys).await?;
    Ok(keys)
}

fn opened(secret: &StoreSecret, keys: &SealedKeys) -> Result<SigningRing, StoreError> {
    let text = secret.open(SealedName::SessionSigning, keys);
    let text = text.ok_or_else(|| unreadable("it was not sealed with this node's secret, or was changed"))?;
    SigningRing::from_secret_text(&text).ok_or_else(|| unreadable("it does not hold signing keys"))
}

fn unreadable(what: &'static str) -> StoreError {
    StoreError::Corrupt { table: "sealed", what }
}
