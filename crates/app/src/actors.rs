//! From a credential to an actor.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use keystead_domain::{Actor, Error, Session, User, UserAgent, Via};
use keystead_token::TokenRef;

pub use keystead_directory::Refusal;

use crate::open::fault;
use crate::sign_in::BrowserSecret;
use crate::{App, Verified};

/// Where a request came from, for the audit log, for slowing down and for the list of sessions.
#[derive(Debug, Clone, Default)]
pub struct RequestOrigin {
    /// The address of the peer.
    pub address: Option<IpAddr>,
    /// What a browser says of itself; an API's caller is not asked.
    pub user_agent: Option<UserAgent>,
}

impl App {
    /// Checks an API key: one hash, one look-up in memory, no query, no write (promises 1, 3 and 9).
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, Refusal> {
        let token = TokenRef::parse(token).map_err(|_| Refusal::Unknown)?;
        self.directory.verify(token, now)
    }

    /// The actor behind an API key.
    pub fn actor_of_key(&self, token: &str, origin: &RequestOrigin) -> Result<Actor, Refusal> {
        let verified = self.verify(token, self.now())?;
        let via = Via::Key(verified.key);
        Actor::authenticated(verified.into_user(), via, origin.address).map_err(|_| Refusal::CreatorInactive)
    }

    /// The actor behind a browser's session cookie. `Ok(None)`: signed out, run out, or the user may not sign in any more.
    pub async fn actor_of_session(
        &self,
        cookie: &BrowserSecret,
        origin: &RequestOrigin,
    ) -> Result<Option<Actor>, Error> {
        if !self.directory.may_answer() {
            return Err(Error::Unavailable);
        }
        let now = self.now();
        let Some(session) = self.store.session(&cookie.hash()).await.map_err(fault)? else { return Ok(None) };
        if !session.is_live(now) {
            return Ok(None);
        }
        let Some(user) = self.directory.user(session.user).filter(|user| user.may_act()) else {
            return if self.directory.may_answer() { Ok(None) } else { Err(Error::Unavailable) };
        };
        if session.wants_touch(now) {
            self.touch(&session, &user, now).await;
        }
        Ok(Actor::authenticated(user, Via::Session(session.id), origin.address).ok())
    }

    /// Whether the actor may read the figures of the whole server: a site administrator. Those of one organization would learn
    /// from them what else there is (promise 6).
    pub fn check_may_read_metrics(&self, actor: &Actor) -> Result<(), Error> {
        actor.site().map(drop)
    }

    /// Not worth failing a request for: if it cannot be written, the session merely ends sooner.
    async fn touch(&self, session: &Session, user: &Arc<User>, now: Timestamp) {
        let trace = keystead_domain::audit::Trace {
            user: Some(user.id),
            ..keystead_domain::audit::Trace::operator(now)
        };
        let written = async {
            let mut change = self.store.begin(trace).await?;
            change.touch_session(session.id, now).await?;
            change.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a session's last use could not be written"
            );
        }
    }
}
