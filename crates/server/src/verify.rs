//! `/verify`: what reverse proxies and services ask on every request.
//!
//! Nothing but [`Doors::check`] decides; this reads one header and writes a few.

use std::fmt::{self, Write as _};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keystead_domain::{Error, Field, Permission, ResourceId, User};

use crate::challenge::Challenge;
use crate::checked::{Checked, Refused};
use crate::problem::problem;
use crate::{Doors, bearer};

mod batch;
mod ext_authz;

pub(crate) use batch::batch;
pub use ext_authz::ext_authz_router;

const USER_ID: HeaderName = HeaderName::from_static("x-keystead-user-id");
const USER_EMAIL: HeaderName = HeaderName::from_static("x-keystead-user-email");
const ORGANIZATION_ID: HeaderName = HeaderName::from_static("x-keystead-organization-id");
const KEY_ID: HeaderName = HeaderName::from_static("x-keystead-key-id");
const IMPERSONATOR_KEY_ID: HeaderName = HeaderName::from_static("x-keystead-impersonator-key-id");
const PERMISSIONS: HeaderName = HeaderName::from_static("x-keystead-permissions");

/// `/verify`, by whatever method its caller was asked: Envoy passes that on.
pub(crate) async fn verify(State(doors): State<Doors>, request: Request) -> Response {
    let wanted = request.uri().query().map_or(Ok(None), Wanted::parse);
    let mut response = answer(&doors, request.headers(), wanted);
    doors.send_elsewhere(request.version(), &mut response);
    response
}

fn answer(doors: &Doors, headers: &HeaderMap, wanted: Result<Option<Wanted>, Error>) -> Response {
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) => return problem(&error),
    };
    let checked = match bearer::token(headers) {
        Ok(Some(token)) => doors.check(token),
        Ok(None) => return refused("Send the header: Authorization: Bearer YOUR_API_KEY."),
        Err(malformed) => return refused(malformed.0),
    };
    match Verdict::of(checked, wanted.as_ref()) {
        Verdict::Accepted(checked) => accepted(&checked),
        Verdict::Lacking(description) => lacking(description),
        Verdict::Refused(description) => refused(&description),
        Verdict::Unavailable => problem(&Error::Unavailable),
    }
}

/// What a check comes to, in no door's shape yet. The texts are for the caller, and have no quotes.
enum Verdict {
    /// 200.
    Accepted(Checked),
    /// 403: a good token, and not enough.
    Lacking(&'static str),
    /// 401.
    Refused(String),
    /// 503.
    Unavailable,
}

impl Verdict {
    fn of(checked: Result<Checked, Refused>, wanted: Option<&Wanted>) -> Self {
        match checked {
            Ok(checked) if wanted.is_none_or(|wanted| wanted.is_held_by(checked.user())) => {
                Self::Accepted(checked)
            }
            Ok(Checked::Key(_)) => Self::Lacking("The creator of the API key does not hold this permission."),
            Ok(Checked::Session(_)) => {
                Self::Lacking("The user of the session does not hold this permission in it.")
            }
            Err(why) if why.is_unavailable() => Self::Unavailable,
            Err(why) => Self::Refused(why.description()),
        }
    }
}

/// What is asked about.
struct Wanted {
    permission: Permission,
    /// Where; `None` is everywhere.
    resource: Option<ResourceId>,
}

impl Wanted {
    /// Parameters that are given twice, or that do not exist, are refused: a check that silently checks something else is worse
    /// than none.
    fn parse(query: &str) -> Result<Option<Self>, Error> {
        let (mut permission, mut resource) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (slot, field) = match &*name {
                "permission" => (&mut permission, Field::Permission),
                "resource" => (&mut resource, Field::Resource),
                _ => {
                    return Err(Error::invalid(
                        Field::Permission,
                        "The parameters of /verify are permission and resource.",
                    ));
                }
            };
            if slot.replace(value).is_some() {
                return Err(Error::invalid(field, "The parameter is given twice."));
            }
        }
        Self::new(permission.as_deref(), resource.as_deref())
    }

    fn new(permission: Option<&str>, resource: Option<&str>) -> Result<Option<Self>, Error> {
        let resource = resource.map(ResourceId::parse).transpose()?;
        match permission {
            Some(permission) => Ok(Some(Self { permission: Permission::parse(permission)?, resource })),
            None if resource.is_none() => Ok(None),
            None => Err(Error::invalid(
                Field::Permission,
                "A resource is asked about together with a permission.",
            )),
        }
    }

    fn is_held_by(&self, user: &User) -> bool {
        match &self.resource {
            Some(resource) => user.may_on(&self.permission, resource),
            None => user.may(&self.permission),
        }
    }
}

fn accepted(checked: &Checked) -> Response {
    let user = checked.user();
    // A session acts as its user. Whose key minted it stands in a header of its own, which a service that reads only the other
    // does not take for the user's key.
    let (key_header, key) = match checked {
        Checked::Key(verified) => (KEY_ID, verified.key),
        Checked::Session(session) => (IMPERSONATOR_KEY_ID, session.impersonator().key()),
    };
    // All values in one piece of memory: to allocate each costs more than the verification did.
    let mut text = String::with_capacity(256);
    let mut end_of = |value: &dyn fmt::Display| {
        // Writing to a string does not fail.
        _ = write!(text, "{value}");
        text.len()
    };
    let ends = [
        (USER_ID, end_of(&user.id)),
        (USER_EMAIL, end_of(&user.email)),
        (ORGANIZATION_ID, end_of(&user.organization)),
        (key_header, end_of(&key)),
        (PERMISSIONS, end_of(user.permissions())),
    ];
    let text = Bytes::from(text);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.reserve(ends.len() + 1);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut start = 0;
    for (name, end) in ends {
        // All were checked on their way in; one that could not stand in a header would be left out, never split it.
        if let Ok(value) = HeaderValue::from_maybe_shared(text.slice(start..end)) {
            headers.insert(name, value);
        }
        start = end;
    }
    response
}

/// 401 as RFC 6750, section 3, has it. `description` is of our own making and has no quotes.
fn refused(description: &str) -> Response {
    challenged(StatusCode::UNAUTHORIZED, Challenge::invalid_token(description))
}

fn lacking(description: &str) -> Response {
    challenged(StatusCode::FORBIDDEN, Challenge::insufficient_scope(description))
}

fn challenged(status: StatusCode, Challenge { header, description }: Challenge) -> Response {
    let body = format!(
        r#"{{"type":"about:blank","title":"{}","status":{},"code":"{}","detail":"{description}"}}"#,
        status.canonical_reason().unwrap_or_default(),
        status.as_u16(),
        if status == StatusCode::FORBIDDEN { "FORBIDDEN" } else { "UNAUTHENTICATED" },
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(WWW_AUTHENTICATE, header);
    headers.insert(http::header::VARY, HeaderValue::from_name(AUTHORIZATION));
    response
}
