//! Who is asking, and what that lets them reach.
//!
//! The scopes here have private fields and are made by [`Actor`] and [`Operator`] only: holding one *is* the permission.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::ViaKind;
use crate::{
    ApiKey, ConnectionId, Error, Expiration, Field, Impersonation, KeyId, KeyPolicy, OrganizationId,
    Permission, SessionId, User, UserAttributes, UserId,
};

/// How a request proved who it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A console session's cookie.
    Session(SessionId),
    /// An API key.
    Key(KeyId),
    /// The token of a session that an impersonation key minted.
    Impersonation {
        /// The session.
        session: SessionId,
        /// The key.
        key: KeyId,
    },
    /// An access token of an app that the user connected.
    Connection(ConnectionId),
}

/// An authenticated request: a user as of this moment, what proved it, and where it came from.
#[derive(Debug, Clone)]
pub struct Actor {
    user: Arc<User>,
    via: Via,
    address: Option<IpAddr>,
    /// The session, if it is an impersonated one.
    impersonation: Option<Arc<Impersonation>>,
}

/// Which keys a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// The keys that the actor created.
    #[default]
    Mine,
    /// Those of everyone in the organization.
    All,
}

impl View {
    /// The view that a page's address names; none is [`View::Mine`].
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "" | "mine" => Ok(Self::Mine),
            "all" => Ok(Self::All),
            _ => Err(Error::invalid(Field::View, "There is no such view. Choose My keys or All keys.")),
        }
    }
}

impl Actor {
    /// For the code that checks credentials, and for nothing else. A user who may not act is nobody.
    pub fn authenticated(user: Arc<User>, via: Via, address: Option<IpAddr>) -> Result<Self, Error> {
        if !user.may_act() {
            return Err(Error::Unauthenticated);
        }
        Ok(Self { user, via, address, impersonation: None })
    }

    /// The user of an impersonated session, with what they may do in it.
    #[must_use]
    pub fn impersonated(session: Impersonation, address: Option<IpAddr>) -> Self {
        let via = Via::Impersonation { session: session.id(), key: session.impersonator().key() };
        let user = Arc::clone(session.user());
        Self { user, via, address, impersonation: Some(Arc::new(session)) }
    }

    /// The session, if it is an impersonated one.
    #[must_use]
    pub fn impersonation(&self) -> Option<&Impersonation> {
        self.impersonation.as_deref()
    }

    /// The attributes that the session gives its user, if it is an impersonated one.
    #[must_use]
    pub fn session_attributes(&self) -> Option<&UserAttributes> {
        self.impersonation().map(Impersonation::attributes)
    }

    /// Refuses an impersonated session: some things a person does themselves, not a product in their name.
    pub(crate) fn check_in_person(&self, what: &str) -> Result<(), Error> {
        if self.impersonation.is_none() {
            return Ok(());
        }
        Err(Error::Forbidden(format!("An impersonated session cannot {what}.")))
    }

    /// Keeps impersonated sessions from keys that could mint further ones (promise 7).
    fn check_may_touch(&self, key: &ApiKey) -> Result<(), Error> {
        if key.allow_impersonation {
            self.check_in_person("change or revoke impersonation keys")?;
        }
        Ok(())
    }

    /// The user who acts.
    #[must_use]
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// What proved it.
    #[must_use]
    pub fn via(&self) -> Via {
        self.via
    }

    /// Where the request came from.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The keys that they created. Everyone may manage these.
    #[must_use]
    pub fn own_keys(&self) -> KeyScope {
        KeyScope { organization: self.user.organization, creator: Some(self.user.id) }
    }

    /// The keys of a view, to read.
    pub fn keys(&self, view: View) -> Result<KeyScope, Error> {
        match view {
            View::Mine => Ok(self.own_keys()),
            View::All => {
                self.require(&Permission::KEYS_READ_ALL, "see keys that others created")?;
                Ok(KeyScope { organization: self.user.organization, creator: None })
            }
        }
    }

    /// The widest set of keys that they may read.
    #[must_use]
    pub fn readable_keys(&self) -> KeyScope {
        self.keys(View::All).unwrap_or_else(|_| self.own_keys())
    }

    /// The keys that they may revoke: their own, or everyone's with `keys:revoke_all`.
    #[must_use]
    pub fn revocable_keys(&self) -> KeyScope {
        let everyone = self.user.may(&Permission::KEYS_REVOKE_ALL);
        KeyScope { organization: self.user.organization, creator: (!everyone).then_some(self.user.id) }
    }

    /// The keys of one user, to read: their own, or anybody's with `keys:read_all`.
    pub fn keys_of(&self, user: &User) -> Result<KeyScope, Error> {
        self.one_creator(user, &Permission::KEYS_READ_ALL, "see keys that others created")
    }

    /// The keys of one user, to revoke: their own, or anybody's with `keys:revoke_all`.
    pub fn revocable_keys_of(&self, user: &User) -> Result<KeyScope, Error> {
        self.check_in_person("revoke all of a user's keys at once")?;
        self.one_creator(user, &Permission::KEYS_REVOKE_ALL, "revoke keys that others created")
    }

    fn one_creator(&self, user: &User, permission: &Permission, what: &str) -> Result<KeyScope, Error> {
        if user.organization != self.user.organization {
            return Err(Error::NotFound("user"));
        }
        if user.id != self.user.id {
            self.require(permission, what)?;
        }
        Ok(KeyScope { organization: user.organization, creator: Some(user.id) })
    }

    /// Whether they may change a key's name and description now: only its creator may, and only until it expires.
    pub fn check_may_edit(&self, key: &ApiKey, now: Timestamp) -> Result<(), Error> {
        if key.creator != self.user.id {
            return Err(Error::Forbidden("Only its creator can edit a key.".into()));
        }
        self.check_may_touch(key)?;
        key.check_editable(now)
    }

    /// Whether they may revoke a key, or end the sessions that it minted: their own, or anybody's with `keys:revoke_all`.
    pub fn check_may_revoke(&self, key: &ApiKey) -> Result<(), Error> {
        self.check_may_touch(key)?;
        if self.revocable_keys().creator.is_none_or(|creator| creator == key.creator) {
            return Ok(());
        }
        Err(Error::Forbidden("You may not revoke keys that others created. Ask an administrator.".into()))
    }

    /// Whether the dialog offers *Allow impersonation*: the deployment has it on, and they hold the permission.
    #[must_use]
    pub fn may_grant_impersonation(&self, deployment_allows: bool) -> bool {
        deployment_allows && self.impersonation.is_none() && self.user.may(&Permission::IMPERSONATION_GRANT)
    }

    /// Whether they may create keys at all now: the organization has it open, and in an impersonated session the key could do no more
    /// than the session.
    pub fn check_may_create_keys(&self, policy: &KeyPolicy) -> Result<(), Error> {
        policy.check_open(self.via.into())?;
        if self.impersonation().is_none_or(Impersonation::may_create_keys) {
            return Ok(());
        }
        Err(Error::Forbidden(
            "You hold permissions that are off in an embedded session, and a key of yours would have them. Sign in directly to create one."
                .into(),
        ))
    }

    /// The grant to create one key, as far as the organization's policy goes (promise 7 for those that allow impersonation).
    pub fn new_key(
        &self,
        expiration: Expiration,
        allow_impersonation: bool,
        deployment_allows: bool,
        policy: &KeyPolicy,
    ) -> Result<NewKeyGrant, Error> {
        self.check_may_create_keys(policy)?;
        let grant = NewKeyGrant {
            organization: self.user.organization,
            creator: self.user.id,
            via: self.via.into(),
            expiration,
            allow_impersonation,
        };
        grant.check(policy)?;
        if allow_impersonation && !deployment_allows {
            return Err(Error::Forbidden("Impersonation is not enabled on this deployment.".into()));
        }
        if allow_impersonation {
            self.check_in_person("create impersonation keys")?;
            self.require(&Permission::IMPERSONATION_GRANT, "create impersonation keys")?;
        }
        Ok(grant)
    }

    /// The organization's audit log.
    pub fn audit_log(&self) -> Result<AuditScope, Error> {
        self.require(&Permission::AUDIT_READ, "read the audit log")?;
        Ok(AuditScope { organization: self.user.organization })
    }

    pub(crate) fn require(&self, permission: &Permission, what: &str) -> Result<(), Error> {
        if self.user.may(permission) {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "You may not {what}: that needs the permission {permission}. Ask an administrator."
        )))
    }
}

/// Whoever runs commands on the machine that holds the store: they could read and write its files, so nothing is refused them.
#[derive(Debug, Clone, Copy)]
pub struct Operator;

impl Operator {
    /// The keys of a user.
    #[must_use]
    pub fn keys_of(self, user: &User) -> KeyScope {
        KeyScope { organization: user.organization, creator: Some(user.id) }
    }

    /// All keys of an organization.
    #[must_use]
    pub fn keys_in(self, organization: OrganizationId) -> KeyScope {
        KeyScope { organization, creator: None }
    }

    /// The grant to create a key for a user, as far as their organization's policy goes. Never an impersonation key: those are
    /// made by a person who may, in the console or over the API.
    pub fn new_key_for(
        self,
        user: &User,
        expiration: Expiration,
        policy: &KeyPolicy,
    ) -> Result<NewKeyGrant, Error> {
        let grant = NewKeyGrant {
            organization: user.organization,
            creator: user.id,
            via: ViaKind::Operator,
            expiration,
            allow_impersonation: false,
        };
        grant.check(policy)?;
        Ok(grant)
    }

    /// An organization's audit log.
    #[must_use]
    pub fn audit_log_of(self, organization: OrganizationId) -> AuditScope {
        AuditScope { organization }
    }
}

/// A set of keys that somebody may reach: of one organization, perhaps of one creator only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyScope {
    pub(crate) organization: OrganizationId,
    pub(crate) creator: Option<UserId>,
}

impl KeyScope {
    /// The organization; no key of another is ever in the set (promise 6).
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The one creator whose keys are in the set; `None` is everyone in the organization.
    #[must_use]
    pub fn creator(&self) -> Option<UserId> {
        self.creator
    }
}

/// The right to create one key.
#[derive(Debug, Clone, Copy)]
pub struct NewKeyGrant {
    organization: OrganizationId,
    creator: UserId,
    via: ViaKind,
    expiration: Expiration,
    allow_impersonation: bool,
}

impl NewKeyGrant {
    /// Whether a policy allows the key: asked again inside the transaction that writes it, by when the policy may be another.
    pub fn check(&self, policy: &KeyPolicy) -> Result<(), Error> {
        policy.check_open(self.via)?;
        policy.check_expiration(self.expiration)
    }

    /// Where the key belongs.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Whose permissions it will have.
    #[must_use]
    pub fn creator(&self) -> UserId {
        self.creator
    }

    /// How long it will work.
    #[must_use]
    pub fn expiration(&self) -> Expiration {
        self.expiration
    }

    /// Whether it may act for others.
    #[must_use]
    pub fn allow_impersonation(&self) -> bool {
        self.allow_impersonation
    }
}

/// The right to read an organization's audit log.
#[derive(Debug, Clone, Copy)]
pub struct AuditScope {
    organization: OrganizationId,
}

impl AuditScope {
    /// The organization whose events may be read.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }
}
