//! Keystead as authorization server of its own MCP server: a person connects an app, the app gets tokens, either ends it.

mod authorize;
mod register;
mod token;

use jiff::Timestamp;
use keystead_domain::audit::Trace;
use keystead_domain::{
    AccessClaims, Actor, ClientId, ClientMetadata, ConnectedApp, ConnectionEnd, ConnectionId, Error, Issuer,
    OauthLifetimes, Via,
};

use crate::open::fault;
use crate::{App, Refusal, RequestOrigin};

pub use authorize::{AuthorizationError, PendingAuthorization};
pub(crate) use register::RegistrationRates;
pub use register::{RegisteredClient, RegistrationRefusal};
pub use token::{CodeRedemption, IssuedTokens, TokenRefusal};

/// A client, with what it says of itself.
#[derive(Debug, Clone)]
pub struct OauthClient {
    /// Its id.
    pub id: ClientId,
    /// What it says.
    pub metadata: ClientMetadata,
}

impl App {
    /// Rows that are tidied in one transaction: others who write wait no longer than that.
    const BATCH_OF_CONNECTIONS: i64 = 1_000;

    pub(crate) fn issuer(&self) -> Issuer {
        Issuer { url: self.deployment.sessions.issuer.clone() }
    }

    /// The actor behind an access token: one signature, and look-ups in memory, no query, no write (promises 1 and 3).
    ///
    /// # Errors
    /// [`Refusal::Unknown`] for whatever is wrong with it, and [`Refusal::Unavailable`].
    pub fn actor_of_access_token(&self, token: &str, origin: &RequestOrigin) -> Result<Actor, Refusal> {
        let now = self.now();
        let claims = AccessClaims::verify(token, &self.signing_ring.load(), &self.issuer(), now);
        let claims = claims.ok_or(Refusal::Unknown)?;
        let user = self.directory.connection(claims.connection_id, now).map_err(|refusal| match refusal {
            Refusal::Unavailable => Refusal::Unavailable,
            Refusal::Unknown | Refusal::Expired { .. } | Refusal::CreatorInactive => Refusal::Unknown,
        })?;
        if user.id != claims.sub {
            return Err(Refusal::Unknown);
        }
        Actor::authenticated(user, Via::Connection(claims.connection_id), origin.address)
            .map_err(|_| Refusal::Unknown)
    }

    /// The apps that the actor connected.
    pub async fn connected_apps(&self, actor: &Actor) -> Result<Vec<ConnectedApp>, Error> {
        self.store.connections(&actor.connections()?, self.now()).await.map_err(fault)
    }

    /// Disconnects an app of the actor's. When this returns, none of its tokens counts any more (promise 3).
    pub async fn disconnect_app(&self, actor: &Actor, id: ConnectionId) -> Result<ConnectedApp, Error> {
        let scope = actor.connections()?;
        let mut change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        let Some((app, client)) = change.connection_of(&scope, id).await.map_err(fault)? else {
            // What ended it may be in the commit that is under way: it is said to be gone once that is done.
            change.commit_as_found().await.map_err(fault)?;
            return Err(Error::NotFound("connected app"));
        };
        change.end_connection(&client, ConnectionEnd::Person).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(app)
    }

    /// Forgets what has run out: connections, codes that nobody redeemed, refresh tokens, clients that nobody allowed anything.
    pub(crate) async fn maintain_connections(&self) -> Result<(), Error> {
        let now = self.now();
        let before = |age| now.checked_sub(age).unwrap_or(Timestamp::MIN);
        loop {
            const LIMIT: i64 = App::BATCH_OF_CONNECTIONS;
            let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
            let tidied = [
                change.tidy_connections(before(OauthLifetimes::CODE), LIMIT).await.map_err(fault)?,
                change.forget_refresh_tokens(LIMIT).await.map_err(fault)?,
                // What a client was allowed last has run out by then.
                change
                    .forget_unused_clients(
                        before(OauthLifetimes::REGISTRATION),
                        before(OauthLifetimes::CONNECTION),
                        LIMIT,
                    )
                    .await
                    .map_err(fault)?,
            ];
            change.commit().await.map_err(fault)?;
            if tidied.iter().all(|tidied| *tidied < LIMIT.unsigned_abs()) {
                return Ok(());
            }
        }
    }
}
