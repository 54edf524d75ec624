//! The caller's API keys, and those that they may see.

use keystead_app::KeyInput;
use keystead_domain::{Description, Error, KeyFilter, KeyName, SearchText};
use rmcp::model::Tool;
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::{Effect, define};
use crate::mcp::caller::Caller;
use crate::mcp::schema::{ApiKey, Expiration, KeyStatus, PAGE, View, id};

pub(super) fn list_tool(name: &'static str) -> Tool {
    define::<ListInput, KeyPage>(
        name,
        "List API keys",
        "Returns a page of API keys: those that work first, newest first, then expired ones. Use it to find a key and its id, or to \
         look through keys by name, status or last use. By default it shows the caller's own keys; view=all shows everybody's and \
         needs the permission keys:read_all. Revoked keys are gone and never listed. It never returns a token.",
        Effect::None,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListInput {
    /// Whose keys.
    #[serde(default)]
    view: View,
    /// Only keys with this text in name, description or masked token, without regard to case.
    #[schemars(length(max = 200))]
    search: Option<String>,
    /// Only keys of this status.
    status: Option<KeyStatus>,
    /// How many at most.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 100))]
    first: i64,
    /// Only keys after this place: `next_cursor` of an answer to the same view, search and status.
    #[schemars(length(max = 200))]
    after: Option<String>,
}

pub(super) fn page() -> i64 {
    PAGE
}

/// A page of keys.
#[derive(Serialize, JsonSchema)]
pub(super) struct KeyPage {
    /// The keys.
    keys: Vec<ApiKey>,
    /// Ask for the next page with `after=next_cursor`; null on the last page.
    next_cursor: Option<String>,
    /// How many keys there are on all pages.
    total: u64,
}

pub(super) async fn list(caller: &Caller<'_>, input: ListInput) -> Result<KeyPage, Error> {
    let (app, actor, view) = (caller.app(), &caller.actor, input.view.into());
    let filter = KeyFilter {
        search: input.search.as_deref().map(SearchText::parse).transpose()?.flatten(),
        status: input.status.map(Into::into),
    };
    let page = app.keys(actor, view, &filter, input.first, input.after.as_deref()).await?;
    Ok(KeyPage {
        keys: page.keys.iter().map(|key| ApiKey::of(caller, key)).collect(),
        next_cursor: page.cursors.last().filter(|_| page.has_more).cloned(),
        total: app.count_keys(actor, view, &filter).await?,
    })
}

pub(super) fn get_tool(name: &'static str) -> Tool {
    define::<GetInput, ApiKey>(
        name,
        "Get an API key",
        "Returns one API key by its id, with its status and when it was last used. Use it to look at a key before changing or \
         revoking it. It never returns the token: a token that was lost cannot be shown again, only replaced by a new key.",
        Effect::None,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetInput {
    /// The key's id, from `list_api_keys`.
    #[schemars(length(min = 36, max = 36))]
    id: String,
}

pub(super) async fn get(caller: &Caller<'_>, input: &GetInput) -> Result<ApiKey, Error> {
    let key = caller.app().key(&caller.actor, id(&input.id, "API key")?).await?;
    Ok(ApiKey::of(caller, &key))
}

pub(super) fn create_tool(name: &'static str) -> Tool {
    define::<CreateInput, CreatedKey>(
        name,
        "Create an API key",
        "Creates an API key that can do what the caller can do, and returns it with its token. The token is in this answer and nowhere \
         else, ever: have the person store it in a secret manager now, and do not repeat it afterwards or write it into files \
         that are shared. Use it only when the person asked for a new key. Calling it again makes a second key.",
        Effect::Adds,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateInput {
    /// What the key will be used for, so that people recognize it later, such as `nightly export`.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// A note for people.
    #[serde(default)]
    #[schemars(length(max = 500))]
    description: String,
    /// How long it will work; it cannot be changed afterwards. whoami tells the longest that the organization allows.
    #[serde(default)]
    expiration: Expiration,
    /// Whether it may sign in others (an impersonation key). Leave it false unless the person asked for exactly that.
    #[serde(default)]
    allow_impersonation: bool,
}

/// A key that was just created.
#[derive(Serialize, JsonSchema)]
pub(super) struct CreatedKey {
    /// The key.
    key: ApiKey,
    /// Its token, here and nowhere else. Sent as `Authorization: Bearer TOKEN`.
    token: String,
    /// What to do with it.
    warning: &'static str,
}

pub(super) async fn create(caller: &Caller<'_>, input: CreateInput) -> Result<CreatedKey, Error> {
    let input = KeyInput {
        name: KeyName::parse(&input.name)?,
        description: Description::parse(&input.description)?,
        expiration: input.expiration.into(),
        allow_impersonation: input.allow_impersonation,
        request_id: None,
    };
    let created = caller.app().create_key(&caller.actor, &input).await?;
    let token = created.token.ok_or(Error::Internal)?;
    Ok(CreatedKey {
        key: ApiKey::of(caller, &created.key),
        token: token.expose().to_owned(),
        warning: "Store this token now, in a secret manager: it is shown this once and cannot be shown again. Whoever has it can \
                  do what you can do.",
    })
}

pub(super) fn update_tool(name: &'static str) -> Tool {
    define::<UpdateInput, ApiKey>(
        name,
        "Rename or describe an API key",
        "Changes the name, the description or both of one of the caller's own keys, and returns the key as it is then. Nothing else \
         of a key ever changes: not its token, its expiration nor its owner. Expired keys cannot be changed.",
        Effect::Changes,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateInput {
    /// The key's id, from `list_api_keys`.
    #[schemars(length(min = 36, max = 36))]
    id: String,
    /// Its new name. Left out, it stays.
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Its new description; the empty text for none. Left out, it stays.
    #[schemars(length(max = 500))]
    description: Option<String>,
}

pub(super) async fn update(caller: &Caller<'_>, input: UpdateInput) -> Result<ApiKey, Error> {
    let id = id(&input.id, "API key")?;
    let name = input.name.as_deref().map(KeyName::parse).transpose()?;
    let description = input.description.as_deref().map(Description::parse).transpose()?;
    let key = caller.app().update_key(&caller.actor, id, name, description).await?;
    Ok(ApiKey::of(caller, &key))
}

pub(super) fn expiring_tool(name: &'static str) -> Tool {
    define::<ExpiringInput, Expiring>(
        name,
        "List expiring API keys",
        "Returns the keys that still work and expire within some days, those that expire first at the top, at most 100. Use it to \
         find what has to be rotated soon. By default it looks at the caller's own keys; view=all looks at everybody's and needs the \
         permission keys:read_all. It never returns a token.",
        Effect::None,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpiringInput {
    /// Within how many days from now.
    #[serde(default = "month")]
    #[schemars(range(min = 1, max = 365))]
    within_days: i64,
    /// Whose keys.
    #[serde(default)]
    view: View,
}

fn month() -> i64 {
    30
}

/// Keys that expire soon.
#[derive(Serialize, JsonSchema)]
pub(super) struct Expiring {
    /// The keys, at most 100.
    keys: Vec<ApiKey>,
    /// Whether there are more: look within fewer days, or revoke and replace these first.
    has_more: bool,
}

pub(super) async fn expiring(caller: &Caller<'_>, input: &ExpiringInput) -> Result<Expiring, Error> {
    let page = caller.app().expiring_keys(&caller.actor, input.view.into(), input.within_days).await?;
    Ok(Expiring {
        keys: page.keys.iter().map(|key| ApiKey::of(caller, key)).collect(),
        has_more: page.has_more,
    })
}
