//! Tasks that people start by name, each in steps that a model can follow with the tools.

use keystead_domain::{Email, KeyName};
use rmcp::ErrorData;
use rmcp::model::{
    GetPromptResult, JsonObject, ListPromptsResult, Prompt, PromptArgument, PromptMessage, Role,
};

use super::caller::Caller;

const ROTATE: &str = "rotate_api_key";
const OFFBOARD: &str = "offboard_person";
const UNUSED: &str = "audit_unused_keys";

/// Days without use after which a key is looked at, if nobody says.
const DAYS: u32 = 90;

/// The prompts that the caller can make use of.
pub(super) fn offered(caller: &Caller<'_>) -> ListPromptsResult {
    let argument = |name: &str, description: &str| PromptArgument::new(name).with_description(description);
    let mut prompts = vec![
        Prompt::new(
            ROTATE,
            Some("Replace an API key by a new one with the same settings, without an outage."),
            Some(vec![argument("key", "The key's id or name.").with_required(true)]),
        )
        .with_title("Rotate an API key"),
        Prompt::new(
            UNUSED,
            Some("Find API keys that nobody used for some time, and decide about each."),
            Some(vec![argument("days", "Days without use; 90 if left out.").with_required(false)]),
        )
        .with_title("Audit unused API keys"),
    ];
    if caller.actor.people().is_ok() {
        prompts.push(
            Prompt::new(
                OFFBOARD,
                Some(
                    "Find what a person who leaves has, and what depends on it, before they are deactivated.",
                ),
                Some(vec![argument("email", "The person's e-mail address.").with_required(true)]),
            )
            .with_title("Offboard a person"),
        );
    }
    ListPromptsResult::with_all_items(prompts)
}

/// A prompt, filled in.
pub(super) fn get(name: &str, arguments: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let text = match name {
        ROTATE => rotate(arguments),
        OFFBOARD => offboard(arguments),
        UNUSED => unused(arguments),
        _ => {
            return Err(ErrorData::invalid_params(
                "There is no such prompt. prompts/list names those that there are.",
                None,
            ));
        }
    };
    let text = text.map_err(|wrong| ErrorData::invalid_params(wrong, None))?;
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]))
}

fn text<'a>(arguments: &'a JsonObject, name: &str) -> &'a str {
    arguments.get(name).and_then(|value| value.as_str()).unwrap_or_default()
}

fn rotate(arguments: &JsonObject) -> Result<String, String> {
    // An id has the form of a name, too.
    let key = KeyName::parse(text(arguments, "key")).map_err(|error| error.to_string())?;
    // As a JSON string: no quote in a name ends the quotation.
    let key = serde_json::json!(key.as_str());
    Ok(format!(
        "Rotate the API key {key} in Keystead, in these steps. Stop and ask me whenever something is unclear.\n\
         1. Find it with list_api_keys (by id or name). If several fit, show them to me and ask which one.\n\
         2. Tell me its creator, expiration, last use and whether it is an impersonation key. A key that I did not create I cannot \
         replace: then tell me who can.\n\
         3. With my consent, create its replacement with create_api_key: the same name with today's date added, the same description, an \
         expiration as long as the old one's was, and allow_impersonation as it was. Show me the token once, and ask me to store it \
         in our secret manager.\n\
         4. Ask me to deploy the new token everywhere the old one is used, and wait until I say that it is done.\n\
         5. Check with get_api_key that the new key is in use and that last_used_at of the old one stands still (it is at most 10 s \
         late). If the old one is still used, tell me so and do not go on.\n\
         6. Revoke the old key with revoke_api_key. I confirm it by typing its exact name; never type it for me."
    ))
}

fn offboard(arguments: &JsonObject) -> Result<String, String> {
    let email = Email::parse(text(arguments, "email")).map_err(|error| error.to_string())?;
    Ok(format!(
        "The person with the e-mail address {email} leaves. Prepare their offboarding in Keystead, in these steps.\n\
         1. Find them with list_users, and tell me their standing and roles.\n\
         2. List their keys: list_api_keys with view=all, and keep those whose creator has this address. All of them stop working when \
         the person is deactivated.\n\
         3. For each key tell me when it was last used. What was used in the last 7 days is probably depended on: ask me who takes it \
         over. They create a key of their own, and we deploy that first; a key cannot change its owner.\n\
         4. Look through search_audit_log for what the person did in the last 30 days, and tell me what is unusual: new keys, roles given, \
         settings changed.\n\
         5. When nothing depends on their keys any more, revoke those with revoke_api_key, one by one; I confirm each by typing its name.\n\
         6. Remind me to deactivate the person on the Users page of the console, which ends their sessions and connected apps, too."
    ))
}

fn unused(arguments: &JsonObject) -> Result<String, String> {
    let wrong = || "Write a number of days from 1 to 3650.";
    let days = match text(arguments, "days").trim() {
        "" => DAYS,
        days => days.parse().ok().filter(|days| (1..=3650).contains(days)).ok_or_else(wrong)?,
    };
    Ok(format!(
        "Find the API keys in Keystead that nobody used in the last {days} days, in these steps.\n\
         1. Read all pages of list_api_keys: with view=all if I may see everybody's keys (whoami lists keys:read_all), else my own.\n\
         2. Keep those that still work, were created more than {days} days ago, and have a last_used_at before that or none at all.\n\
         3. Show them to me as a table: name, creator, created, last used, expires. Those that never expire come first.\n\
         4. Ask me about each whether it can go. Say that a key which is used once a year looks unused, too.\n\
         5. Revoke those that I choose with revoke_api_key, one by one; I confirm each by typing its exact name."
    ))
}
