//! What changes API keys.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use keystead_app::KeyInput;
use keystead_domain::{Description, Error, Expiration, KeyName};

use crate::graphql::key::{ApiKey, ApiKeyExpiration};
use crate::graphql::{caller, id_of};

#[derive(Default)]
pub(super) struct KeyMutation;

#[Object]
impl KeyMutation {
    /// Creates an API key that can do what the caller can do, whenever it is used. The answer has its token, which is shown
    /// this once: Keystead keeps only a hash of it.
    ///
    /// Errors: `BAD_USER_INPUT` for a refused `name` or `description`, and for an `expiration` that is longer than the
    /// organization allows; `FORBIDDEN` for `allowImpersonation` where the deployment or the caller may not, and for a key that
    /// creates a key where the organization does not have that; `CONFLICT` while the organization has the creation of keys closed.
    #[graphql(complexity = "500 + child_complexity")]
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to create.")] input: CreateApiKeyInput,
    ) -> Result<CreateApiKeyPayload, Error> {
        let caller = caller(context)?;
        let input = KeyInput {
            name: KeyName::parse(&input.name)?,
            description: Description::parse(&input.description.unwrap_or_default())?,
            expiration: input.expiration.into(),
            allow_impersonation: input.allow_impersonation,
            request_id: None,
        };
        let created = caller.app.create_key(&caller.actor, &input).await?;
        let token = created.token.ok_or(Error::Internal)?;
        Ok(CreateApiKeyPayload {
            api_key: ApiKey { key: created.key, now: caller.app.now() },
            token: token.expose().to_owned(),
        })
    }

    /// Changes the name or the description, or both, of one of the caller's own keys. Nothing else of a key ever changes.
    ///
    /// Errors: `BAD_USER_INPUT` for a refused `name` or `description`; `CONFLICT` once the key has expired; `FORBIDDEN` for
    /// a key that the caller sees and somebody else created; `NOT_FOUND`.
    #[graphql(complexity = "500 + child_complexity")]
    async fn update_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateApiKeyInput,
    ) -> Result<UpdateApiKeyPayload, Error> {
        let caller = caller(context)?;
        let id = id_of(&input.id, "API key")?;
        let name = input.name.as_deref().map(KeyName::parse).transpose()?;
        let description = input.description.as_deref().map(Description::parse).transpose()?;
        let key = caller.app.update_key(&caller.actor, id, name, description).await?;
        Ok(UpdateApiKeyPayload { api_key: ApiKey { key, now: caller.app.now() } })
    }

    /// Revokes a key, for good: when this has answered, it no longer works. One's own keys, or anybody's in the organization
    /// with the permission `keys:revoke_all`. An expired key can be revoked, too.
    ///
    /// Errors: `NOT_FOUND`, also for a key that is revoked already; `FORBIDDEN` for a key that the caller only sees.
    #[graphql(complexity = "500 + child_complexity")]
    async fn revoke_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to revoke.")] input: RevokeApiKeyInput,
    ) -> Result<RevokeApiKeyPayload, Error> {
        let caller = caller(context)?;
        let key = caller.app.revoke_key(&caller.actor, id_of(&input.id, "API key")?, None).await?;
        Ok(RevokeApiKeyPayload { revoked_id: key.id.to_string().into() })
    }
}

/// A key to create.
#[derive(InputObject)]
pub(crate) struct CreateApiKeyInput {
    /// What it will be used for: 1 to 100 characters after trimming, no control characters. Names need not be unique.
    name: String,
    /// A note: at most 500 characters.
    #[graphql(default_with = "Some(String::new())")]
    description: Option<String>,
    /// How long it will work.
    #[graphql(default_with = "Expiration::default().into()")]
    expiration: ApiKeyExpiration,
    /// Whether it is to be an impersonation key. Needs a deployment that has them, and the permission `impersonation:grant`.
    #[graphql(default)]
    allow_impersonation: bool,
}

/// A key that was created.
#[derive(SimpleObject)]
pub(crate) struct CreateApiKeyPayload {
    /// The key.
    api_key: ApiKey,
    /// Its token, here and nowhere else. Send it as `Authorization: Bearer TOKEN`.
    token: String,
}

/// A key's new name and description.
#[derive(InputObject)]
pub(crate) struct UpdateApiKeyInput {
    /// The key's id.
    id: ID,
    /// Its new name: 1 to 100 characters after trimming, no control characters. Left out, it stays.
    name: Option<String>,
    /// Its new description: at most 500 characters; the empty text for none. Left out, it stays.
    description: Option<String>,
}

/// A key that was changed.
#[derive(SimpleObject)]
pub(crate) struct UpdateApiKeyPayload {
    /// The key as it is now.
    api_key: ApiKey,
}

/// A key to revoke.
#[derive(InputObject)]
pub(crate) struct RevokeApiKeyInput {
    /// The key's id.
    id: ID,
}

/// A key that was revoked.
#[derive(SimpleObject)]
pub(crate) struct RevokeApiKeyPayload {
    /// Its id. There is no key with this id any more.
    revoked_id: ID,
}
