//! The routes, as the router's own text has them: a table of what callers may do is compared with what there is.

use std::collections::BTreeSet;

const ROUTER: &str = include_str!("../../../crates/server/src/router.rs");

/// Each route's method and pattern.
pub(crate) fn all() -> BTreeSet<(String, String)> {
    for other in ["route_service", "nest", " on(", "MethodRouter", "MethodFilter"] {
        assert!(!ROUTER.contains(other), "{other} adds routes that this does not see");
    }
    let mut found = BTreeSet::new();
    for route in ROUTER.split(".route(").skip(1) {
        let mut quoted = route.split('"');
        let (pattern, handlers) = (quoted.nth(1).unwrap(), route.split_once(',').unwrap().1);
        let handlers = handlers.split("\n        .").next().unwrap();
        if handlers.contains("any(") {
            // Its handler turns other methods away itself; that, too, is tested.
            found.insert(("GET".to_owned(), pattern.to_owned()));
            found.insert(("POST".to_owned(), pattern.to_owned()));
        }
        for method in ["get", "post", "put", "patch", "delete", "head", "options", "trace", "connect"] {
            let called = |before: char| handlers.contains(&format!("{before}{method}("));
            if called(' ') || called('.') || handlers.starts_with(&format!("{method}(")) {
                found.insert((method.to_uppercase(), pattern.to_owned()));
            }
        }
    }
    found
}
