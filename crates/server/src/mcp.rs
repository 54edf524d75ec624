//! `/mcp`: the Model Context Protocol over Streamable HTTP, by which AI tools manage keys as their user may.
//!
//! Nothing is kept between two requests: no session that could be hijacked, ended too late or held by one node only. A request
//! passes the guard here, which looks at its credential before its body is read, and then the protocol's own service. What it
//! asks for is done by `tools`, `resources`, `prompts` or `listen`, each of which makes its own [`Actor`] at that moment (promise
//! 3): a key that is revoked while its request is on the way does nothing.

mod body;
mod caller;
mod error;
mod listen;
mod once;
mod prompts;
mod resources;
mod schema;
mod server;
mod tools;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use keystead_domain::{Actor, Error};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::bearer::Malformed;
use crate::challenge::Denial;
use crate::credentials::{NoActor, mcp_actor};
use crate::observe::NotCompressed;
use crate::problem::{described, problem};
use crate::{Doors, Settings};
use listen::Streams;
use server::Server;

/// The largest body that is read.
const BODY_BYTES: usize = 64 * 1024;

/// The door, with what it shares between requests.
pub(crate) struct Mcp {
    doors: Doors,
    service: StreamableHttpService<Server, NeverSessionManager>,
    streams: Arc<Streams>,
}

impl Mcp {
    /// The door to what is behind all doors.
    pub(crate) fn new(doors: &Doors) -> Arc<Self> {
        let server = Server::new(doors.clone());
        let service = StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::default(),
            transport(doors.settings()),
        );
        Arc::new(Self { doors: doors.clone(), service, streams: Arc::default() })
    }

    /// Who asks, before their body is read.
    fn admit(&self, parts: &Parts) -> Result<Actor, NoActor> {
        if has_token(parts.uri.query().unwrap_or_default()) {
            return Err(NoActor::Malformed(Malformed(
                "Send the token in the Authorization header, never in the address. Revoke one that was sent like this.",
            )));
        }
        mcp_actor(&self.doors, &parts.headers, &parts.extensions)
    }

    /// Whether it was sent to the public address, and by no page but our own. The protocol's service asks, too, and lets through what
    /// only looks like it: another port, a user before the host.
    fn is_for_us(&self, parts: &Parts) -> bool {
        let settings = self.doors.settings();
        let is_one = |name: HeaderName, of: &[String]| {
            let mut values = parts.headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (Some(value), None) => {
                    of.iter().any(|one| value.as_bytes().eq_ignore_ascii_case(one.as_bytes()))
                }
                (None, _) => true,
                (Some(_), Some(_)) => false,
            }
        };
        is_one(HOST, &settings.hosts()) && is_one(ORIGIN, &[settings.public_url().to_owned()])
    }

    async fn serve(&self, actor: &Actor, mut parts: Parts, body: Body) -> Response {
        let place = match self.streams.admit(&mut parts, actor.user().id) {
            Ok(place) => place,
            Err(full) => return full.into_response(),
        };
        let sent = match body::read(body, BODY_BYTES).await {
            Ok(sent) => sent,
            Err(refused) => return refused,
        };
        if once::has_header_twice(&parts.headers) || once::has_member_twice(&sent) {
            return body::said_twice();
        }
        let is_json = body::is_json(&parts.headers);
        let request = Request::from_parts(parts, Full::new(sent.clone()));
        let response = self.service.handle(request).await.map(Body::new);
        match response.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE if is_json => body::unreadable(&sent),
            status if status.is_server_error() => {
                tracing::error!(%status, "the protocol's service failed");
                problem(&Error::Internal)
            }
            _ => match place {
                Some(place) => listen::ending_with(place, response),
                None => response,
            },
        }
    }
}

/// `/mcp`, by any method: the service turns away all but POST.
pub(crate) async fn mcp(Extension(mcp): Extension<Arc<Mcp>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match mcp.admit(&parts) {
        Ok(_) if !mcp.is_for_us(&parts) => problem(&Error::Forbidden(
            "This is not the address of the MCP server, or another site's page.".to_owned(),
        )),
        Ok(actor) => mcp.serve(&actor, parts, body).await,
        Err(why) => no_actor(why, mcp.doors.settings()),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // It may hold a token.
    response.extensions_mut().insert(NotCompressed);
    response
}

/// Without sessions, so that any node answers; for the public address alone, so that no page on the web reaches it through a name
/// that it had pointed here (DNS rebinding) nor through a browser's own origin.
fn transport(settings: &Settings) -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES)
        .with_allowed_hosts(settings.hosts())
        .with_allowed_origins([settings.origin_with_port()])
        .enforce_origin_validation()
}

/// Whether a query holds what looks like a token: addresses end up in logs (RFC 6750, section 2.3).
fn has_token(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| ["access_token", "token"].iter().any(|token| name.eq_ignore_ascii_case(token)))
}

/// The answer to a request of nobody's: where to get a token (RFC 9728, section 5.1).
fn no_actor(why: NoActor, settings: &Settings) -> Response {
    match why
        .denial("Send an API key in the header: Authorization: Bearer YOUR_API_KEY. Or connect by OAuth.")
    {
        Denial::Failed(error) => problem(&error),
        Denial::Challenged(challenge) => {
            let challenge = challenge.at_resource(settings.public_url());
            let mut response = described(&Error::Unauthenticated, &challenge.description);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.header);
            response
        }
    }
}
