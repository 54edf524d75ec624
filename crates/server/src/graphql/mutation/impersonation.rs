//! Signing a product's users in, and ending their sessions.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use keystead_domain::Error;

use crate::graphql::key::ApiKey;
use crate::graphql::user::UserAttributeInput;
use crate::graphql::{Visitor, caller, id_of};

#[derive(Default)]
pub(super) struct ImpersonationMutation;

#[Object]
impl ImpersonationMutation {
    /// Signs a user in for at most an hour, and returns the session's token: a JWT, to be sent as `Authorization: Bearer TOKEN`, or
    /// handed to the embedded page. There is nothing to refresh it with: ask again.
    ///
    /// The impersonation key is the credential, so send no `Authorization` header; such a request has this one field and, if need
    /// be, `__typename`. The session acts as the user, and ends with the key, its creator's permission `impersonation:grant` and the
    /// user; it mints no further sessions and creates no impersonation keys.
    ///
    /// Errors: `UNAUTHENTICATED` for whatever is wrong with the key; `NOT_FOUND` for an address that nobody in the key's organization
    /// has; `FORBIDDEN` for a user who is deactivated or not admitted; `BAD_USER_INPUT` for refused `attributes`; `RATE_LIMITED`
    /// beyond 600 sessions at once and 10 a second.
    #[graphql(complexity = 500)]
    async fn impersonate_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token of an impersonation key. The token of a session is none.")]
        access_token: String,
        #[graphql(desc = "The address of a user of the key's organization. Create them first.")]
        user_email: String,
        #[graphql(
            desc = "Attributes for this session alone, on top of the user's own: 4,096 bytes in all, none of them named as a claim."
        )]
        attributes: Option<Vec<UserAttributeInput>>,
    ) -> Result<String, Error> {
        let visitor = context.data_opt::<Visitor>().ok_or(Error::Internal)?;
        let attributes = attributes.into_iter().flatten().map(UserAttributeInput::into_pair);
        let attributes: Vec<_> = attributes.collect();
        let minted =
            visitor.app.impersonate(&access_token, &user_email, &attributes, &visitor.origin).await?;
        Ok(minted.token.to_string())
    }

    /// Ends all sessions that an impersonation key has minted: when this has answered, none of them counts any more. The key goes
    /// on working. One's own keys, or anybody's in the organization with the permission `keys:revoke_all`.
    ///
    /// Errors: `NOT_FOUND`; `FORBIDDEN` for a key that the caller only sees, and to impersonated sessions; `CONFLICT` for a key that
    /// mints no sessions.
    #[graphql(complexity = "500 + child_complexity")]
    async fn end_impersonated_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose sessions to end.")] input: EndImpersonatedSessionsInput,
    ) -> Result<EndImpersonatedSessionsPayload, Error> {
        let caller = caller(context)?;
        let key = caller.app.end_sessions(&caller.actor, id_of(&input.key_id, "API key")?).await?;
        Ok(EndImpersonatedSessionsPayload { api_key: ApiKey { key, now: caller.app.now() } })
    }
}

/// The key whose sessions to end.
#[derive(InputObject)]
pub(crate) struct EndImpersonatedSessionsInput {
    /// The key's id.
    key_id: ID,
}

/// A key whose sessions have ended.
#[derive(SimpleObject)]
pub(crate) struct EndImpersonatedSessionsPayload {
    /// The key, which goes on working.
    api_key: ApiKey,
}
