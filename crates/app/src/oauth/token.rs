//! Tokens for a client that a person has allowed.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::Trace;
use keystead_domain::{
    AccessClaims, AuthorizedClient, ConnectionEnd, Error, OauthLifetimes, OauthRefusal, RefreshUse,
    check_resource,
};
use keystead_store::{CodeRecord, RefreshRecord, Transaction};
use keystead_token::{Prefix, Token, TokenHash, TokenRef};
use zeroize::Zeroizing;

use crate::open::fault;
use crate::{App, RequestOrigin};

/// A client's request to redeem its code (OAuth 2.1, section 4.1.3).
#[expect(missing_docs, reason = "the names are the parameters'")]
pub struct CodeRedemption {
    pub code: Zeroizing<String>,
    pub client_id: String,
    pub redirect_uri: Option<String>,
    pub code_verifier: Zeroizing<String>,
    pub resource: Option<String>,
}

/// Tokens that were just made.
pub struct IssuedTokens {
    /// For the MCP server.
    pub access_token: Zeroizing<String>,
    /// For the next ones; it counts once.
    pub refresh_token: Token,
    /// How long the access token counts.
    pub lifetime: SignedDuration,
}

/// Why no tokens are made.
#[derive(Debug, Clone)]
pub enum TokenRefusal {
    /// The request is refused.
    Refused(OauthRefusal),
    /// It did not work.
    Failed(Error),
}

impl From<OauthRefusal> for TokenRefusal {
    fn from(refusal: OauthRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for TokenRefusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl App {
    /// Redeems a code. One that comes a second time ends what the first one began: two parties have it, and which of them is the
    /// client, nobody knows (OAuth 2.1, section 4.1.3).
    pub async fn redeem_code(
        &self,
        asked: &CodeRedemption,
        origin: &RequestOrigin,
    ) -> Result<IssuedTokens, TokenRefusal> {
        check_resource(asked.resource.as_deref(), &self.issuer().resource())?;
        let hash = hash_of(&asked.code).ok_or(OauthRefusal::INVALID_CODE)?;
        // Asked without a turn at writing: whoever makes codes up holds nobody up.
        if !self.store.knows_code(&hash).await.map_err(fault)? {
            return Err(OauthRefusal::INVALID_CODE.into());
        }
        let now = self.now();
        let mut change = self.begin_as_client(origin, now).await?;
        let record = change.code(&hash).await.map_err(fault)?.ok_or(OauthRefusal::INVALID_CODE)?;
        if record.redeemed {
            return self
                .end_of_both(change, &record.client, ConnectionEnd::CodeReused, OauthRefusal::INVALID_CODE)
                .await;
        }
        check_code(&record, asked, now)?;
        self.check_user(&record.client, OauthRefusal::INVALID_CODE)?;
        change.redeem(&record.client).await.map_err(fault)?;
        self.issue(change, &record.client, now).await
    }

    /// Replaces a refresh token. One that two parties have ends the connection ([`RefreshUse`]).
    pub async fn refresh(
        &self,
        token: &str,
        client_id: &str,
        resource: Option<&str>,
        origin: &RequestOrigin,
    ) -> Result<IssuedTokens, TokenRefusal> {
        const REFUSED: OauthRefusal = OauthRefusal::INVALID_REFRESH_TOKEN;
        check_resource(resource, &self.issuer().resource())?;
        let hash = hash_of(token).ok_or(REFUSED)?;
        if !self.store.knows_refresh_token(&hash).await.map_err(fault)? {
            return Err(REFUSED.into());
        }
        let now = self.now();
        let mut change = self.begin_as_client(origin, now).await?;
        let record = change.refresh_token(&hash).await.map_err(fault)?.ok_or(REFUSED)?;
        check_refresh(&record, client_id, now)?;
        match record.standing.on_use(now) {
            RefreshUse::Reuse => {
                let why = ConnectionEnd::RefreshTokenReused;
                return self.end_of_both(change, &record.client, why, REFUSED).await;
            }
            RefreshUse::Replace => change.use_refresh_token(&record.client, &hash).await.map_err(fault)?,
            RefreshUse::Again => {}
        }
        self.check_user(&record.client, REFUSED)?;
        self.issue(change, &record.client, now).await
    }

    /// A client gives its refresh token back (RFC 7009): the connection ends. A token that is none, or another client's, is no error.
    pub async fn give_back(&self, token: &str, client_id: &str, origin: &RequestOrigin) -> Result<(), Error> {
        let Some(hash) = hash_of(token) else { return Ok(()) };
        if !self.store.knows_refresh_token(&hash).await.map_err(fault)? {
            return Ok(());
        }
        let mut change = self.begin_as_client(origin, self.now()).await?;
        let record = change.refresh_token(&hash).await.map_err(fault)?;
        let Some(record) = record.filter(|record| record.client.client_id == client_id) else {
            return Ok(());
        };
        change.end_connection(&record.client, ConnectionEnd::App).await.map_err(fault)?;
        change.commit().await.map_err(fault)
    }

    async fn begin_as_client(&self, origin: &RequestOrigin, now: Timestamp) -> Result<Transaction, Error> {
        self.store.begin(Trace::visitor("connection", origin.address, now)).await.map_err(fault)
    }

    async fn end_of_both(
        &self,
        mut change: Transaction,
        client: &AuthorizedClient,
        why: ConnectionEnd,
        refusal: OauthRefusal,
    ) -> Result<IssuedTokens, TokenRefusal> {
        tracing::warn!(connection = %client.connection, why = why.name(), "a connected app was disconnected");
        change.end_connection(client, why).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Err(refusal.into())
    }

    /// Whoever may not act now gets no tokens; what was begun is dropped.
    fn check_user(&self, client: &AuthorizedClient, refusal: OauthRefusal) -> Result<(), OauthRefusal> {
        let user = self.directory.user(client.user);
        if user.is_some_and(|user| user.may_act()) { Ok(()) } else { Err(refusal) }
    }

    async fn issue(
        &self,
        mut change: Transaction,
        client: &AuthorizedClient,
        now: Timestamp,
    ) -> Result<IssuedTokens, TokenRefusal> {
        let refresh_token = Token::mint(&Prefix::refresh_token(), &self.entropy.bytes()?);
        let expires_at = now.checked_add(OauthLifetimes::REFRESH_TOKEN).map_err(|_| Error::Internal)?;
        let jti = self.next_id(now)?;
        change
            .add_refresh_token(client, &refresh_token.hash(), expires_at.min(client.ends_at))
            .await
            .map_err(fault)?;
        change.commit().await.map_err(fault)?;
        let named = (client.connection, client.user, client.client_id.clone());
        let claims = AccessClaims::new(&self.issuer(), jti, named, now);
        Ok(IssuedTokens {
            access_token: Zeroizing::new(claims.sign(&self.signing_ring.load())),
            refresh_token,
            lifetime: OauthLifetimes::ACCESS_TOKEN,
        })
    }
}

/// Junk is refused by its checksum, before anything is looked up.
fn hash_of(token: &str) -> Option<TokenHash> {
    TokenRef::parse(token).ok().map(TokenRef::hash)
}

fn check_code(record: &CodeRecord, asked: &CodeRedemption, now: Timestamp) -> Result<(), OauthRefusal> {
    let is_for_it = record.client.client_id == asked.client_id
        && asked.redirect_uri.as_ref().is_none_or(|uri| *uri == record.redirect_uri)
        && record.challenge.is_met_by(&asked.code_verifier);
    let counts = record.client.is_live(now) && now.duration_since(record.created_at) < OauthLifetimes::CODE;
    if is_for_it && counts { Ok(()) } else { Err(OauthRefusal::INVALID_CODE) }
}

fn check_refresh(record: &RefreshRecord, client_id: &str, now: Timestamp) -> Result<(), OauthRefusal> {
    let counts =
        record.client.client_id == client_id && record.client.is_live(now) && now < record.expires_at;
    if counts { Ok(()) } else { Err(OauthRefusal::INVALID_REFRESH_TOKEN) }
}

impl fmt::Debug for IssuedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuedTokens(…)")
    }
}
