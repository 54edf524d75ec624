//! What several tools take and answer with, and how that is described to models.

use std::sync::Arc;

use jiff::Timestamp;
use keystead_domain::{self as domain, Error};
use rmcp::handler::server::common::{schema_for_input, schema_for_output};
use rmcp::model::JsonObject;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller::Caller;

/// Items on a page, if the caller does not say.
pub(super) const PAGE: i64 = 20;

/// The schema of a tool's arguments. All of them are objects, which is what could go wrong here, and is tested.
pub(super) fn of_input<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    let mut schema = standard(schema_for_input::<T>().unwrap_or_default());
    let properties = Arc::make_mut(&mut schema).get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(JsonObject::values_mut).for_each(leave_out_null);
    schema
}

/// An argument that is not there says as much as one that is null, and not every model is given schemas of two types.
fn leave_out_null(property: &mut Value) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|of| of != "null");
        if let [of] = &types[..] {
            property["type"] = of.clone();
        }
    }
    if let Some(Value::Array(any)) = property.get_mut("anyOf") {
        any.retain(|of| of["type"] != "null");
        if let [Value::Object(of)] = &any[..] {
            let of = of.clone();
            if let Value::Object(property) = property {
                property.remove("anyOf");
                property.extend(of);
            }
        }
    }
    if let Value::Object(property) = property
        && property.get("default") == Some(&Value::Null)
    {
        property.remove("default");
    }
}

/// The schema of a tool's answer.
pub(super) fn of_output<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    standard(schema_for_output::<T>())
}

/// Without the names of Rust's integers as formats: JSON Schema knows none of them, and clients warn of each.
fn standard(mut schema: Arc<JsonObject>) -> Arc<JsonObject> {
    strip_integer_formats(Arc::make_mut(&mut schema));
    schema
}

fn strip_integer_formats(schema: &mut JsonObject) {
    schema.retain(|name, value| {
        let is_integer = |format: &str| format.starts_with("int") || format.starts_with("uint");
        name != "format" || !value.as_str().is_some_and(is_integer)
    });
    for value in schema.values_mut() {
        match value {
            Value::Object(inner) => strip_integer_formats(inner),
            Value::Array(items) => {
                items.iter_mut().filter_map(Value::as_object_mut).for_each(strip_integer_formats);
            }
            _ => {}
        }
    }
}

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Whose keys.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum View {
    /// Those that the caller created.
    #[default]
    Mine,
    /// Those of everyone in the organization. Needs the permission `keys:read_all`.
    All,
}

impl From<View> for domain::View {
    fn from(view: View) -> Self {
        match view {
            View::Mine => Self::Mine,
            View::All => Self::All,
        }
    }
}

/// How close a key is to its end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyStatus {
    /// It works.
    Active,
    /// It works, and expires within 7 days.
    ExpiringSoon,
    /// It no longer works. It stays listed, cannot be edited, and can be revoked.
    Expired,
}

impl From<KeyStatus> for domain::Status {
    fn from(status: KeyStatus) -> Self {
        match status {
            KeyStatus::Active => Self::Active,
            KeyStatus::ExpiringSoon => Self::ExpiringSoon,
            KeyStatus::Expired => Self::Expired,
        }
    }
}

impl From<domain::Status> for KeyStatus {
    fn from(status: domain::Status) -> Self {
        match status {
            domain::Status::Active => Self::Active,
            domain::Status::ExpiringSoon => Self::ExpiringSoon,
            domain::Status::Expired => Self::Expired,
        }
    }
}

/// How long a new key stays valid.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
pub(super) enum Expiration {
    #[serde(rename = "7d")]
    Days7,
    #[default]
    #[serde(rename = "30d")]
    Days30,
    #[serde(rename = "90d")]
    Days90,
    #[serde(rename = "180d")]
    Days180,
    #[serde(rename = "1y")]
    Year1,
    #[serde(rename = "never")]
    Never,
}

impl From<Expiration> for domain::Expiration {
    fn from(expiration: Expiration) -> Self {
        match expiration {
            Expiration::Days7 => Self::Days7,
            Expiration::Days30 => Self::Days30,
            Expiration::Days90 => Self::Days90,
            Expiration::Days180 => Self::Days180,
            Expiration::Year1 => Self::Year1,
            Expiration::Never => Self::Never,
        }
    }
}

/// An API key. Its token is not here: it was shown once, when the key was created, and is kept nowhere.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ApiKey {
    /// Names the key in other tools. Not secret.
    pub(super) id: String,
    /// What it is used for. Names need not be unique.
    pub(super) name: String,
    /// A note, perhaps empty.
    pub(super) description: String,
    /// The fragment of the token that may be shown.
    pub(super) masked_token: String,
    /// As of this answer.
    pub(super) status: KeyStatus,
    /// Whether it may sign in others (an impersonation key).
    pub(super) allow_impersonation: bool,
    /// Who created it, and whose permissions it has.
    pub(super) created_by: Creator,
    /// When it was created (RFC 3339, UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) created_at: Timestamp,
    /// From when on it no longer works; null if it never expires.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) expires_at: Option<Timestamp>,
    /// When it last was accepted, at most 10 s late; null if it never was.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) last_used_at: Option<Timestamp>,
}

/// Who created a key.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Creator {
    /// Their id.
    pub(super) id: String,
    /// Their name.
    pub(super) name: String,
    /// Their e-mail address; null if they were deleted meanwhile.
    pub(super) email: Option<String>,
    /// Whether it is the caller.
    pub(super) is_you: bool,
}

impl ApiKey {
    /// A key as the caller sees it now.
    pub(super) fn of(caller: &Caller<'_>, key: &domain::ApiKey) -> Self {
        let creator = caller.app().creator(&caller.actor, key).ok();
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            description: key.description.to_string(),
            masked_token: key.masked.to_string(),
            status: key.status(caller.app().now()).into(),
            allow_impersonation: key.allow_impersonation,
            created_by: Creator {
                id: key.creator.to_string(),
                name: key.creator_name.clone(),
                email: creator.map(|user| user.email.to_string()),
                is_you: key.creator == caller.actor.user().id,
            },
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// The id that a caller names: what is no id at all names nothing.
pub(super) fn id<Id: std::str::FromStr>(id: &str, thing: &'static str) -> Result<Id, Error> {
    id.parse().map_err(|_| Error::NotFound(thing))
}
