//! Envoy's `ext_authz` over gRPC: `envoy.service.auth.v3.Authorization/Check`, on an address of its own. What it answers is what
//! `/verify` does, in Envoy's words.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderAppendAction,
    HeaderValue as SetHeader, HeaderValueOption, HttpResponse, HttpStatus, OkHttpResponse,
};
use envoy_types::pb::google::rpc;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use keystead_domain::{Error, Field};
use tonic::Code;
use tower_http::timeout::TimeoutLayer;

use super::{Wanted, answer};
use crate::Doors;

/// The largest question that is read: it has all headers of the request that it is about.
const QUESTION_BYTES: usize = 128 * 1024;

/// However slowly a question comes, it ends.
const SLOWEST: Duration = Duration::from_secs(5);

/// What the operator's own address for Envoy serves.
pub fn ext_authz_router(doors: Doors) -> Router {
    let service = AuthorizationServer::new(ExtAuthz(doors)).max_decoding_message_size(QUESTION_BYTES);
    Router::new()
        .route_service("/envoy.service.auth.v3.Authorization/Check", service)
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SLOWEST))
}

struct ExtAuthz(Doors);

#[tonic::async_trait]
impl Authorization for ExtAuthz {
    async fn check(
        &self,
        question: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        let attributes = question.into_inner().attributes.unwrap_or_default();
        let wanted = wanted(&attributes.context_extensions);
        let asked = attributes.request.and_then(|request| request.http).unwrap_or_default().headers;
        let answer = answer(&self.0, &credential(&asked), wanted);
        Ok(tonic::Response::new(in_envoys_words(answer, &asked).await))
    }
}

/// The header that shows a token. Envoy joins several of one name by commas, which no token has.
fn credential(asked: &HashMap<String, String>) -> HeaderMap {
    let header = asked.get(AUTHORIZATION.as_str());
    // What fits into no header is no token: it is refused as one that cannot be read.
    let value = |text: &String| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    header.map(|text| (AUTHORIZATION, value(text))).into_iter().collect()
}

/// What the route's configuration asks about. As for `/verify`, what is not known is refused.
fn wanted(extensions: &HashMap<String, String>) -> Result<Option<Wanted>, Error> {
    if extensions.keys().any(|name| !["permission", "resource"].contains(&name.as_str())) {
        let message = "The context extensions are permission and resource.";
        return Err(Error::invalid(Field::Permission, message));
    }
    let text = |name| extensions.get(name).map(String::as_str);
    Wanted::new(text("permission"), text("resource"))
}

/// What is not accepted is denied, also when nobody can know: an error would be let through where Envoy's configuration says so.
async fn in_envoys_words(answer: Response, asked: &HashMap<String, String>) -> CheckResponse {
    let (parts, body) = answer.into_parts();
    let code = match parts.status {
        StatusCode::OK => Code::Ok,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::UNPROCESSABLE_ENTITY => Code::InvalidArgument,
        _ => Code::Unavailable,
    };
    let response = if code == Code::Ok {
        let headers: Vec<_> = set(&parts.headers, |name| name.starts_with(IDENTITY)).collect();
        // Envoy takes away what is named here after it has set what is to be set.
        let is_set = |name: &str| headers.iter().flat_map(|set| &set.header).any(|set| set.key == name);
        let forged = asked.keys().filter(|name| says_who(name) && !is_set(name));
        HttpResponse::OkResponse(OkHttpResponse {
            headers_to_remove: forged.cloned().collect(),
            headers,
            ..OkHttpResponse::default()
        })
    } else {
        // Text of ours, and whole.
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: parts.status.as_u16().into() }),
            headers: set(&parts.headers, |name| name != "content-length").collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    CheckResponse {
        status: Some(rpc::Status { code: code.into(), ..rpc::Status::default() }),
        http_response: Some(response),
        ..CheckResponse::default()
    }
}

/// What the names of headers begin with that say who somebody is.
const IDENTITY: &str = "x-keystead-";

/// Whether a program behind Envoy could take a header for one that says who somebody is.
fn says_who(name: &str) -> bool {
    name.to_ascii_lowercase().replace('_', "-").starts_with(IDENTITY)
}

/// The headers of these names, each in the place of whatever there is of the name.
fn set(headers: &HeaderMap, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = HeaderValueOption> {
    headers.iter().filter(move |(name, _)| wanted(name.as_str())).map(|(name, value)| HeaderValueOption {
        header: Some(SetHeader {
            key: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ..SetHeader::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    })
}
