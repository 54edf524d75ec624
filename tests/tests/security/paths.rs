//! Other spellings of a path: none of them opens a door that the path itself does not.

use keystead_tests::TestServer;

use crate::routes;

fn spellings(path: &str) -> Vec<String> {
    let last = path.rfind('/').unwrap_or_default();
    let middle = format!("{}/.{}", &path[..last], &path[last..]);
    let up = format!("{}/x/..{}", &path[..last], &path[last..]);
    let mut spellings = vec![
        format!("{path}/"),
        format!("{path}//"),
        format!("{path}."),
        format!("{path}/."),
        format!("{path}.json"),
        format!("{path}.css"),
        format!("{path}s"),
        format!("{path};x"),
        format!("{path};/healthz"),
        format!("{path}%20"),
        format!("{path}%00"),
        format!("{path}%2f"),
        format!("{path}%3fx"),
        format!("{path}?x=/healthz"),
        format!("{path}/healthz"),
        format!("{path}/../healthz"),
        format!("/healthz/..{path}"),
        format!("/assets/..{path}"),
        format!("/assets/0/..%2f..{path}"),
        format!("/sign-in/../{path}"),
        format!("/{path}"),
        format!("/.{path}"),
        format!("/%2e{path}"),
        format!("/x/..{path}"),
        format!("http://localhost{path}"),
        format!("http://evil.example{path}"),
        path.to_uppercase(),
        path.replacen('/', "/%2f", 1),
        path.replacen('/', "%2f", 1),
        path.replacen('/', "\\", 1),
        path.replace('s', "%73"),
        path.replace('e', "%65"),
        path.replace('k', "\u{212a}"),
        middle,
        up,
    ];
    spellings.push(path.replace('/', "//"));
    spellings.push(path.replace('-', "%2d"));
    spellings.push(path.replace('-', "_"));
    spellings
}

#[tokio::test]
async fn no_spelling_of_a_path_opens_a_door_without_a_credential() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "deploy", "30d").await;
    let before = server.snapshot().await;
    let mut tried = 0;
    for (method, route) in routes::all() {
        let path = route.replace("{id}", &key.id);
        let protected = path.starts_with("/settings")
            || [
                "/verify",
                "/verify/batch",
                "/metrics",
                "/sign-out",
                "/graphql",
                "/mcp",
                "/oauth2/authorize",
                "/oauth2/introspect",
            ]
            .contains(&&*path);
        if !protected {
            continue;
        }
        for spelling in spellings(&path).into_iter().chain([path]) {
            let status = server.raw_status(&method, &spelling, "content-length: 0\r\n").await;
            assert!(
                matches!(status, Some(303 | 400 | 401 | 403 | 404 | 405 | 415 | 422)),
                "{method} {spelling}: {status:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
    assert_eq!(server.snapshot().await, before);
}

/// 303 is an answer to a protected path only if it leads to the sign-in page.
#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_sign_in_and_sees_nothing_else() {
    let server = TestServer::start().await;
    for (method, route) in routes::all().into_iter().filter(|(_, route)| route.starts_with("/settings")) {
        let request = if method == "GET" { server.get(&route) } else { server.post(&route) };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 303, "{method} {route}");
        assert!(answer.headers()["location"].to_str().unwrap().starts_with("/sign-in"));
        assert_eq!(answer.text().await.unwrap(), "");
    }
}

/// Assets are names in the binary, never files.
#[tokio::test]
async fn no_asset_name_reaches_a_file() {
    let server = TestServer::start().await;
    for name in
        ["keystead.db", "..%2f..%2fkeystead.db", "..", "%2e%2e%2fCargo.toml", "console.css%00", "C:%5c"]
    {
        assert_eq!(server.raw_status("GET", &format!("/assets/0/{name}"), "").await, Some(404), "{name}");
    }
}
