//! Bringing back a store that nodes share, after its database lost what had been committed or was set back by its own means: as another
//! history, from which what was open is gone, as with a backup.

use std::path::PathBuf;

use futures_util::FutureExt as _;
use keystead_domain::audit::Trace;
use keystead_domain::{Operator, SigningRing};
use keystead_store::{
    BackupError, DatabaseUrl, Ended, Location, OpenError, Reached, SealedName, Store, StoreError, Subscriber,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::shipped::Shipped;
use super::{Replayed, begin_anew};
use crate::signing_ring::audit_signing_key;
use crate::{App, Clock, Entropy, StoreSecret};

/// What a store is halted by while it is brought back, if nothing was before.
const BEING_REOPENED: &str = "it is being opened again by `keystead store reopen`";

/// Whether nobody may serve from a store, and why.
pub struct Halt {
    /// Why; `None`: it is served.
    pub why: Option<String>,
}

/// What came of it.
pub struct Reopened {
    /// What was ended in all cases.
    pub ended: Ended,
    /// What came of the shipped logs, if there were any.
    pub replayed: Option<Replayed>,
}

impl App {
    /// Whether nobody may serve from a store.
    pub async fn halt_of(url: &DatabaseUrl) -> Result<Halt, OpenError> {
        let store = open(url).await?;
        let why = store.halted().await?;
        store.close().await;
        Ok(Halt { why })
    }

    /// Lets a store be served again, by what is in it now and what `shipped` audit logs take away from that. It is halted meanwhile, and
    /// stays so if this fails. When it returns, no node answers by what it knew before; each loads the store anew by itself.
    ///
    /// # Errors
    /// A shipped log cannot be used, the secret is another one, or the database refuses.
    pub async fn reopen(
        (url, secret, shipped): (&DatabaseUrl, &StoreSecret, &[PathBuf]),
        (clock, entropy): (Clock, Entropy),
        progress: impl Fn(&str),
    ) -> Result<Reopened, BackupError> {
        let store = open(url).await.map_err(opening)?;
        let trace = || Trace::operator(clock.now());
        // Nobody else writes from here on.
        let (mut change, _) = store.begin_on_halted(Operator, trace()).await?;
        let sealed = change.sealed(SealedName::AuditSigning).await?;
        let other_secret = || BackupError::Open(Box::new(OpenError::OtherSecret));
        let sealed = sealed.ok_or(BackupError::Store(StoreError::Corrupt {
            table: "sealed",
            what: "the key that signs audit logs is gone",
        }))?;
        let key = audit_signing_key(secret, &sealed).map_err(|_| other_secret())?;
        change.halt(Operator, BEING_REOPENED).await?;
        change.commit().await?;
        let shipped = if shipped.is_empty() {
            None
        } else {
            progress("Checking the audit logs, and reading the shipped ones.");
            Some(Shipped::read(shipped, &store.logged_ends(key.public()).await?)?)
        };
        let organizations = store.audited_organizations(Operator).await?;

        progress("Ending what was open.");
        let (mut change, halted) = store.begin_on_halted(Operator, trace()).await?;
        let (ended, replayed) =
            begin_anew(&mut change, organizations, &json!({ "haltedBecause": halted }), shipped).await?;
        // Some of the keys may have been discarded by what was lost.
        let name = SealedName::SessionSigning;
        let version = change.sealed(name).await?.ok_or_else(other_secret)?.version + 1;
        let random = || entropy.bytes().map_err(|_| BackupError::Open(Box::new(OpenError::NoRandomness)));
        let ring = SigningRing::new([random()?, random()?], clock.now());
        let keys = secret.seal(name, version, &Zeroizing::new(ring.to_secret_text()), &entropy);
        let keys = keys.map_err(|_| BackupError::Open(Box::new(OpenError::NoRandomness)))?;
        change.replace_session_signing_keys(keys).await?;
        change.begin_epoch(Operator).await?;
        change.commit().await?;
        let committed = clock.since_boot();
        let ended_by = store.lease().await?.surely_ended(committed);
        store.close().await;
        progress("Waiting until no node answers by what it knew before.");
        tokio::time::sleep(ended_by.saturating_sub(clock.since_boot())).await;
        Ok(Reopened { ended, replayed })
    }
}

/// A store that is not served here: nobody needs to be told of its changes.
async fn open(url: &DatabaseUrl) -> Result<Store, OpenError> {
    let nobody = Subscriber::Asked(Box::new(|_| std::future::ready(Reached::Known).boxed()));
    Store::open(Location::Postgres(url.clone()), nobody).await
}

fn opening(error: OpenError) -> BackupError {
    BackupError::Open(Box::new(error))
}
