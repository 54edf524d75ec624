//! Reading the document in which an OAuth client describes itself (draft-ietf-oauth-client-id-metadata-document).
//!
//! Anybody who opens the authorization page chooses the address, so this is where others could make Keystead reach for what only it
//! can reach. It goes to public addresses on port 443 and to networks that the deployment names, connects to the very addresses that
//! it checked, follows no redirect, knows no proxy, and has bounds on time, size and number. Whatever fails, the person reads the
//! same sentence; the cause is in the log.

mod address;
mod cache;
mod transport;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use jiff::Timestamp;
use keystead_domain::{BadClientMetadata, ClientIdUrl, ClientMetadata};
use tokio::sync::Semaphore;

use address::AllowedAddresses;
use cache::Cache;
use transport::{Transport, TransportError};

/// Reads descriptions of clients, and remembers them for a while.
pub(crate) struct ClientMetadataFetcher {
    transport: Transport,
    cache: Mutex<Cache>,
    places: Arc<Semaphore>,
}

/// The description could not be read. Nothing says why, or the page would tell what there is in the network behind it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The app's description at {host} could not be read.")]
pub(crate) struct FetchRefusal {
    /// Where it should have been: host, and port unless it is 443.
    pub(crate) host: String,
}

/// Why it could not, for the log.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("too many descriptions are being read")]
    Busy,
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("{}: {}", .0.code, .0.description)]
    Metadata(#[from] BadClientMetadata),
}

impl ClientMetadataFetcher {
    /// How many descriptions are read at once. More are refused rather than made to wait: a person can try again.
    const PLACES: usize = 8;

    /// Reads from public addresses, and from `networks` too.
    #[must_use]
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self::over(Transport::new(AllowedAddresses::new(networks)))
    }

    fn over(transport: Transport) -> Self {
        Self { transport, cache: Mutex::default(), places: Arc::new(Semaphore::new(Self::PLACES)) }
    }

    /// What the client at `url` says about itself: as it was read at most a day before `now`, or as it says now.
    ///
    /// # Errors
    /// It could not be read, or is no description of a client; or it could not be a minute ago.
    pub(crate) async fn get(
        &self,
        url: &ClientIdUrl,
        now: Timestamp,
    ) -> Result<ClientMetadata, FetchRefusal> {
        let refusal = || FetchRefusal { host: url.host().to_owned() };
        if let Some(known) = self.cache().get(url, now) {
            return known.ok_or_else(refusal);
        }
        match self.fetch(url).await {
            Ok((metadata, max_age)) => {
                self.cache().put(url, metadata.clone(), max_age, now);
                Ok(metadata)
            }
            Err(cause) => {
                tracing::warn!(client_id = %url, %cause, "a client's description could not be read");
                if !matches!(cause, Cause::Busy) {
                    self.cache().put_off(url, now);
                }
                Err(refusal())
            }
        }
    }

    /// The description, and for how many seconds its server says that it holds.
    async fn fetch(&self, url: &ClientIdUrl) -> Result<(ClientMetadata, u64), Cause> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Cause::Busy)?;
        let document = self.transport.read(url, place).await?;
        Ok((ClientMetadata::of_document(url, &document.body)?, document.max_age))
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
