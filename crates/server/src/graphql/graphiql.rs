//! The page at `GET /graphql`: GraphiQL for whoever is signed in, all of it inside the binary.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::credentials::{origin, session_cookie};
use crate::{Doors, assets, problem};

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, type and content, in the order in which the page loads them.
static FILES: [(&str, &str, &str); 6] = [
    ("graphiql.css", STYLE, include_str!("../../assets/vendor/graphiql/graphiql.css")),
    ("page.css", STYLE, include_str!("graphiql.css")),
    ("react.js", SCRIPT, include_str!("../../assets/vendor/graphiql/react.production.min.js")),
    ("react-dom.js", SCRIPT, include_str!("../../assets/vendor/graphiql/react-dom.production.min.js")),
    ("graphiql.js", SCRIPT, include_str!("../../assets/vendor/graphiql/graphiql.min.js")),
    ("start.js", SCRIPT, include_str!("graphiql.js")),
];

/// Of all files: the address of each holds it, so that browsers keep them until there are others.
static DIGEST: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (_, _, content) in FILES {
        digest.update(content);
    }
    let digest = digest.finalize();
    format!("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
});

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let load = FILES.map(|(name, kind, _)| {
        let address = format!("/graphql/assets/{}/{name}", *DIGEST);
        if kind == SCRIPT {
            format!("<script src=\"{address}\" defer></script>\n")
        } else {
            format!("<link rel=\"stylesheet\" href=\"{address}\">\n")
        }
    });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>GraphiQL · Keystead</title>\n<link rel=\"icon\" href=\"{}\">\n{}</head>\n<body>\n<div id=\"graphiql\">Loading…</div>\n\
         <noscript>This page needs JavaScript. The API does not: see the documentation of POST /graphql.</noscript>\n\
         </body>\n</html>\n",
        assets::addresses().icon,
        load.concat()
    )
});

/// Scripts and styles come from files only. One style is refused for it: the one that would keep the page from scrolling
/// behind an open dialog, and the page never scrolls.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page, or the way to sign in.
pub(super) async fn page(doors: &Doors, head: &Parts) -> Response {
    let actor = match session_cookie(doors.settings(), &head.headers) {
        Some(cookie) => doors.app().actor_of_session(&cookie, &origin(&head.extensions)).await,
        None => Ok(None),
    };
    match actor {
        Ok(Some(_)) => {
            let headers = [
                (CONTENT_SECURITY_POLICY, POLICY),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (HeaderName::from_static("referrer-policy"), "same-origin"),
            ];
            (headers, Html(PAGE.as_str())).into_response()
        }
        Ok(None) => Redirect::to("/sign-in?next=/graphql").into_response(),
        Err(error) => problem::problem(&error),
    }
}

/// `GET /graphql/assets/{digest}/{name}`.
pub(crate) async fn asset(Path((digest, name)): Path<(String, String)>) -> Response {
    match FILES.iter().find(|(file, _, _)| *file == name && digest == *DIGEST) {
        Some((_, kind, content)) => {
            let headers = [
                (CONTENT_TYPE, *kind),
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, *content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
