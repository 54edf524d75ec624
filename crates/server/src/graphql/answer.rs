//! What a GraphQL request is answered with: data, and errors with the contract's codes.

use async_graphql::{PathSegment, Pos, Response, ServerError, Value as ConstValue};
use keystead_app::silence_was_noticed;
use keystead_domain::Error;
use serde::Serialize;
use serde_json::{Value, json};

/// Errors in one answer; what is wrong a hundred times is understood from the first.
const ERRORS: usize = 20;

/// An answer's body. What was not executed has no data, not even null.
#[derive(Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ConstValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Value>,
}

impl Answer {
    /// The engine's answer.
    pub(super) fn of(response: Response) -> Self {
        let errors = response.errors.iter().take(ERRORS).map(rendered).collect();
        // An error of a field names its place in the answer; what is refused before has none.
        let executed = response.errors.iter().all(|error| !error.path.is_empty());
        // The engine leaves out a field that failed. A field that cannot be null takes what is around it along (GraphQL,
        // section 6.4.4); those that can be and fail for what they name, such as `apiKey` and `user`, are null already.
        let whole = response.errors.iter().all(|error| has_place(&response.data, &error.path));
        let data = if whole { response.data } else { ConstValue::Null };
        let extensions = silence_was_noticed().then(|| json!({ "waitedForSilentNode": true }));
        Self { errors, data: executed.then_some(data), extensions }
    }

    /// The answer to a request that is not executed.
    pub(super) fn refused(message: &str, code: &str, at: Option<Pos>) -> Self {
        let mut error = json!({ "message": message, "extensions": { "code": code } });
        if let Some(at) = at {
            error["locations"] = json!([at]);
        }
        Self { errors: vec![error], data: None, extensions: None }
    }

    /// Whether the request was executed at all.
    pub(super) fn is_executed(&self) -> bool {
        self.data.is_some()
    }
}

/// Whether there is something in the data at the path, be it null.
fn has_place(data: &ConstValue, path: &[PathSegment]) -> bool {
    let Some((segment, rest)) = path.split_first() else { return true };
    let inner = match (data, segment) {
        (ConstValue::Object(fields), PathSegment::Field(name)) => fields.get(name.as_str()),
        (ConstValue::List(items), PathSegment::Index(index)) => items.get(*index),
        _ => None,
    };
    inner.is_some_and(|inner| has_place(inner, rest))
}

fn rendered(error: &ServerError) -> Value {
    let (message, extensions) = match error.source::<Error>() {
        Some(error) => (error.to_string(), extensions(error)),
        // All else is the engine's, and about the query.
        None => (error.message.clone(), engine_extensions(&error.message)),
    };
    let mut rendered = json!({ "message": message, "extensions": extensions });
    if !error.locations.is_empty() {
        rendered["locations"] = json!(error.locations);
    }
    if !error.path.is_empty() {
        rendered["path"] = error
            .path
            .iter()
            .map(|segment| match segment {
                PathSegment::Field(name) => Value::from(name.as_str()),
                PathSegment::Index(index) => Value::from(*index),
            })
            .collect();
    }
    rendered
}

/// The `extensions` of a domain error.
pub(super) fn extensions(error: &Error) -> Value {
    match error {
        Error::Invalid { field, .. } => json!({ "code": error.code(), "field": field.name() }),
        Error::RateLimited { retry_after } => {
            json!({ "code": error.code(), "retryAfter": retry_after.as_secs() })
        }
        _ => json!({ "code": error.code() }),
    }
}

fn engine_extensions(message: &str) -> Value {
    let mut extensions = json!({ "code": "BAD_USER_INPUT" });
    if let Some(field) = refused_field(message) {
        extensions["field"] = field.into();
    }
    extensions
}

/// The input field that the engine refuses the value of: it says so in words only, such as
/// `Invalid value for argument "input.expiration", enumeration type …`.
fn refused_field(message: &str) -> Option<&str> {
    let (path, reason) = message.strip_prefix("Invalid value for argument \"")?.split_once('"')?;
    let named = ["field \"", "unknown field \""]
        .into_iter()
        .find_map(|start| reason.strip_prefix(", ")?.strip_prefix(start)?.split_once('"'));
    match named {
        Some((field, _)) => Some(field),
        None => path.rsplit('.').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_refusals_of_a_value_name_the_field() {
        for (message, field) in [
            (
                r#"Invalid value for argument "input.expiration", enumeration type "X" does not"#,
                Some("expiration"),
            ),
            (r#"Invalid value for argument "first", expected type "Int""#, Some("first")),
            (
                r#"Invalid value for argument "input", field "name" of type "String!" is required"#,
                Some("name"),
            ),
            (
                r#"Invalid value for argument "input", unknown field "expiresAt" of type "I""#,
                Some("expiresAt"),
            ),
            (r#"Unknown field "x" on type "Query"."#, None),
        ] {
            assert_eq!(refused_field(message), field, "{message}");
        }
    }
}
