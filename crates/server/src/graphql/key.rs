//! `ApiKey` in the schema, and the choices that requests name.

use async_graphql::{
    Context, Enum, ID, InputValueError, InputValueResult, Object, Scalar, ScalarType, SimpleObject, Value,
};
use jiff::Timestamp;
use keystead_domain::{self as domain, Error, Expiration, Status, View};

use super::caller;
use super::user::User;

/// `DateTime` in the schema.
pub(super) struct DateTime(pub(super) Timestamp);

/// An instant in UTC, as RFC 3339 writes it: `2026-11-23T10:00:00Z`. Fractions of a second are left out where they are zero.
#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(text.parse()?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// How close a key is to its end.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub(super) enum ApiKeyStatus {
    /// It works.
    Active,
    /// It works, and expires within 7 days.
    ExpiringSoon,
    /// It no longer works. It stays listed, cannot be edited, and can be revoked.
    Expired,
}

/// How long a new key stays valid. It never changes afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Expiration")]
pub(super) enum ApiKeyExpiration {
    /// 7 days.
    #[graphql(name = "DAYS_7")]
    Days7,
    /// 30 days.
    #[graphql(name = "DAYS_30")]
    Days30,
    /// 90 days.
    #[graphql(name = "DAYS_90")]
    Days90,
    /// 180 days.
    #[graphql(name = "DAYS_180")]
    Days180,
    /// 365 days.
    #[graphql(name = "YEAR_1")]
    Year1,
    /// Until it is revoked.
    Never,
}

/// Whose keys a list shows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Enum)]
#[graphql(remote = "View")]
pub(super) enum ApiKeyView {
    /// Those that the caller created.
    #[default]
    Mine,
    /// Those of everyone in the organization. Needs the permission `keys:read_all`.
    All,
}

/// A key as of the moment of the request.
pub(super) struct ApiKey {
    pub(super) key: domain::ApiKey,
    pub(super) now: Timestamp,
}

/// An API key: a bearer token that can do exactly what its creator can do at that moment. The token itself is not here; it
/// is shown once, by `createApiKey`.
#[Object]
impl ApiKey {
    /// The key's id. Not secret: it says nothing of the token.
    async fn id(&self) -> ID {
        self.key.id.to_string().into()
    }

    /// What it is used for: 1 to 100 characters. Names need not be unique.
    async fn name(&self) -> &str {
        self.key.name.as_str()
    }

    /// A note: at most 500 characters, perhaps none.
    async fn description(&self) -> &str {
        self.key.description.as_str()
    }

    /// The fragment of the token that may be shown: its prefix, its first 4 and its last 4 characters.
    async fn masked_token(&self) -> String {
        self.key.masked.to_string()
    }

    /// Its status as of this answer.
    async fn status(&self) -> ApiKeyStatus {
        self.key.status(self.now).into()
    }

    /// Whether it is an impersonation key. Never changes.
    async fn allow_impersonation(&self) -> bool {
        self.key.allow_impersonation
    }

    /// What it has minted; null for a key that is no impersonation key.
    #[graphql(complexity = "10 + child_complexity")]
    async fn impersonation(&self, context: &Context<'_>) -> Result<Option<ApiKeyImpersonation>, Error> {
        let caller = caller(context)?;
        let sessions = caller.app.key_sessions(&caller.actor, std::slice::from_ref(&self.key)).await?;
        Ok(sessions.get(&self.key.id).map(|sessions| ApiKeyImpersonation {
            last_minted_at: sessions.last_minted_at.map(DateTime),
            live_sessions: i32::try_from(sessions.live).unwrap_or(i32::MAX),
        }))
    }

    /// Who created it, and whose permissions it has. Never changes.
    async fn created_by(&self, context: &Context<'_>) -> Result<User, Error> {
        let caller = caller(context)?;
        match caller.app.creator(&caller.actor, &self.key) {
            Ok(user) => Ok(User::of(user)),
            // The list that the key stands in is shown all the same.
            Err(Error::NotFound(_)) => Ok(User::gone(self.key.creator, self.key.creator_name.clone())),
            Err(error) => Err(error),
        }
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.key.created_at)
    }

    /// The first instant at which it no longer works, in whole seconds; null if it never expires. Never changes.
    async fn expires_at(&self) -> Option<DateTime> {
        self.key.expires_at.map(DateTime)
    }

    /// When it last was accepted, at most 10 s late; null if it never was.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.key.last_used_at.map(DateTime)
    }
}

/// What an impersonation key has minted.
#[derive(SimpleObject)]
pub(super) struct ApiKeyImpersonation {
    /// When it last minted a session; null if it never did.
    last_minted_at: Option<DateTime>,
    /// How many sessions have neither run out nor been ended; more than 1,000 are told as 1,001.
    live_sessions: i32,
}
