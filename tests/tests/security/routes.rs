//! The routes, as the router's own text has them: a table of what callers may do is compared with what there is.

use std::collections::BTreeSet;

const ROUTER: &str = include_str!("../../../crates/server/src/router.rs");

/// Each route's method and pattern.
pub(crate) fn all() -> BTreeSet<(String, String)> {
    for other in ["route_service", "nest", " on(", "MethodRouter", "MethodFilter"] {
        assert!(!ROUTER.contains(other), "{other} adds routes that this does not see");
    }
    let merged = [".merge(observed)", ".merge(key_routes(Place::Console))", ".merge(embed_routes(&doors))"];
    let merged = merged.into_iter().chain([".merge(key_routes(Place::Embedded))", ".merge(verify_routes())"]);
    assert_eq!(ROUTER.matches(".merge(").count(), merged.filter(|merge| ROUTER.contains(merge)).count());
    let mut found = BTreeSet::new();
    for route in ROUTER.split(".route(").skip(1) {
        let mut quoted = route.split('"');
        let (pattern, handlers) = (quoted.nth(1).unwrap(), route.split_once(',').unwrap().1);
        let handlers = handlers.split("\n        .").next().unwrap();
        // The routes of the API Keys page are in two places.
        let places = if route.trim_start().starts_with("&at(") { &PLACES[..] } else { &[""][..] };
        for place in places {
            found.extend(methods(handlers).map(|method| (method.to_owned(), format!("{place}{pattern}"))));
        }
    }
    found
}

const PLACES: [&str; 2] = ["/settings/api-keys", "/embed/keys"];

/// The methods that handlers are for.
fn methods(handlers: &str) -> impl Iterator<Item = &'static str> {
    const METHODS: [&str; 9] =
        ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
    METHODS.into_iter().filter(|method| {
        let name = method.to_lowercase();
        let called = |before: char| handlers.contains(&format!("{before}{name}("));
        // The handler of any method turns others than these away itself; that, too, is tested.
        let any = handlers.contains("any(") && ["GET", "POST"].contains(method);
        any || called(' ') || called('.') || handlers.starts_with(&format!("{name}("))
    })
}
