//! GraphQL at `/graphql`: the API for programs, and a page to try it on.
//!
//! A request passes `http` (who asks, and is it a request at all), `limits` (is the query small enough to look at), the
//! engine's validation and [`COMPLEXITY`], and only then a resolver. Resolvers call [`App`] and hold no rule; their errors
//! are the domain's, which `answer` renders.

mod answer;
mod audit;
mod connection;
mod graphiql;
mod http;
#[expect(clippy::unused_async, reason = "the engine wants every field to be async")]
mod key;
mod limits;
mod mutation;
mod organization;
#[expect(clippy::unused_async, reason = "the engine wants every field to be async")]
mod query;
mod role;
mod status;
mod user;

use std::str::FromStr;
use std::sync::Arc;

use async_graphql::{Context, EmptySubscription, ID, SDLExportOptions};
use keystead_app::{App, RequestOrigin};
use keystead_domain::{Actor, Error};

pub(crate) use graphiql::asset;
pub(crate) use http::graphql;

/// What one request may cost: a field 1, a list what its items cost, what asks the database 100, what writes 500.
const COMPLEXITY: usize = 5_000;

/// The schema.
pub(crate) type Schema = async_graphql::Schema<query::Query, mutation::Mutation, EmptySubscription>;

pub(crate) fn schema() -> Schema {
    Schema::build(query::Query::default(), mutation::Mutation::default(), EmptySubscription)
        .limit_complexity(COMPLEXITY)
        .finish()
}

/// The schema in the schema definition language, as committed in `schema.graphql`.
#[must_use]
pub fn schema_text() -> String {
    let options =
        SDLExportOptions::new().include_specified_by().prefer_single_line_descriptions().use_space_ident();
    let text = schema().sdl_with_options(options);
    // The export leaves blanks on empty lines.
    text.trim().lines().fold(String::with_capacity(text.len()), |text, line| text + line.trim_end() + "\n")
}

/// Whoever asks, also somebody who is not known: for the one field whose argument is the credential.
struct Visitor {
    app: Arc<App>,
    origin: RequestOrigin,
}

/// Who asks, and what they ask of.
struct Caller {
    app: Arc<App>,
    actor: Actor,
    /// Where people reach the console: links that are handed out begin with it.
    public_url: String,
}

impl Caller {
    /// Whether the workspace that a request names is the caller's organization; no name means it.
    fn check_workspace(&self, workspace: Option<&ID>) -> Result<(), Error> {
        self.app.organization(&self.actor)?.check_is_workspace(workspace.map(|id| id.as_str()))
    }
}

/// The caller of a request. A request that came without one gets nothing.
fn caller<'a>(context: &Context<'a>) -> Result<&'a Caller, Error> {
    context.data_opt().ok_or(Error::Unauthenticated)
}

/// The id of a thing that a caller names: what is no id at all names nothing.
fn id_of<Id: FromStr>(id: &ID, thing: &'static str) -> Result<Id, Error> {
    id.parse().map_err(|_| Error::NotFound(thing))
}
