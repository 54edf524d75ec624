//! The domain's errors in the protocol's two shapes: the result of a tool, which a model reads, and an error of the protocol.

use keystead_domain::Error;
use rmcp::ErrorData;
use rmcp::model::CallToolResult;
use serde_json::{Value, json};

/// A tool's refusal: the code, the words and, where one argument is at fault, its name.
pub(super) fn refusal(error: &Error) -> CallToolResult {
    CallToolResult::structured_error(described(error))
}

/// The refusal of arguments that do not fit the tool's schema.
pub(super) fn bad_arguments(error: &serde_json::Error) -> CallToolResult {
    let error = error.to_string();
    // What was sent may be a secret in the wrong place: what would have been right is said, and nothing of it repeated.
    let wrong = error.rsplit_once(", expected ").map(|(_, right)| format!("expected {right}"));
    let message = format!("The arguments do not fit the tool's schema: {}", wrong.unwrap_or(error));
    CallToolResult::structured_error(json!({ "code": "BAD_USER_INPUT", "message": message }))
}

/// The same for what is no tool.
pub(super) fn protocol_error(error: &Error) -> ErrorData {
    let (message, data) = (error.to_string(), Some(described(error)));
    match error {
        Error::Internal | Error::Unavailable => ErrorData::internal_error(message, data),
        Error::NotFound(_) => ErrorData::resource_not_found(message, data),
        Error::Invalid { .. } => ErrorData::invalid_params(message, data),
        _ => ErrorData::invalid_request(message, data),
    }
}

fn described(error: &Error) -> Value {
    let mut described = json!({ "code": error.code(), "message": error.to_string() });
    if let Error::Invalid { field, .. } = error {
        described["field"] = argument(field.name()).into();
    }
    if let Error::RateLimited { retry_after } = error {
        described["retry_after_seconds"] = retry_after.as_secs().into();
    }
    described
}

/// What a tool calls the argument that the rules call `field`: what a person types to confirm is the argument `name`, what names a
/// person in a filter is `user`, and all else is written with underscores.
fn argument(field: &str) -> String {
    match field {
        "confirmName" => return "name".to_owned(),
        "userId" => return "user".to_owned(),
        _ => {}
    }
    field.chars().fold(String::new(), |mut name, c| {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
        name
    })
}

#[cfg(test)]
mod tests {
    use keystead_domain::Field;

    use super::*;

    #[test]
    fn a_refusal_names_the_argument_as_the_tool_does() {
        for (field, name) in [
            (Field::TargetId, "target_id"),
            (Field::ConfirmName, "name"),
            (Field::UserId, "user"),
            (Field::First, "first"),
        ] {
            let refusal = refusal(&Error::invalid(field, "no"));
            assert_eq!(refusal.structured_content.unwrap()["field"], name);
        }
    }

    #[test]
    fn a_fault_of_ours_says_no_more_than_that() {
        let refusal = refusal(&Error::Internal).structured_content.unwrap();
        assert_eq!(refusal["code"], "INTERNAL");
        assert_eq!(refusal.as_object().unwrap().len(), 2);
    }
}
