//! Clients that register themselves (RFC 7591): open to everybody, as the MCP specification has it for older clients, and therefore
//! bounded in rate and in number.

use jiff::SignedDuration;
use keystead_domain::audit::Trace;
use keystead_domain::{BadClientMetadata, ClientId, ClientMetadata, Error, Rate, Subject};

use super::OauthClient;
use crate::open::fault;
use crate::{App, RequestOrigin};

/// How fast clients may register.
pub(crate) struct RegistrationRates {
    /// Each network: 20 at once, then one every 10 seconds.
    network: Rate<Subject>,
    /// All together: 200 at once, then 10 a second.
    all: Rate<()>,
}

impl Default for RegistrationRates {
    fn default() -> Self {
        Self {
            network: Rate::new(20, SignedDuration::from_secs(10)),
            all: Rate::new(200, SignedDuration::from_millis(100)),
        }
    }
}

/// A client that was just registered.
pub type RegisteredClient = OauthClient;

/// Why a client is not registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationRefusal {
    /// What it says of itself is not accepted.
    Metadata(BadClientMetadata),
    /// It has to wait, or it did not work.
    Failed(Error),
}

impl App {
    /// Clients kept that nobody has allowed anything. Beyond that the oldest is forgotten: at the rate that is allowed, one that is a
    /// quarter of an hour old.
    const UNUSED_CLIENTS: i64 = 10_000;

    /// Registers a client by what it says of itself.
    pub async fn register_client(
        &self,
        said: &[u8],
        origin: &RequestOrigin,
    ) -> Result<RegisteredClient, RegistrationRefusal> {
        let metadata = ClientMetadata::of_registration(said).map_err(RegistrationRefusal::Metadata)?;
        self.register(metadata, origin).await.map_err(RegistrationRefusal::Failed)
    }

    async fn register(&self, metadata: ClientMetadata, origin: &RequestOrigin) -> Result<OauthClient, Error> {
        let now = self.now();
        {
            let mut rates = self.registration_rates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(address) = origin.address {
                rates.network.attempt(Subject::network(address), now)?;
            }
            rates.all.attempt((), now)?;
        }
        let id = self.next_id(now)?;
        let mut change =
            self.store.begin(Trace::visitor("connection", origin.address, now)).await.map_err(fault)?;
        change.register_client(id, &metadata, Self::UNUSED_CLIENTS).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(OauthClient { id: ClientId::Registered(id), metadata })
    }
}
