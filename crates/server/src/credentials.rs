//! From a request to the actor behind it: an API key or a session's token in the `Authorization` header, or the console's cookie.

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::header::{HOST, ORIGIN, USER_AGENT};
use http::{Extensions, HeaderMap, Method};
use keystead_app::{BrowserSecret, Refusal, RequestOrigin, SessionRefusal};
use keystead_domain::{Actor, Error, UserAgent};

use crate::checked::{Checked, Refused};
use crate::observe::Client;
use crate::{Doors, Settings, bearer};

/// Why a request has no actor.
#[derive(Debug)]
pub(crate) enum NoActor {
    /// No credential at all.
    Missing,
    /// The header is there and cannot be read.
    Malformed(bearer::Malformed),
    /// The key or the session does not count.
    Refused(Refused),
    /// A cookie came with a request that another site may have made.
    CrossSite,
    /// It could not be checked.
    Failed(Error),
}

/// Where the request came from.
pub(crate) fn origin(extensions: &Extensions) -> RequestOrigin {
    RequestOrigin { address: extensions.get::<Client>().map(|client| client.0), user_agent: None }
}

/// Where a request for a page came from: a session that it starts is listed with its browser.
pub(crate) fn browser_origin(extensions: &Extensions, headers: &HeaderMap) -> RequestOrigin {
    let user_agent = headers.get(USER_AGENT).and_then(|header| UserAgent::of_header(header.as_bytes()));
    RequestOrigin { user_agent, ..origin(extensions) }
}

/// What the `Authorization` header turns out to be; `None` if there is none.
fn presented(doors: &Doors, headers: &HeaderMap) -> Result<Option<Checked>, NoActor> {
    let Some(token) = bearer::token(headers).map_err(NoActor::Malformed)? else { return Ok(None) };
    doors.check(token).map(Some).map_err(NoActor::Refused)
}

/// The actor of a request by an impersonated session: its token in the header, and nothing else.
pub(crate) fn session_actor(
    doors: &Doors,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Actor, NoActor> {
    match presented(doors, headers)?.ok_or(NoActor::Missing)? {
        checked @ Checked::Session(_) => {
            checked.into_actor(origin(extensions).address).map_err(NoActor::Failed)
        }
        Checked::Key(_) => Err(NoActor::Refused(Refused::Session(SessionRefusal::Ended))),
    }
}

/// The actor of a request by an API key, and nothing else.
pub(crate) fn key_actor(
    doors: &Doors,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Actor, NoActor> {
    match presented(doors, headers)?.ok_or(NoActor::Missing)? {
        checked @ Checked::Key(_) => checked.into_actor(origin(extensions).address).map_err(NoActor::Failed),
        Checked::Session(_) => Err(NoActor::Refused(Refused::Key(Refusal::Unknown))),
    }
}

/// The actor of a request to `/mcp`: an API key, or the access token of an app that somebody connected, which counts nowhere else.
pub(crate) fn mcp_actor(
    doors: &Doors,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Actor, NoActor> {
    // Every access token has dots, and no API key has one.
    match bearer::token(headers).map_err(NoActor::Malformed)? {
        Some(token) if token.contains('.') => {
            doors.check_access_token(token, &origin(extensions)).map_err(NoActor::Refused)
        }
        _ => key_actor(doors, headers, extensions),
    }
}

/// The actor of a request to an API: a key or a session if the header is there, else the cookie, and that only when the browser says that
/// the request is the console's own.
pub(crate) async fn api_actor(
    doors: &Doors,
    method: &Method,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Actor, NoActor> {
    let origin = origin(extensions);
    if let Some(checked) = presented(doors, headers)? {
        return checked.into_actor(origin.address).map_err(NoActor::Failed);
    }
    let Some(cookie) = session_cookie(doors.settings(), headers) else { return Err(NoActor::Missing) };
    if !method.is_safe() && !is_same_origin(doors.settings(), headers) {
        return Err(NoActor::CrossSite);
    }
    doors.app().actor_of_session(&cookie, &origin).await.map_err(NoActor::Failed)?.ok_or(NoActor::Missing)
}

/// The session cookie of a request, if it can be one of ours.
pub(crate) fn session_cookie(settings: &Settings, headers: &HeaderMap) -> Option<BrowserSecret> {
    BrowserSecret::parse(CookieJar::from_headers(headers).get(cookie_name(settings))?.value())
}

/// `__Host-`: no other host, no sub-domain and no plain-HTTP page can set it (RFC 6265bis, section 4.1.3.2).
fn cookie_name(settings: &Settings) -> &'static str {
    if settings.is_https() { "__Host-keystead" } else { "keystead" }
}

/// The cookie that signs a browser in. It has no age of its own: how long it counts is decided here, not by the browser.
pub(crate) fn sign_in_cookie(settings: &Settings, secret: &BrowserSecret) -> Cookie<'static> {
    cookie(settings, secret.expose().to_owned())
}

/// The cookie that takes it away.
pub(crate) fn sign_out_cookie(settings: &Settings) -> Cookie<'static> {
    let mut cookie = cookie(settings, String::new());
    cookie.make_removal();
    cookie
}

fn cookie(settings: &Settings, value: String) -> Cookie<'static> {
    Cookie::build((cookie_name(settings), value))
        .path("/")
        .http_only(true)
        // Lax, so that a link from a mail or a chat finds the person signed in; requests that change something are guarded
        // by their form's token, too.
        .same_site(SameSite::Lax)
        .secure(settings.is_https())
        .build()
}

/// Whether the browser says that one of our own pages made the request. Plain HTTP pages send no `Sec-Fetch-Site`; then the
/// page's origin must be ours, or the host that was asked. Where browsers reach us over TLS, a page that came without it is
/// never ours: whoever sits in between could have written it.
pub(crate) fn is_same_origin(settings: &Settings, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
    if origin == settings.public_url() {
        return true;
    }
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok());
    !settings.is_https() && asked.is_some() && origin.strip_prefix("http://") == asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_origin(public_url: &str, headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        is_same_origin(&Settings::new(public_url).unwrap(), &headers.collect())
    }

    #[test]
    fn only_our_own_pages_are_of_the_same_origin() {
        let (tls, plain) = ("https://keys.example.com", "http://127.0.0.1:8080");
        assert!(same_origin(tls, &[("sec-fetch-site", "same-origin")]));
        assert!(same_origin(tls, &[("origin", tls)]));
        assert!(same_origin(plain, &[("origin", "http://10.0.0.7:8080"), ("host", "10.0.0.7:8080")]));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!same_origin(tls, &[("sec-fetch-site", site), ("origin", tls)]), "{site}");
        }
        for origin in ["", "null", "https://evil.example", "https://keys.example.com.evil.example", "http://"]
        {
            for host in ["", "keys.example.com"] {
                assert!(!same_origin(tls, &[("origin", origin), ("host", host)]), "{origin} {host}");
            }
        }
        assert!(!same_origin(plain, &[("host", "127.0.0.1:8080")]), "no origin at all");
    }

    #[test]
    fn a_page_that_came_without_tls_is_not_ours_where_tls_is_used() {
        let headers = [("origin", "http://keys.example.com"), ("host", "keys.example.com")];
        assert!(!same_origin("https://keys.example.com", &headers));
    }
}
