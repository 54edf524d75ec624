//! The tools: what each is called, whom it is offered to, and the way from a call to what it does.
//!
//! A tool does what the same operation of GraphQL does, by the same calls of [`App`](keystead_app::App). Whether somebody may is asked
//! there, again, at each call: that a tool is not offered to somebody is for their model's sake, not for safety's.

mod account;
mod audit;
mod keys;
mod people;
mod revoke;

use keystead_domain::{Error, View};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, JsonObject, Tool};
use rmcp::schemars::JsonSchema;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::caller::Caller;
use super::error::{bad_arguments, refusal};
use crate::Doors;
use crate::metrics::ToolOutcome;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Whoami,
    ListApiKeys,
    GetApiKey,
    CreateApiKey,
    UpdateApiKey,
    RevokeApiKey,
    ListExpiringKeys,
    ListUsers,
    SearchAuditLog,
}

impl Name {
    const ALL: [Self; 9] = [
        Self::Whoami,
        Self::ListApiKeys,
        Self::GetApiKey,
        Self::CreateApiKey,
        Self::UpdateApiKey,
        Self::RevokeApiKey,
        Self::ListExpiringKeys,
        Self::ListUsers,
        Self::SearchAuditLog,
    ];

    /// As clients call it: a contract.
    fn as_str(self) -> &'static str {
        match self {
            Self::Whoami => "whoami",
            Self::ListApiKeys => "list_api_keys",
            Self::GetApiKey => "get_api_key",
            Self::CreateApiKey => "create_api_key",
            Self::UpdateApiKey => "update_api_key",
            Self::RevokeApiKey => "revoke_api_key",
            Self::ListExpiringKeys => "list_expiring_keys",
            Self::ListUsers => "list_users",
            Self::SearchAuditLog => "search_audit_log",
        }
    }

    /// The tool of a name, if this deployment has it.
    fn find(name: &str, doors: &Doors) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name && tool.is_there(doors))
    }

    fn is_there(self, doors: &Doors) -> bool {
        self != Self::CreateApiKey || doors.settings().mcp_creates_keys()
    }

    /// Whether the caller may use it at all. What is shut for a while only is offered, and says why it refuses.
    fn is_for(self, caller: &Caller<'_>) -> bool {
        let actor = &caller.actor;
        match self {
            Self::CreateApiKey => {
                let organization = caller.app().organization(actor);
                let open = organization.and_then(|state| actor.check_may_create_keys(&state.policy));
                !matches!(open, Err(Error::Forbidden(_)))
            }
            Self::ListUsers => actor.people().is_ok(),
            Self::SearchAuditLog => actor.audit_log().is_ok(),
            _ => actor.keys(View::Mine).is_ok(),
        }
    }

    fn definition(self) -> Tool {
        let name = self.as_str();
        match self {
            Self::Whoami => account::whoami_tool(name),
            Self::ListApiKeys => keys::list_tool(name),
            Self::GetApiKey => keys::get_tool(name),
            Self::CreateApiKey => keys::create_tool(name),
            Self::UpdateApiKey => keys::update_tool(name),
            Self::RevokeApiKey => revoke::tool(name),
            Self::ListExpiringKeys => keys::expiring_tool(name),
            Self::ListUsers => people::list_tool(name),
            Self::SearchAuditLog => audit::search_tool(name),
        }
    }

    async fn call(self, caller: &Caller<'_>, call: Call<'_>) -> Result<CallToolResponse, Refused> {
        let arguments = call.arguments;
        match self {
            Self::Whoami => done(account::whoami(caller, &read(arguments)?)?),
            Self::ListApiKeys => done(keys::list(caller, read(arguments)?).await?),
            Self::GetApiKey => done(keys::get(caller, &read(arguments)?).await?),
            Self::CreateApiKey => done(keys::create(caller, read(arguments)?).await?),
            Self::UpdateApiKey => done(keys::update(caller, read(arguments)?).await?),
            Self::RevokeApiKey => {
                match revoke::revoke(caller, read(arguments)?, call.responses, call.context).await? {
                    revoke::Answer::Done(output) => done(output),
                    revoke::Answer::Ask(question) => Ok(question.into()),
                }
            }
            Self::ListExpiringKeys => done(keys::expiring(caller, &read(arguments)?).await?),
            Self::ListUsers => done(people::list(caller, read(arguments)?).await?),
            Self::SearchAuditLog => done(audit::search(caller, read(arguments)?).await?),
        }
    }
}

/// What a call brings along.
struct Call<'a> {
    arguments: JsonObject,
    /// What a person answered to the question that the same call was answered with before.
    responses: Option<Value>,
    context: &'a RequestContext<RoleServer>,
}

/// Why a call does nothing.
enum Refused {
    Arguments(serde_json::Error),
    Rule(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Rule(error)
    }
}

/// The tools that the caller may use.
pub(super) fn offered(caller: &Caller<'_>) -> Vec<Tool> {
    let offered = Name::ALL.into_iter().filter(|tool| tool.is_there(caller.doors) && tool.is_for(caller));
    offered.map(Name::definition).collect()
}

/// Calls a tool. What it refuses is its result, for the model to read; only a tool that is not there is an error of the protocol.
pub(super) async fn call(
    doors: &Doors,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let tool = Name::find(&request.name, doors).ok_or_else(|| {
        ErrorData::invalid_params("There is no such tool. tools/list names those that there are.", None)
    })?;
    let call = Call {
        arguments: request.arguments.unwrap_or_default(),
        responses: request.input_responses.and_then(|mut responses| responses.remove(revoke::QUESTION)),
        context,
    };
    let outcome = match Caller::of(doors, context) {
        Ok(caller) => tool.call(&caller, call).await,
        Err(error) => Err(error.into()),
    };
    let counted = match &outcome {
        Ok(_) => ToolOutcome::Done,
        Err(Refused::Rule(Error::Internal | Error::Unavailable)) => ToolOutcome::Failed,
        Err(_) => ToolOutcome::Refused,
    };
    doors.metrics().called_tool(tool.as_str(), counted);
    Ok(match outcome {
        Ok(response) => response,
        Err(Refused::Arguments(error)) => bad_arguments(&error).into(),
        Err(Refused::Rule(error)) => refusal(&error).into(),
    })
}

/// The arguments of a call, which may have no others than the tool knows.
fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Refused> {
    serde_json::from_value(Value::Object(arguments)).map_err(Refused::Arguments)
}

/// What a tool answers with: as data, and the same as text for clients that know no other.
fn done(output: impl Serialize) -> Result<CallToolResponse, Refused> {
    let output = serde_json::to_value(output).map_err(|error| {
        tracing::error!(%error, "a tool's answer cannot be written");
        Error::Internal
    })?;
    Ok(CallToolResult::structured(output).into())
}

/// What a tool does to what is there.
#[derive(Clone, Copy)]
enum Effect {
    /// It reads.
    None,
    /// It adds.
    Adds,
    /// It changes, and doing it again changes nothing more.
    Changes,
    /// It takes away for good.
    Destroys,
}

/// A tool's definition, its schemas read from its types. None of them reaches out of Keystead.
fn define<Input: JsonSchema + 'static, Output: JsonSchema + 'static>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    effect: Effect,
) -> Tool {
    let annotations = rmcp::model::ToolAnnotations::with_title(title)
        .read_only(matches!(effect, Effect::None))
        .destructive(matches!(effect, Effect::Destroys))
        .idempotent(!matches!(effect, Effect::Adds))
        .open_world(false);
    Tool::new(name, description, super::schema::of_input::<Input>())
        .with_title(title)
        .with_raw_output_schema(super::schema::of_output::<Output>())
        .with_annotations(annotations)
}
