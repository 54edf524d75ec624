//! Who asks.

use keystead_domain::{Error, Permission};
use rmcp::model::Tool;
use rmcp::schemars::{self, JsonSchema};
use serde::Serialize;

use super::{Effect, define};
use crate::mcp::caller::Caller;
use crate::mcp::schema::Nothing;

pub(super) fn whoami_tool(name: &'static str) -> Tool {
    define::<Nothing, Whoami>(
        name,
        "Who am I",
        "Returns the person on whose behalf all tools act: their name, e-mail address, organization and permissions, and what their \
         organization allows of new API keys. Use it before promising something that needs a permission, or to find out which \
         expirations a new key may have. It changes nothing.",
        Effect::None,
    )
}

/// The caller.
#[derive(Serialize, JsonSchema)]
pub(super) struct Whoami {
    /// Their id.
    id: String,
    /// Their name.
    name: String,
    /// Their e-mail address.
    email: String,
    /// Where they and all that they see belong to.
    organization: Organization,
    /// What they may do everywhere, in alphabetical order. Their keys can do the same, and no more.
    permissions: Vec<String>,
    /// What they may create.
    new_keys: NewKeys,
}

/// An organization.
#[derive(Serialize, JsonSchema)]
struct Organization {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
}

/// What may be created.
#[derive(Serialize, JsonSchema)]
struct NewKeys {
    /// Whether they can create keys here and now.
    allowed: bool,
    /// If not, why.
    reason: Option<String>,
    /// The longest expiration that a new key may have.
    longest_expiration: &'static str,
    /// Whether a new key may be an impersonation key.
    may_allow_impersonation: bool,
}

pub(super) fn whoami(caller: &Caller<'_>, _: &Nothing) -> Result<Whoami, Error> {
    let (actor, app) = (&caller.actor, caller.app());
    let state = app.organization(actor)?;
    let user = actor.user();
    let refusal = if caller.settings().mcp_creates_keys() {
        actor.check_may_create_keys(&state.policy).err().map(|error| error.to_string())
    } else {
        Some("This deployment has no creation of keys by MCP. Create them in the console.".to_owned())
    };
    Ok(Whoami {
        id: user.id.to_string(),
        name: user.name.to_string(),
        email: user.email.to_string(),
        organization: Organization { id: state.id().to_string(), name: state.organization.name.to_string() },
        permissions: user.permissions().iter().map(Permission::as_str).map(str::to_owned).collect(),
        new_keys: NewKeys {
            allowed: refusal.is_none(),
            reason: refusal,
            longest_expiration: state.policy.longest.code(),
            may_allow_impersonation: actor.may_grant_impersonation(app.deployment().impersonation),
        },
    })
}
