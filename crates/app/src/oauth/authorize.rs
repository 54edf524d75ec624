//! A client asks, a person decides.

use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, AnswerTo, AuthorizationParameters, AuthorizationRequest, ClientId, Error, OauthLifetimes,
    OauthRefusal, RedirectUri,
};
use keystead_token::{Prefix, Token};

use super::OauthClient;
use crate::App;
use crate::open::fault;

/// A request that a person can decide on.
#[derive(Debug, Clone)]
pub struct PendingAuthorization {
    /// Who asks.
    pub client: OauthClient,
    request: AuthorizationRequest,
    answer: AnswerTo,
}

/// Why there is nothing to decide.
#[derive(Debug, Clone)]
pub enum AuthorizationError {
    /// For the person to read. The browser is sent nowhere: whoever made the request is not known, or not where it wants the answer.
    ShowToPerson(Error),
    /// For the client: where to send the browser.
    Redirect(String),
}

impl PendingAuthorization {
    /// Where the answer goes.
    #[must_use]
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.answer.redirect_uri
    }

    /// Where to send the browser if the person says no.
    #[must_use]
    pub fn denied(&self) -> String {
        self.answer.with_refusal(OauthRefusal::ACCESS_DENIED)
    }

    /// What a person can hold the client to: the host of its description, or else of where its codes go.
    #[must_use]
    pub fn client_host(&self) -> String {
        match &self.client.id {
            ClientId::Document(url) => url.host().to_owned(),
            ClientId::Registered(_) => self.answer.redirect_uri.host(),
        }
    }
}

impl App {
    /// Apps that one person may have connected at once.
    const CONNECTIONS_MAX: u64 = 100;

    /// What a client asks for, if it is known and may be answered where it wants. Asked to show the page, and again when the person
    /// has decided: nothing is kept in between.
    pub async fn check_authorization(
        &self,
        parameters: &AuthorizationParameters,
    ) -> Result<PendingAuthorization, AuthorizationError> {
        let show = |error| Err(AuthorizationError::ShowToPerson(error));
        let client = match self.client(parameters.client_id.as_deref()).await {
            Ok(client) => client,
            Err(error) => return show(error),
        };
        let Some(redirect_uri) = client.metadata.redirect_uri(parameters.redirect_uri.as_deref()) else {
            return show(Error::Forbidden(
                "The app wants the answer sent to an address that it has not registered. Nothing was sent. \
                 Start again from the app; if this comes back, tell whoever makes it."
                    .to_owned(),
            ));
        };
        if parameters.state.as_ref().is_some_and(|state| state.len() > AnswerTo::STATE_MAX) {
            return show(Error::Forbidden("The app's request is too long.".to_owned()));
        }
        let issuer = self.issuer();
        let resource = issuer.resource();
        let answer = AnswerTo { redirect_uri, state: parameters.state.clone(), issuer: issuer.url };
        match AuthorizationRequest::parse(parameters, &resource) {
            Ok(request) => Ok(PendingAuthorization { client, request, answer }),
            Err(refusal) => Err(AuthorizationError::Redirect(answer.with_refusal(refusal))),
        }
    }

    /// The person allows it: where to send the browser, with a code that counts for a minute and once.
    pub async fn approve(&self, actor: &Actor, pending: &PendingAuthorization) -> Result<String, Error> {
        let now = self.now();
        let new = actor.new_connection(
            self.next_id(now)?,
            pending.client.id.clone(),
            (pending.client.metadata.name.to_string(), pending.client_host()),
            pending.redirect_uri().as_str().to_owned(),
            pending.request.challenge,
        )?;
        let scope = actor.connections()?;
        let code = Token::mint(&Prefix::authorization_code(), &self.entropy.bytes()?);
        let ends_at = now.checked_add(OauthLifetimes::CONNECTION).map_err(|_| Error::Internal)?;
        let mut change = self.store.begin(Trace::of(actor, now)).await.map_err(fault)?;
        if change.count_connections(&scope).await.map_err(fault)? >= Self::CONNECTIONS_MAX {
            return Err(Error::Conflict(format!(
                "You have connected {} apps. Disconnect one that you no longer use.",
                Self::CONNECTIONS_MAX
            )));
        }
        if !change.create_connection(&new, &code.hash(), ends_at).await.map_err(fault)? {
            return Err(Error::Unauthenticated);
        }
        change.commit().await.map_err(fault)?;
        Ok(pending.answer.with_code(code.expose()))
    }

    async fn client(&self, id: Option<&str>) -> Result<OauthClient, Error> {
        let unknown = || {
            Error::Forbidden(
                "The app that sent you here is not known. Start again from the app: it registers itself anew."
                    .to_owned(),
            )
        };
        let id = ClientId::parse(id.unwrap_or_default()).ok_or_else(unknown)?;
        let metadata = match &id {
            ClientId::Registered(registered) => {
                self.store.registered_client(*registered).await.map_err(fault)?.ok_or_else(unknown)?
            }
            ClientId::Document(url) => {
                let read = self.client_metadata.get(url, self.now()).await;
                read.map_err(|refusal| Error::Forbidden(refusal.to_string()))?
            }
        };
        Ok(OauthClient { id, metadata })
    }
}
