//! The token of an impersonated session.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::signing_ring::{CLOCK_SKEW, SigningRing, TokenKind};
use crate::{KeyId, NewImpersonation, OrganizationId, SessionId, SessionLifetime, UserId};

/// The token's type (RFC 8725, section 3.11): neither an access token nor an id token is one of these.
pub const SESSION_TOKEN_TYPE: &str = TokenKind::Session.name();

/// What a session token says. All of it is needed, in exactly these types, and nothing else may be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClaims {
    /// Who made it: the deployment's public URL.
    pub iss: String,
    /// Whom it is for: the same.
    pub aud: String,
    /// As whom the session acts.
    pub sub: UserId,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// The session's id.
    pub jti: SessionId,
    /// The user's and the key's organization.
    pub organization_id: OrganizationId,
    /// The same as `sub`, under the name by which products know an impersonated session.
    pub impersonated_user_id: UserId,
    /// Who acts (RFC 8693, section 4.1).
    pub act: ActingParty,
    /// How often the key's sessions had been ended when this one was made.
    pub session_epoch: u32,
    /// The user's attributes in this session.
    pub attributes: BTreeMap<String, String>,
}

/// Who acts in a session: a key, and whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActingParty {
    /// The key's creator.
    pub sub: UserId,
    /// The impersonation key.
    pub key_id: KeyId,
}

/// Why a session token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadSessionToken {
    /// It is none of ours, was changed, or is for somebody else.
    Invalid,
    /// It was ours, and has ended.
    Expired {
        /// When.
        at: Timestamp,
        /// Whose it was.
        organization: OrganizationId,
    },
}

impl SessionClaims {
    /// What the token of a new session says.
    #[must_use]
    pub fn of(session: &NewImpersonation, issuer: &str, now: Timestamp) -> Self {
        let (impersonator, user) = (session.impersonator(), session.user());
        Self {
            iss: issuer.to_owned(),
            aud: issuer.to_owned(),
            sub: user.id,
            exp: session.expires_at.as_second(),
            iat: now.as_second(),
            jti: session.id,
            organization_id: user.organization,
            impersonated_user_id: user.id,
            act: ActingParty { sub: impersonator.creator().id, key_id: impersonator.key() },
            session_epoch: impersonator.epoch(),
            attributes: session.attributes().as_map().clone(),
        }
    }

    /// When the session ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MIN)
    }

    /// The token that says this.
    #[must_use]
    pub fn sign(&self, ring: &SigningRing) -> String {
        ring.sign(TokenKind::Session, self)
    }

    /// What a token says, if it is one of ours, for `issuer`, and counts at `now`. Whether what it names still exists is not
    /// known here.
    pub fn verify(
        token: &str,
        ring: &SigningRing,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Self, BadSessionToken> {
        let claims: Self = ring.verified(TokenKind::Session, token).ok_or(BadSessionToken::Invalid)?;
        let made = Timestamp::from_second(claims.iat).map_err(|_| BadSessionToken::Invalid)?;
        let ends = Timestamp::from_second(claims.exp).map_err(|_| BadSessionToken::Invalid)?;
        // None is made that lasts longer: what says so was not made here, whatever signed it.
        let lasts = ends.duration_since(made);
        let is_possible = SignedDuration::ZERO < lasts && lasts <= SessionLifetime::LONGEST.as_duration();
        let is_made = made.duration_since(now) <= CLOCK_SKEW;
        if claims.iss != issuer || claims.aud != issuer || !is_possible || !is_made {
            return Err(BadSessionToken::Invalid);
        }
        if now.duration_since(ends) >= CLOCK_SKEW {
            return Err(BadSessionToken::Expired { at: ends, organization: claims.organization_id });
        }
        Ok(claims)
    }
}
