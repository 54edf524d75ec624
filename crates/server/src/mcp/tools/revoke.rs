//! Revoking a key: for good, so a person confirms it by its name, as on the page.

use keystead_domain::{ApiKey, Error, Field, KeyId};
use rmcp::RoleServer;
use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitationAction, ElicitationSchema, InputRequest, InputRequests,
    InputRequiredResult, ProtocolVersion, Tool,
};
use rmcp::schemars::{self, JsonSchema};
use rmcp::service::RequestContext;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Effect, define};
use crate::mcp::caller::Caller;
use crate::mcp::schema::id;

/// The question's name between an answer that asks it and the call that brings what was said to it.
pub(super) const QUESTION: &str = "confirm_name";

pub(super) fn tool(name: &'static str) -> Tool {
    define::<RevokeInput, Revocation>(
        name,
        "Revoke an API key",
        "Revokes an API key, for good: when this has answered, whatever uses the key is refused, and there is no way back. Look at \
         the key with get_api_key first and tell the person when it was last used. The person confirms it by the key's exact name: \
         clients that can ask for input show them a form; with others, ask the person to type the name and pass on what they typed \
         as name. Never fill in the name yourself. Works on the caller's own keys, and on everybody's with the permission \
         keys:revoke_all.",
        Effect::Destroys,
    )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeInput {
    /// The key's id, from `list_api_keys`.
    #[schemars(length(min = 36, max = 36))]
    id: String,
    /// The key's exact name, as the person typed it. Required unless the client can ask the person itself.
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
}

/// What became of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Revocation {
    /// Whether the key was revoked.
    revoked: bool,
    /// The key's id.
    id: String,
    /// The key's name.
    name: String,
    /// The same for people.
    message: String,
}

/// What a call is answered with.
pub(super) enum Answer {
    Done(Revocation),
    /// A question for the person; the client calls again with what they said.
    Ask(InputRequiredResult),
}

/// What a person said.
#[derive(Deserialize)]
struct Response {
    action: ElicitationAction,
    #[serde(default)]
    content: Value,
}

pub(super) async fn revoke(
    caller: &Caller<'_>,
    input: RevokeInput,
    response: Option<Value>,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Error> {
    let id: KeyId = id(&input.id, "API key")?;
    if !can_ask(context) {
        let typed = input.name.ok_or_else(|| {
            Error::invalid(
                Field::Name,
                "Ask the person to type the key's exact name, and pass it on as name.",
            )
        })?;
        return revoke_confirmed(caller, id, &typed).await;
    }
    let key = caller.app().key(&caller.actor, id).await?;
    caller.actor.check_may_revoke(&key)?;
    if let Some(name) = &input.name {
        // A model that means another key is told before the person is asked.
        key.check_typed_name(name)?;
    }
    let Some(response) = response else { return Ok(Answer::Ask(question(&key)?)) };
    let response: Response = serde_json::from_value(response).map_err(|_| {
        Error::invalid(Field::ConfirmName, "The client's answer to the question cannot be read.")
    })?;
    match response.action {
        ElicitationAction::Accept => {
            revoke_confirmed(caller, id, response.content["name"].as_str().unwrap_or_default()).await
        }
        _ => Ok(Answer::Done(Revocation {
            revoked: false,
            message: format!(
                "The person did not confirm. The key {} was not revoked and works as before.",
                key.name
            ),
            id: key.id.to_string(),
            name: key.name.to_string(),
        })),
    }
}

async fn revoke_confirmed(caller: &Caller<'_>, id: KeyId, typed: &str) -> Result<Answer, Error> {
    let key = caller.app().revoke_key(&caller.actor, id, Some(typed)).await?;
    Ok(Answer::Done(Revocation {
        revoked: true,
        message: format!("The key {} is revoked. Whatever used it is refused from now on.", key.name),
        id: key.id.to_string(),
        name: key.name.to_string(),
    }))
}

/// Whether the client can show the person a form: it says so in each request since the revision 2026-07-28. Before, it said so
/// once, in a session, and there are none.
fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    let asks = context
        .protocol_version()
        .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
    let elicitation = context.client_capabilities().and_then(|capabilities| capabilities.elicitation);
    // A client that names no kind of question has forms.
    asks && elicitation.is_some_and(|kinds| kinds.form.is_some() || kinds.url.is_none())
}

fn question(key: &ApiKey) -> Result<InputRequiredResult, Error> {
    let used = key
        .last_used_at
        .map_or_else(|| "It was never used.".to_owned(), |at| format!("It was last used at {at}."));
    let message = format!(
        "Revoke the API key {} ({}) of {}? {used} Whatever uses it is refused from then on, and there is no way back.",
        key.name, key.masked, key.creator_name
    );
    let schema: ElicitationSchema = serde_json::from_value(json!({
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "title": "Name of the key",
                "description": "Type the key's exact name to confirm.",
                "maxLength": 100,
            },
        },
        "required": ["name"],
    }))
    .map_err(|error| {
        tracing::error!(%error, "a question cannot be written");
        Error::Internal
    })?;
    let form = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema: schema };
    let asked = InputRequest::Elicitation(ElicitRequest::new(form));
    Ok(InputRequiredResult::from_input_requests(InputRequests::from([(QUESTION.to_owned(), asked)])))
}
