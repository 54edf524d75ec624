//! Reading what was sent, and what is said of it when it is no request of the protocol.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Value, json};

/// JSON that cannot be read (JSON-RPC 2.0, section 5.1).
const PARSE_ERROR: i32 = -32700;
/// JSON that is no request.
const INVALID_REQUEST: i32 = -32600;

/// All of a body, if it is no larger than that.
pub(super) async fn read(body: Body, at_most: usize) -> Result<Bytes, Response> {
    match Limited::new(body, at_most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            INVALID_REQUEST,
            &format!("A request has at most {at_most} bytes."),
        )),
        Err(_) => {
            Err(refused(StatusCode::BAD_REQUEST, PARSE_ERROR, "The request ended before its body did."))
        }
    }
}

/// Whether the body says that it is JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|header| header.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The answer to a body that is no request.
pub(super) fn unreadable(sent: &Bytes) -> Response {
    let (code, message) = match serde_json::from_slice(sent) {
        Ok(Value::Array(_)) => (INVALID_REQUEST, "Send one request at a time: the protocol has no batches."),
        Ok(_) => (INVALID_REQUEST, "That is no request of JSON-RPC 2.0 and the Model Context Protocol."),
        Err(_) => (PARSE_ERROR, "That is no JSON, or it is nested too deeply."),
    };
    refused(StatusCode::BAD_REQUEST, code, message)
}

/// The answer to a request that says something twice.
pub(super) fn said_twice() -> Response {
    let message = "Send each member of an object, and each header of the protocol, once.";
    refused(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
}

fn refused(status: StatusCode, code: i32, message: &str) -> Response {
    let error = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } });
    (status, Json(error)).into_response()
}
