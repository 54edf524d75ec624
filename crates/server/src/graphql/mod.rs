//! GraphQL at `/graphql`.

/// The schema.
pub(crate) type Schema = ();

pub(crate) fn schema() -> Schema {}

/// The schema in the schema definition language, as committed in `schema.graphql`.
#[must_use]
pub fn schema_text() -> String {
    String::new()
}
