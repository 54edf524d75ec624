//! What a bearer token turns out to be: an API key, or a session that an impersonation key minted.

use std::net::IpAddr;

use keystead_app::{Refusal, SessionRefusal, Verified};
use keystead_domain::{Actor, Error, Impersonation, OrganizationId, User, Via};

/// A token that counts.
pub(crate) enum Checked {
    /// An API key's.
    Key(Verified),
    /// A session's.
    Session(Box<Impersonation>),
}

/// A token that does not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    /// What is an API key or nothing.
    Key(Refusal),
    /// What has the form of a session's token.
    Session(SessionRefusal),
    /// What has the form of an app's access token.
    Access(Refusal),
}

impl Checked {
    /// As somebody of an organization may know it (promise 6).
    fn told_to(self, organization: OrganizationId) -> Result<Self, Refused> {
        match self {
            theirs if theirs.user().organization == organization => Ok(theirs),
            Self::Key(_) => Err(Refused::Key(Refusal::Unknown)),
            Self::Session(_) => Err(Refused::Session(SessionRefusal::Ended)),
        }
    }

    /// Whose permissions it has.
    pub(crate) fn user(&self) -> &User {
        match self {
            Self::Key(verified) => verified.user(),
            Self::Session(session) => session.user(),
        }
    }

    /// Who asks.
    pub(crate) fn into_actor(self, address: Option<IpAddr>) -> Result<Actor, Error> {
        match self {
            Self::Key(verified) => {
                let via = Via::Key(verified.key);
                Actor::authenticated(verified.into_user(), via, address)
            }
            Self::Session(session) => Ok(Actor::impersonated(*session, address)),
        }
    }
}

/// What somebody of an organization is told of a token: another organization's is as unknown as junk, dead or alive (promise 6).
pub(crate) fn as_told_to(
    organization: OrganizationId,
    checked: Result<Checked, Refused>,
) -> Result<Checked, Refused> {
    match checked {
        Ok(checked) => checked.told_to(organization),
        Err(refused) => Err(refused.told_to(organization)),
    }
}

impl Refused {
    /// As somebody of an organization may know it (promise 6).
    fn told_to(self, asking: OrganizationId) -> Self {
        match self {
            Self::Key(Refusal::Expired { organization, .. }) if organization != asking => {
                Self::Key(Refusal::Unknown)
            }
            Self::Session(SessionRefusal::Expired { organization, .. }) if organization != asking => {
                Self::Session(SessionRefusal::Ended)
            }
            known => known,
        }
    }

    /// Whether this node cannot know.
    pub(crate) fn is_unavailable(self) -> bool {
        matches!(
            self,
            Self::Key(Refusal::Unavailable)
                | Self::Access(Refusal::Unavailable)
                | Self::Session(SessionRefusal::Unavailable)
        )
    }

    /// What the caller is told: that and when it ran out, since they hold the secret; of all else, nothing that a guesser could
    /// learn from. It has no quotes, so that it can stand in a header.
    pub(crate) fn description(self) -> String {
        match self {
            Self::Key(Refusal::Expired { at, .. }) => format!("The API key expired at {at}."),
            Self::Key(_) => "The API key does not work.".to_owned(),
            Self::Session(SessionRefusal::Expired { at, .. }) => format!("The session expired at {at}."),
            Self::Session(_) => "The session has ended.".to_owned(),
            Self::Access(_) => "The access token does not work.".to_owned(),
        }
    }
}
