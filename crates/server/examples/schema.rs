//! Prints the GraphQL schema, as committed in `schema.graphql`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(keystead_server::schema_text().as_bytes())
}
