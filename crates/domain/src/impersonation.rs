//! Impersonation: a key that signs other users in, and what they may do in the sessions that it mints (promise 7).
//!
//! An [`Impersonator`] is a key that may impersonate now. It is made in one place, by one rule, both to mint a session and at each
//! use of one, so that a session dies with the key, its creator's permission, or the deployment's consent.

mod attributes;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Actor, Email, Error, Field, KeyId, OrganizationId, Permission, Rate, SessionClaims, SessionId, Standing,
    User, UserAttributes, Via,
};

pub use attributes::SessionAttributes;

/// How fast one key may mint: 600 sessions at once, then 10 a second. So a leaked key cannot sign everybody in at once, a loop in a
/// product does not fill the log, and a key keeps 36,000 people signed in who refresh once an hour.
#[must_use]
pub fn minting_rate() -> Rate<KeyId> {
    Rate::new(600, SignedDuration::from_millis(100))
}

/// An impersonation key that works now, with its creator as of now.
#[derive(Debug, Clone)]
pub struct Impersonator {
    key: KeyId,
    creator: Arc<User>,
    epoch: u32,
}

impl Impersonator {
    /// The key, if it may impersonate: the deployment allows it, the key was made for it, and its creator may act and still holds
    /// `impersonation:grant`. Whether the key is live and not expired is known by whoever found it. `epoch` is how often its
    /// sessions were ended.
    #[must_use]
    pub fn new(
        deployment_allows: bool,
        key: KeyId,
        allow_impersonation: bool,
        creator: Arc<User>,
        epoch: u32,
    ) -> Option<Self> {
        let may = deployment_allows && allow_impersonation && creator.may(&Permission::IMPERSONATION_GRANT);
        may.then_some(Self { key, creator, epoch })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Who made it.
    #[must_use]
    pub fn creator(&self) -> &Arc<User> {
        &self.creator
    }

    /// The organization whose users it can act as, and no others.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.creator.organization
    }

    /// How often its sessions were ended: a session counts only as long as this is as it was when it was minted.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The creator, acting through the key: who mints, for the audit log.
    pub fn actor(&self, address: Option<IpAddr>) -> Result<Actor, Error> {
        Actor::authenticated(Arc::clone(&self.creator), Via::Key(self.key), address)
    }

    /// Whether a session can be minted for somebody. Whoever is not of the key's organization is not there (promise 6); about its
    /// own users the key's holder is told what is in the way.
    fn check_target(&self, user: Option<Arc<User>>) -> Result<Arc<User>, Error> {
        let user = user.filter(|user| user.organization == self.organization());
        let user = user.ok_or(Error::NotFound("user in the key's organization"))?;
        match user.standing() {
            Standing::Active => Ok(user),
            Standing::Deactivated => Err(Error::Forbidden(
                "This user is deactivated. An administrator can reactivate them.".into(),
            )),
            Standing::NotAdmitted => Err(Error::Forbidden(
                "The organization's e-mail access rules do not admit this user's address.".into(),
            )),
            Standing::Archived => Err(Error::Unauthenticated),
        }
    }
}

/// How long a minted session lasts: 1 minute to 1 hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLifetime(SignedDuration);

impl SessionLifetime {
    /// The longest, and the usual one.
    pub const LONGEST: Self = Self(SignedDuration::from_hours(1));
    const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

    /// Checks what a deployment asks for, such as `15m` or `1h`: whole seconds.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wanted: Option<SignedDuration> = text.trim().parse().ok();
        wanted
            .filter(|wanted| {
                (Self::SHORTEST..=Self::LONGEST.0).contains(wanted) && wanted.subsec_nanos() == 0
            })
            .map(Self)
            .ok_or_else(|| Error::invalid(Field::Expiration, "A session lasts 1m to 1h, such as 15m."))
    }

    /// The duration.
    #[must_use]
    pub fn as_duration(self) -> SignedDuration {
        self.0
    }
}

impl Default for SessionLifetime {
    fn default() -> Self {
        Self::LONGEST
    }
}

/// A session that is about to be minted.
#[derive(Debug, Clone)]
pub struct NewImpersonation {
    impersonator: Impersonator,
    user: Arc<User>,
    attributes: SessionAttributes,
    /// Names it in the audit log; the token's `jti`.
    pub id: SessionId,
    /// When it ends, to the second.
    pub expires_at: Timestamp,
}

impl NewImpersonation {
    /// A session of `user`, if they are of the key's organization and may act. `stored` are their own attributes.
    pub fn new(
        impersonator: Impersonator,
        user: Option<Arc<User>>,
        stored: &UserAttributes,
        given: &SessionAttributes,
        id: SessionId,
        (now, lifetime): (Timestamp, SessionLifetime),
    ) -> Result<Self, Error> {
        let user = impersonator.check_target(user)?;
        let attributes = given.over(stored)?;
        // Tokens say whole seconds.
        let end = now.as_second().saturating_add(lifetime.0.as_secs());
        let expires_at = Timestamp::from_second(end).map_err(|_| Error::Internal)?;
        Ok(Self { impersonator, user, attributes, id, expires_at })
    }

    /// The key that mints it.
    #[must_use]
    pub fn impersonator(&self) -> &Impersonator {
        &self.impersonator
    }

    /// Whom it acts as.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The user's attributes in it.
    #[must_use]
    pub fn attributes(&self) -> &SessionAttributes {
        &self.attributes
    }
}

/// A session that counts now.
#[derive(Debug, Clone)]
pub struct Impersonation {
    id: SessionId,
    impersonator: Impersonator,
    /// With what they may do in it.
    user: Arc<User>,
    /// With all that they may do elsewhere.
    whole: Arc<User>,
    attributes: UserAttributes,
    expires_at: Timestamp,
    administration: bool,
}

impl Impersonation {
    /// The session behind claims whose signature and time were checked, if it counts: the key's sessions were not ended since, all
    /// is of one organization, and the user may act. `administration`: the deployment leaves Keystead's own permissions on.
    #[must_use]
    pub fn new(
        claims: SessionClaims,
        impersonator: Impersonator,
        user: Arc<User>,
        administration: bool,
    ) -> Option<Self> {
        let of_one_organization = user.organization == impersonator.organization()
            && claims.organization_id == impersonator.organization();
        let counts = of_one_organization
            && claims.act.key_id == impersonator.key
            && claims.act.sub == impersonator.creator.id
            && claims.sub == user.id
            && claims.impersonated_user_id == user.id
            && claims.session_epoch == impersonator.epoch
            && user.may_act();
        counts.then(|| Self {
            id: claims.jti,
            user: Arc::new(restricted(&user, &impersonator, administration)),
            whole: user,
            impersonator,
            expires_at: claims.expires_at(),
            attributes: UserAttributes::from_stored(claims.attributes),
            administration,
        })
    }

    /// Names it.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The key behind it.
    #[must_use]
    pub fn impersonator(&self) -> &Impersonator {
        &self.impersonator
    }

    /// Whom it acts as, with what they may do in it.
    #[must_use]
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// The user's attributes, in this session.
    #[must_use]
    pub fn attributes(&self) -> &UserAttributes {
        &self.attributes
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether a key can be created in it: a key can do all that its creator can do, and must not be the way to what is off here. So
    /// it reaches no further than the session; or the deployment leaves administration on, and it reaches no further than whoever
    /// minted the session.
    #[must_use]
    pub fn may_create_keys(&self) -> bool {
        let key = self.whole.permissions();
        self.user.permissions().covers(key)
            || (self.administration && self.impersonator.creator.permissions().covers(key))
    }

    /// The same session with its people as they are at another moment, if it still counts.
    pub fn again(&self, impersonator: Impersonator, user: Arc<User>) -> Result<Self, Error> {
        let counts = impersonator.key == self.impersonator.key
            && impersonator.epoch == self.impersonator.epoch
            && user.id == self.user.id
            && user.organization == impersonator.organization()
            && user.may_act();
        if !counts {
            return Err(Error::Unauthenticated);
        }
        let restricted = Arc::new(restricted(&user, &impersonator, self.administration));
        Ok(Self { impersonator, user: restricted, whole: user, ..self.clone() })
    }
}

/// What a user may do in a session: the product's permissions are theirs; of Keystead's own, none, or if the deployment leaves
/// them on, those that the key's creator holds as well: nobody reaches by a key what they may not do themselves. Granting
/// impersonation is never among them (promise 7).
fn restricted(user: &User, impersonator: &Impersonator, administration: bool) -> User {
    user.with_own_permissions(|own| {
        administration && *own != Permission::IMPERSONATION_GRANT && impersonator.creator.may(own)
    })
}

/// What a caller sent to name the user, for whom a session is wanted.
pub fn target_email(text: &str) -> Result<Email, Error> {
    // What is no address is nobody's.
    Email::parse(text).map_err(|_| Error::NotFound("user in the key's organization"))
}
