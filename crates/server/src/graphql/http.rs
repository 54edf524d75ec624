//! The HTTP side of `/graphql`, as the GraphQL over HTTP specification has it.
//!
//! Who asks is decided first, from the headers alone. A request without a credential is read, within the same bounds, only to see
//! whether it is `impersonateUser`, whose argument is the credential; whatever else it is, or is not, is answered alike.

use std::sync::Arc;

use async_graphql::Variables;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use keystead_domain::{Actor, Error};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::{Caller, Visitor, graphiql, limits};
use crate::challenge::Denial;
use crate::credentials::{self, NoActor, api_actor};
use crate::observe::NotCompressed;
use crate::{Doors, problem};

/// The largest body, in bytes: `createUsers` with 1,000 of the longest addresses fits.
const BODY: usize = 256 * 1024;
/// How much of a larger one is read and thrown away: a client that is still sending when the connection closes may never
/// see the answer that says why.
const DISCARDED: usize = 4 * 1024 * 1024;

const SHAPE: &str = "Send a JSON object with query (a string) and, if needed, operationName (a string), variables (an object) \
                     and extensions (an object); nothing else, and nothing twice.";

/// `POST /graphql`, and the page for browsers at `GET /graphql`.
pub(crate) async fn graphql(State(doors): State<Doors>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut response = match head.method {
        Method::POST => post(&doors, &head, body).await,
        Method::GET | Method::HEAD if accepts_html(&head.headers) => graphiql::page(&doors, &head).await,
        Method::GET | Method::HEAD => not_allowed("POST"),
        _ => not_allowed("GET, HEAD, POST"),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The media types of answers. They differ in what the HTTP status says about a query that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MediaType {
    /// `application/json`: 200 for whatever is a request.
    Json,
    /// `application/graphql-response+json`: 400 for a query that cannot be executed.
    GraphQl,
}

impl MediaType {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// The one that an `Accept` header prefers; `None` if it wants neither.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut best = None;
        let mut asked = false;
        for (name, quality) in accepted(headers) {
            asked = true;
            // Of two that are as welcome, the one that is made for this.
            let (media_type, rank) = match name.as_str() {
                "application/graphql-response+json" => (Self::GraphQl, 2),
                "application/json" => (Self::Json, 1),
                "*/*" | "application/*" => (Self::Json, 0),
                _ => continue,
            };
            if quality > 0 && best.is_none_or(|(_, least)| (quality, rank) > least) {
                best = Some((media_type, (quality, rank)));
            }
        }
        if asked { best.map(|(media_type, _)| media_type) } else { Some(Self::Json) }
    }
}

/// The media types of an `Accept` header, each with its quality in thousandths (RFC 9110, section 12.5.1).
fn accepted(headers: &HeaderMap) -> impl Iterator<Item = (String, u16)> {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((name, quality.map_or(1_000, thousandths)))
    })
}

/// `0.75` as 750. What is no quality is none at all.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match (whole, format!("{fraction:0<3}").parse()) {
        ("1", Ok(0)) => 1_000,
        ("0", Ok(fraction @ 0..1_000)) => fraction,
        _ => 0,
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    accepted(headers).any(|(name, quality)| name == "text/html" && quality > 0)
}

async fn post(doors: &Doors, head: &Parts, body: Body) -> Response {
    let media_type = MediaType::accepted(&head.headers);
    let refusals = media_type.unwrap_or(MediaType::Json);
    let actor = match api_actor(doors, &head.method, &head.headers, &head.extensions).await {
        Ok(actor) => Some(actor),
        // The credential may be an argument.
        Err(NoActor::Missing) => None,
        Err(why) => return no_actor(why, refusals),
    };
    let Some(media_type) = media_type else {
        let message = "Accept application/graphql-response+json or application/json.";
        return refused(StatusCode::NOT_ACCEPTABLE, message, refusals);
    };
    let request = match read(&head.headers, body).await {
        Ok(request) => request,
        Err(_) if actor.is_none() => return no_actor(NoActor::Missing, refusals),
        Err((status, message)) => return refused(status, &message, media_type),
    };
    let prepared = prepare(&request);
    if actor.is_none() && !prepared.as_ref().is_ok_and(limits::is_for_everybody) {
        return no_actor(NoActor::Missing, refusals);
    }
    let (answer, is_mutation) = match prepared {
        Ok(document) => {
            let is_mutation =
                document.operations.iter().any(|(_, operation)| operation.node.ty == OperationType::Mutation);
            (execute(doors, request, document, actor, &head.extensions).await, is_mutation)
        }
        Err(refused) => (Answer::refused(&refused.message, "BAD_USER_INPUT", refused.at), false),
    };
    let status = match media_type {
        MediaType::GraphQl if !answer.is_executed() => StatusCode::BAD_REQUEST,
        MediaType::GraphQl | MediaType::Json => StatusCode::OK,
    };
    let mut response = respond(status, &answer, media_type);
    if is_mutation {
        // It may carry a token.
        response.extensions_mut().insert(NotCompressed);
    }
    response
}

/// The members of a request. Others are refused: a member that is silently ignored is one that somebody relies on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GraphQlRequest {
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    /// None is known here; the specification leaves them to servers.
    #[serde(rename = "extensions")]
    _extensions: Option<Map<String, Value>>,
}

async fn read(headers: &HeaderMap, body: Body) -> Result<GraphQlRequest, (StatusCode, String)> {
    if !is_json(headers) {
        let message = "Send the request as JSON, with the header: Content-Type: application/json.".to_owned();
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = collect(body).await?;
    parse(&body).map_err(|message| (StatusCode::BAD_REQUEST, message))
}

async fn collect(body: Body) -> Result<Bytes, (StatusCode, String)> {
    let mut body = Limited::new(body, DISCARDED);
    let (mut bytes, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if error.is::<LengthLimitError>() => {
                length = usize::MAX;
                break;
            }
            Err(_) => {
                return Err((StatusCode::BAD_REQUEST, "The request's body ended too early.".to_owned()));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= BODY {
            bytes.extend_from_slice(&data);
        }
    }
    if length > BODY {
        let message = format!("The request is too large: {BODY} bytes at most.");
        return Err((StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(bytes.freeze())
}

fn parse(body: &Bytes) -> Result<GraphQlRequest, String> {
    if body.trim_ascii_start().starts_with(b"[") {
        return Err("Send one request at a time: arrays of them are not accepted.".to_owned());
    }
    // serde_json refuses more than 128 levels. Its own messages repeat parts of the body, which may hold a token.
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => SHAPE.to_owned(),
        _ => format!(
            "The body is not JSON, or nests too deep: line {}, column {}.",
            error.line(),
            error.column()
        ),
    })
}

/// Whether there is one `Content-Type`, and it is JSON in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    parts.next().is_some_and(|name| name == "application/json")
        && parts.all(|parameter| {
            parameter.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8")
        })
}

/// The parsed query, with all of the variables that it cannot do without: the engine would find them missing only when it
/// comes to the fields that use them.
fn prepare(request: &GraphQlRequest) -> Result<ExecutableDocument, limits::Refused> {
    let document = limits::parse(&request.query)?;
    let selected = document.operations.iter().find(|(name, _)| match (&request.operation_name, name) {
        (Some(wanted), Some(name)) => wanted == name.as_str(),
        (None, _) => true,
        (Some(_), None) => false,
    });
    let definitions = selected.map_or(&[][..], |(_, operation)| &operation.node.variable_definitions);
    for definition in definitions {
        let name = definition.node.name.node.as_str();
        let given = request.variables.as_ref().is_some_and(|variables| variables.contains_key(name));
        if !given && definition.node.default_value().is_none() {
            let message = format!("The variable ${name} is needed.");
            return Err(limits::Refused { message, at: Some(definition.pos) });
        }
    }
    Ok(document)
}

async fn execute(
    doors: &Doors,
    request: GraphQlRequest,
    document: ExecutableDocument,
    actor: Option<Actor>,
    extensions: &Extensions,
) -> Answer {
    let variables = Variables::from_json(request.variables.unwrap_or_default().into());
    let visitor = Visitor { app: Arc::clone(doors.app()), origin: credentials::origin(extensions) };
    let mut query = async_graphql::Request::new(request.query).variables(variables).data(visitor);
    if let Some(actor) = actor {
        let public_url = doors.settings().public_url().to_owned();
        query = query.data(Caller { app: Arc::clone(doors.app()), actor, public_url });
    }
    query.operation_name = request.operation_name;
    query.set_parsed_query(document);
    Answer::of(doors.graphql().execute(query).await)
}

/// The answer to a request of nobody's.
fn no_actor(why: NoActor, media_type: MediaType) -> Response {
    match why.denial("Send an API key in the header: Authorization: Bearer YOUR_API_KEY.") {
        Denial::Failed(error) => failed(&error, media_type),
        Denial::Challenged(challenge) => {
            let answer = Answer::refused(&challenge.description, Error::Unauthenticated.code(), None);
            let mut response = respond(StatusCode::UNAUTHORIZED, &answer, media_type);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.header);
            response
        }
    }
}

fn failed(error: &Error, media_type: MediaType) -> Response {
    let answer = Answer::refused(&error.to_string(), error.code(), None);
    let mut response = respond(problem::status(error), &answer, media_type);
    if let Some(seconds) = problem::retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

fn refused(status: StatusCode, message: &str, media_type: MediaType) -> Response {
    respond(status, &Answer::refused(message, "BAD_USER_INPUT", None), media_type)
}

fn not_allowed(allowed: &'static str) -> Response {
    let message =
        "Send GraphQL requests by POST. A browser that is signed in finds a page to try them on here.";
    let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, message, MediaType::Json);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn respond(status: StatusCode, answer: &Answer, media_type: MediaType) -> Response {
    let mut response = (status, Json(answer)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type.name()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        if !value.is_empty() {
            headers.insert(ACCEPT, value.parse().unwrap());
        }
        MediaType::accepted(&headers)
    }

    #[test]
    fn the_answer_has_the_media_type_that_is_most_welcome() {
        for json in
            ["", "*/*", "application/json", "application/*;q=0.1, text/html", "APPLICATION/JSON ; Q=0.5"]
        {
            assert_eq!(accept(json), Some(MediaType::Json), "{json}");
        }
        for graphql in [
            "application/graphql-response+json",
            "application/json, application/graphql-response+json",
            "application/graphql-response+json; charset=utf-8, application/json;q=0.9",
            "*/*, application/graphql-response+json",
        ] {
            assert_eq!(accept(graphql), Some(MediaType::GraphQl), "{graphql}");
        }
        assert_eq!(
            accept("application/json, application/graphql-response+json;q=0.5"),
            Some(MediaType::Json)
        );
        for neither in ["text/html", "application/json;q=0", "application/json;q=x"] {
            assert_eq!(accept(neither), None, "{neither}");
        }
    }
}
