//! The access token of a connected app (RFC 9068): for the MCP server, and for nothing else.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::oauth::OauthLifetimes;
use crate::signing_ring::{CLOCK_SKEW, SigningRing, TokenKind};
use crate::{AccessTokenId, ConnectionId, UserId};

/// The one scope: to do at the MCP server what the user may do there.
pub const MCP_SCOPE: &str = "mcp";

/// What an access token says. All of it is needed, in exactly these types, and nothing else may be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessClaims {
    /// Who made it: the deployment's public URL.
    pub iss: String,
    /// What it is for: the URL of the MCP server.
    pub aud: String,
    /// For whom the app acts.
    pub sub: UserId,
    /// Which app.
    pub client_id: String,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// The token's id.
    pub jti: AccessTokenId,
    /// [`MCP_SCOPE`].
    pub scope: String,
    /// The connection: the token counts only as long as it does.
    pub connection_id: ConnectionId,
}

/// Whom the tokens are from, and what they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The deployment's public URL.
    pub url: String,
}

impl Issuer {
    /// The URL of the MCP server: the resource of every access token (RFC 8707).
    #[must_use]
    pub fn resource(&self) -> String {
        format!("{}/mcp", self.url)
    }
}

impl AccessClaims {
    /// What a new token says.
    #[must_use]
    pub fn new(
        issuer: &Issuer,
        jti: AccessTokenId,
        (connection_id, sub, client_id): (ConnectionId, UserId, String),
        now: Timestamp,
    ) -> Self {
        let iat = now.as_second();
        let exp = iat + OauthLifetimes::ACCESS_TOKEN.as_secs();
        let scope = MCP_SCOPE.to_owned();
        Self {
            iss: issuer.url.clone(),
            aud: issuer.resource(),
            sub,
            client_id,
            exp,
            iat,
            jti,
            scope,
            connection_id,
        }
    }

    /// The token that says this.
    #[must_use]
    pub fn sign(&self, ring: &SigningRing) -> String {
        ring.sign(TokenKind::Access, self)
    }

    /// What a token says, if it is one of ours, for our MCP server, and counts at `now`. Whether the connection still exists is not
    /// known here.
    #[must_use]
    pub fn verify(token: &str, ring: &SigningRing, issuer: &Issuer, now: Timestamp) -> Option<Self> {
        let claims: Self = ring.verified(TokenKind::Access, token)?;
        let made = Timestamp::from_second(claims.iat).ok()?;
        let ends = Timestamp::from_second(claims.exp).ok()?;
        let lasts = ends.duration_since(made);
        // None is made that lasts longer: what says so was not made here, whatever signed it.
        let is_possible = SignedDuration::ZERO < lasts && lasts <= OauthLifetimes::ACCESS_TOKEN;
        let counts = made.duration_since(now) <= CLOCK_SKEW && now.duration_since(ends) < CLOCK_SKEW;
        let is_ours =
            claims.iss == issuer.url && claims.aud == issuer.resource() && claims.scope == MCP_SCOPE;
        (is_possible && counts && is_ours).then_some(claims)
    }
}
