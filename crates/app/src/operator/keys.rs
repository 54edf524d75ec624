//! `keystead key …`.

use keystead_domain::audit::Trace;
use keystead_domain::{
    ApiKey, Description, Error, Expiration, Field, KeyFilter, KeyId, KeyName, KeyScope, Operator,
};
use keystead_store::Transaction;

use super::{Answer, ListedKey};
use crate::impersonation::find_key;
use crate::keys::{Minted, revoke};
use crate::open::fault;
use crate::{App, KeyInput};

impl App {
    pub(super) async fn create_key_for(
        &self,
        user: &str,
        organization: Option<&str>,
        name: &str,
        expires: &str,
    ) -> Result<Answer, Error> {
        let user = self.user_by_email(user, organization).await?;
        let expiration = Expiration::parse(expires)?;
        let input = KeyInput {
            name: KeyName::parse(name)?,
            description: Description::parse("")?,
            expiration,
            allow_impersonation: false,
            request_id: None,
        };
        super::check_may_act(&user)?;
        let organization = self.directory.organization(user.organization).ok_or(Error::Unavailable)?;
        let grant = Operator.new_key_for(&user, expiration, &organization.policy)?;
        let minted = self.mint(&grant, &input, Trace::operator(self.now()), None).await?;
        match minted {
            Minted::New(key, token) => {
                Ok(Answer::Token { id: key.id.to_string(), token: token.expose().to_owned() })
            }
            // Only forms have a one-time id.
            Minted::Before(_) => Err(Error::Internal),
        }
    }

    pub(super) async fn list_keys_of(&self, user: &str, organization: Option<&str>) -> Result<Answer, Error> {
        let user = self.user_by_email(user, organization).await?;
        let scope = Operator.keys_of(&user);
        let filter = KeyFilter::default();
        let now = self.now();
        let mut listed = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.list(&scope, &filter, 100, after.as_deref()).await?;
            listed.extend(page.keys.iter().map(|key| ListedKey {
                id: key.id.to_string(),
                name: key.name.to_string(),
                description: key.description.to_string(),
                masked_token: key.masked.to_string(),
                status: key.status(now).code().to_owned(),
                allow_impersonation: key.allow_impersonation,
                created_at: key.created_at.to_string(),
                expires_at: key.expires_at.map(|at| at.to_string()),
                last_used_at: key.last_used_at.map(|at| at.to_string()),
            }));
            match page.cursors.last() {
                Some(cursor) if page.has_more => after = Some(cursor.clone()),
                _ => return Ok(Answer::Keys(listed)),
            }
        }
    }

    pub(super) async fn revoke_by_id(&self, id: &str) -> Result<Answer, Error> {
        let (change, scope, key) = self.begin_with_key(id).await?;
        let key = revoke(change, &scope, key, None).await?;
        Ok(Answer::Revoked { id: key.id.to_string(), name: key.name.to_string() })
    }

    pub(super) async fn end_sessions_by_id(&self, id: &str) -> Result<Answer, Error> {
        let (mut change, scope, key) = self.begin_with_key(id).await?;
        key.check_mints()?;
        change.end_impersonated_sessions(&scope, &key).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(Answer::SessionsEnded { id: key.id.to_string(), name: key.name.to_string() })
    }

    /// Begins a change of a key, and returns the key as it is inside of it.
    async fn begin_with_key(&self, id: &str) -> Result<(Transaction, KeyScope, ApiKey), Error> {
        let id: KeyId = id.parse().map_err(|_| {
            Error::invalid(
                Field::Id,
                "That is not a key's id. `keystead key list --user EMAIL --json` shows the ids.",
            )
        })?;
        let organization = self.store.organization_of_key(Operator, id).await.map_err(fault)?;
        let scope = Operator.keys_in(organization.ok_or(Error::NotFound("API key"))?);
        let change = self.store.begin(Trace::operator(self.now())).await.map_err(fault)?;
        let (change, key) = find_key(change, &scope, id).await?;
        Ok((change, scope, key))
    }
}
