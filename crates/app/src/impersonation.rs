//! Impersonated sessions: minting one, checking one, and ending those of a key (promise 7).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, ApiKey, BadSessionToken, Error, Impersonation, Impersonator, KeyId, NewImpersonation,
    OrganizationId, SessionAttributes, SessionClaims, SessionLifetime, target_email,
};
use keystead_store::{KeySessions, Transaction};
use zeroize::Zeroizing;

use crate::actors::{Refusal, RequestOrigin};
use crate::open::fault;
use crate::{App, Change};

/// What the deployment decides about impersonated sessions.
#[derive(Debug, Clone, Default)]
pub struct SessionSettings {
    /// Who makes the tokens and whom they are for: the public URL.
    pub issuer: String,
    /// How long a session lasts.
    pub lifetime: SessionLifetime,
    /// Whether Keystead's own permissions stay on in a session, as far as the key's creator holds them, too.
    pub administration: bool,
}

/// A session that was just minted.
pub struct MintedSession {
    /// Its token, here and nowhere else.
    pub token: Zeroizing<String>,
    /// How long it lasts.
    pub lifetime: SignedDuration,
}

/// Why the token of a session is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRefusal {
    /// It is none, or it was ended: with its key, the key's creator, the user, or by itself. Which of these is not told.
    Ended,
    /// It ran out. Whoever presents its token may be told so.
    Expired {
        /// When.
        at: Timestamp,
        /// Whose it was: to another organization it never was (promise 6).
        organization: OrganizationId,
    },
    /// This node cannot know, so it accepts nothing.
    Unavailable,
}

impl App {
    /// Mints a session for the user of an address in the organization of an impersonation key. The key's token is the credential;
    /// whatever is wrong with it is [`Error::Unauthenticated`].
    pub async fn impersonate(
        &self,
        access_token: &str,
        email: &str,
        attributes: &[(String, String)],
        origin: &RequestOrigin,
    ) -> Result<MintedSession, Error> {
        const TRIES: usize = 3;
        const KNOWN_WITHIN: Duration = Duration::from_secs(1);
        for _ in 0..TRIES {
            // From before it is looked at, so that nothing is missed.
            let mut changes = self.watch_changes();
            if let Some(minted) = self.try_to_impersonate(access_token, email, attributes, origin).await? {
                return Ok(minted);
            }
            // What ended it is in the store; nodes that share one know it in a moment.
            _ = tokio::time::timeout(KNOWN_WITHIN, changes.changed()).await;
        }
        Err(Error::Unavailable)
    }

    /// `None`: the key was revoked, or its sessions were ended, while this waited for its turn. It is looked at once more.
    async fn try_to_impersonate(
        &self,
        access_token: &str,
        email: &str,
        attributes: &[(String, String)],
        origin: &RequestOrigin,
    ) -> Result<Option<MintedSession>, Error> {
        let now = self.now();
        let impersonator = self.impersonator_of(access_token, now)?;
        self.lock_minting_rate().attempt(impersonator.key(), now)?;
        let given =
            SessionAttributes::parse(attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        let email = target_email(email)?;
        let found = self.store.user_to_impersonate(impersonator.organization(), &email).await;
        let (user, stored) = found.map_err(fault)?.unzip();
        let user = user.and_then(|id| self.directory.user(id));
        let trace = Trace::of(&impersonator.actor(origin.address)?, now);
        let (stored, lifetime) = (stored.unwrap_or_default(), self.deployment.sessions.lifetime);
        let id = self.next_id(now)?;
        let session = NewImpersonation::new(impersonator, user, &stored, &given, id, (now, lifetime))?;
        let mut change = self.store.begin(trace).await.map_err(fault)?;
        let counts = change.record_impersonation(&session).await.map_err(fault)?;
        // If not, what ended it may be in the commit that is under way: known once that is done.
        change.commit().await.map_err(fault)?;
        if !counts {
            return Ok(None);
        }
        let claims = SessionClaims::of(&session, &self.deployment.sessions.issuer, now);
        let token = Zeroizing::new(claims.sign(&self.signing_ring.load()));
        Ok(Some(MintedSession { token, lifetime: lifetime.as_duration() }))
    }

    /// The impersonation key of a token. A plain key is none, and neither is a session's token (promise 7: no session mints another).
    fn impersonator_of(&self, token: &str, now: Timestamp) -> Result<Impersonator, Error> {
        let key = self.verify(token, now).map_err(|refusal| match refusal {
            Refusal::Unavailable => Error::Unavailable,
            Refusal::Unknown | Refusal::Expired { .. } | Refusal::CreatorInactive => Error::Unauthenticated,
        })?;
        self.impersonator(key.key, now).map_err(|refusal| match refusal {
            SessionRefusal::Unavailable => Error::Unavailable,
            SessionRefusal::Ended | SessionRefusal::Expired { .. } => Error::Unauthenticated,
        })
    }

    /// The impersonation key of an id, if it may impersonate now: asked to mint, and at each use of what was minted.
    fn impersonator(&self, key: KeyId, now: Timestamp) -> Result<Impersonator, SessionRefusal> {
        let found = self.directory.impersonation_key(key, now);
        let (creator, epoch) = found.map_err(|refusal| match refusal {
            Refusal::Unavailable => SessionRefusal::Unavailable,
            Refusal::Unknown | Refusal::Expired { .. } | Refusal::CreatorInactive => SessionRefusal::Ended,
        })?;
        Impersonator::new(self.deployment.impersonation, key, true, creator, epoch)
            .ok_or(SessionRefusal::Ended)
    }

    /// Checks the token of a session: one signature, and look-ups in memory, no query, no write (promises 3 and 7).
    pub fn verify_session(&self, token: &str, now: Timestamp) -> Result<Impersonation, SessionRefusal> {
        let issuer = &self.deployment.sessions.issuer;
        let claims =
            SessionClaims::verify(token, &self.signing_ring.load(), issuer, now).map_err(
                |bad| match bad {
                    BadSessionToken::Invalid => SessionRefusal::Ended,
                    BadSessionToken::Expired { at, organization } => {
                        SessionRefusal::Expired { at, organization }
                    }
                },
            )?;
        let impersonator = self.impersonator(claims.act.key_id, now)?;
        let user = self.directory.user(claims.sub).ok_or(SessionRefusal::Ended)?;
        Impersonation::new(claims, impersonator, user, self.deployment.sessions.administration)
            .ok_or(SessionRefusal::Ended)
    }

    /// What each impersonation key among these, which the actor sees, has minted.
    pub async fn key_sessions(
        &self,
        actor: &Actor,
        keys: &[ApiKey],
    ) -> Result<BTreeMap<KeyId, KeySessions>, Error> {
        /// More live sessions of one key are not counted.
        const AT_MOST: i64 = 1_001;
        let (scope, now) = (actor.readable_keys(), self.now());
        let mut sessions = BTreeMap::new();
        for key in keys.iter().filter(|key| key.allow_impersonation) {
            let minted = self.store.key_sessions(&scope, key.id, now, AT_MOST).await.map_err(fault)?;
            sessions.insert(key.id, minted);
        }
        Ok(sessions)
    }

    /// Ends all sessions that a key has minted: one's own key, or anybody's with `keys:revoke_all`. When this returns, none of them
    /// counts any more (promise 3); the key goes on working.
    pub async fn end_sessions(&self, actor: &Actor, id: KeyId) -> Result<ApiKey, Error> {
        let change = self.store.begin(Trace::of(actor, self.now())).await.map_err(fault)?;
        let (mut change, key) = find_key(change, &actor.readable_keys(), id).await?;
        actor.check_may_revoke(&key)?;
        key.check_mints()?;
        change.end_impersonated_sessions(&actor.revocable_keys(), &key).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(key)
    }

    /// The actor of a session with everybody as they are inside a change.
    pub(crate) async fn impersonated_again(
        &self,
        change: &mut Change<'_>,
        actor: &Actor,
        session: &Impersonation,
    ) -> Result<Actor, Error> {
        let key = session.impersonator().key();
        let record = change.transaction.key_record(key).await.map_err(fault)?;
        let now = self.now();
        let record = record.filter(|record| record.expires_at.is_none_or(|end| now < end));
        let record = record.ok_or(Error::Unauthenticated)?;
        let creator = change.find(record.creator).await?.ok_or(Error::Unauthenticated)?;
        let impersonator = Impersonator::new(
            self.deployment.impersonation,
            key,
            record.allow_impersonation,
            creator.into(),
            record.session_epoch,
        );
        let user = change.find(actor.user().id).await?.ok_or(Error::Unauthenticated)?;
        let session = session.again(impersonator.ok_or(Error::Unauthenticated)?, user.into())?;
        Ok(Actor::impersonated(session, actor.address()))
    }

    fn lock_minting_rate(&self) -> std::sync::MutexGuard<'_, keystead_domain::Rate<KeyId>> {
        self.minting_rate.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A key as it is inside a change. One that is not there may have been revoked in the commit that is under way: it is said to be
/// gone once that is done.
pub(crate) async fn find_key(
    mut change: Transaction,
    scope: &keystead_domain::KeyScope,
    id: KeyId,
) -> Result<(Transaction, ApiKey), Error> {
    if let Some(key) = change.key(scope, id).await.map_err(fault)? {
        return Ok((change, key));
    }
    change.commit_as_found().await.map_err(fault)?;
    Err(Error::NotFound("API key"))
}
