//! What every proxy does with a request before the product sees it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use keystead_tests::TestServer;
use serde_json::json;

use crate::client::{ADDRESS, bearing, get, send};
use crate::keystead::{World, make_unsure};
use crate::proxy::Kind;

/// Runs a test with each of some proxies.
#[expect(clippy::print_stderr, reason = "a failure says with which proxy")]
async fn each_of(kinds: &[Kind], test: impl AsyncFn(World)) {
    for kind in kinds {
        eprintln!("{kind:?}");
        test(World::start(*kind, None).await).await;
    }
}

async fn each(test: impl AsyncFn(World)) {
    each_of(&Kind::ALL, test).await;
}

/// What Keystead says of a token's owner.
async fn said_of(server: &TestServer, token: &str) -> BTreeMap<String, String> {
    let answer = server.verify(token).await;
    let headers = answer.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-keystead-"));
    // One without a value need not be passed on.
    let headers = headers.filter(|(_, value)| !value.is_empty());
    headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn a_good_token_comes_through_with_whose_it_is_whatever_is_asked_for() {
    each(async |world| {
        let said = said_of(&world.server, &world.key.token).await;
        assert!(said.contains_key("x-keystead-key-id") && said.contains_key("x-keystead-permissions"));
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let path = "/reports/7?of=may&permission=none";
            let answer = send(world.proxy.address, method, path, &bearing(&world.key.token)).await;
            assert_eq!(answer.status, 200, "{method} {answer:?}");
            assert_eq!(answer.told()[0].1, format!("{method} {path}"), "the product is asked what was asked");
            assert_eq!(answer.told_of_identity(), said, "{method}");
        }
        let minter = world.server.impersonation_key(&world.ada, "embedding").await;
        let session = world.server.mint(&minter, "ada@example.com").await;
        let answer = get(world.proxy.address, &session).await;
        let said = said_of(&world.server, &session).await;
        assert_eq!(said["x-keystead-impersonator-key-id"], minter.id);
        assert_eq!((answer.status, answer.told_of_identity()), (200, said));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_good_key_is_refused_with_keysteads_challenge_and_does_not_come_through() {
    each(async |world| {
        let expired = world.expired().await;
        let token = &world.key.token;
        for (what, headers) in [
            ("nothing", String::new()),
            ("junk", bearing("junk")),
            ("expired", bearing(&expired.token)),
            ("another scheme", format!("Authorization: Basic {token}\r\n")),
            ("two in one", format!("Authorization: Bearer {token}, Bearer {token}\r\n")),
            ("another header", format!("Proxy-Authorization: Bearer {token}\r\n")),
            ("underscores", format!("X_Authorization: Bearer {token}\r\n")),
        ] {
            let answer = send(world.proxy.address, "GET", "/", &headers).await;
            assert_eq!(answer.status, 401, "{what}: {answer:?}");
            let asked = world
                .server
                .raw(
                    format!("GET /verify HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
                        .as_bytes(),
                )
                .await;
            let asked = String::from_utf8(asked).unwrap();
            let challenge = asked.lines().find_map(|line| line.strip_prefix("www-authenticate: ")).unwrap();
            assert_eq!(answer.headers["www-authenticate"], challenge, "{what}");
        }
        // Some proxies do not even take it.
        let twice = send(world.proxy.address, "GET", "/", &bearing(token).repeat(2)).await;
        assert!([400, 401].contains(&twice.status), "{twice:?}");
        for path in ["/verify", "/_keystead", "/keystead", "/@keystead_forbidden"] {
            let answer = send(world.proxy.address, "GET", path, "").await;
            assert!([401, 404].contains(&answer.status), "{path}: {answer:?}");
        }
        assert_eq!(world.product.requests(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_key_whose_creator_lacks_what_the_proxy_asks_for_is_forbidden() {
    for kind in Kind::ALL {
        let world = World::start(kind, Some("reports:read")).await;
        let mia = world.server.member("mia@example.com").await;
        let hers = world.server.key(&mia, "hers", "30d").await;
        let answer = get(world.proxy.address, &hers.token).await;
        assert_eq!((answer.status, world.product.requests()), (403, 0), "{kind:?} {answer:?}");
        let challenge = &answer.headers["www-authenticate"];
        assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{kind:?} {challenge}");
        // What the client asks for in its own address is the product's matter.
        let asking =
            send(world.proxy.address, "GET", "/?permission=keys:create", &bearing(&hers.token)).await;
        assert_eq!(asking.status, 403, "{kind:?} {asking:?}");
        assert_eq!(get(world.proxy.address, &world.key.token).await.status, 200, "{kind:?}");
    }
}

/// Whoever could write these would be whoever they like.
#[tokio::test]
async fn identity_headers_of_the_clients_own_are_stripped_in_every_spelling() {
    const NAMES: [&str; 7] = [
        "user-id",
        "user-email",
        "organization-id",
        "key-id",
        "impersonator-key-id",
        "permissions",
        "anything-else",
    ];
    each(async |world| {
        let said = said_of(&world.server, &world.key.token).await;
        let mut spellings: Vec<String> = Vec::new();
        // nginx has no wildcards, but each name that Keystead has.
        let names = if world.kind == Kind::Nginx { &NAMES[..6] } else { &NAMES[..] };
        for name in names.iter().map(|name| format!("x-keystead-{name}")) {
            let title: Vec<_> =
                name.split('-').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect();
            spellings.extend([
                title.join("-"),
                title.join("_"),
                name.to_uppercase(),
                name.replace('-', "_"),
                name.to_uppercase().replace('-', "_"),
                name.replacen('-', "_", 1),
                name.replacen("keystead-", "keystead_", 1),
            ]);
            spellings.push(name);
        }
        let headers = |spellings: &[String]| {
            let forged = ": forged\r\n";
            format!("{}{forged}{}", spellings.join(forged), bearing(&world.key.token))
        };
        // All at once, and each by itself, so that none hides behind another.
        for forged in std::iter::once(&spellings[..]).chain(spellings.chunks(1)) {
            let answer = send(world.proxy.address, "GET", "/", &headers(forged)).await;
            assert_eq!(answer.status, 200, "{forged:?} {answer:?}");
            assert_eq!(answer.told_of_identity(), said, "{forged:?}");
        }
        // A client that has the proxy take away what it was told of the client is nobody, at least.
        let dropping = format!("Connection: close, X-Keystead-User-Id\r\n{}", bearing(&world.key.token));
        let answer = send(world.proxy.address, "GET", "/", &dropping).await;
        if answer.status == 200 {
            let told = answer.told_of_identity();
            assert!(told.iter().all(|(name, value)| said.get(name) == Some(value)), "{told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_the_very_next_request() {
    each(async |world| {
        for round in 0..10 {
            let key = world.server.key(&world.ada, &format!("key {round}"), "30d").await;
            assert_eq!(get(world.proxy.address, &key.token).await.status, 200);
            world.server.revoke(&key).await;
            let answer = get(world.proxy.address, &key.token).await;
            assert_eq!(answer.status, 401, "{:?} {answer:?}", world.kind);
        }
        assert_eq!(world.product.requests(), 10);
    })
    .await;
}

#[tokio::test]
async fn nobody_comes_through_while_keystead_cannot_know_or_is_away() {
    each(async |mut world| {
        let (proxy, token) = (world.proxy.address, world.key.token.clone());
        assert_eq!(get(proxy, &token).await.status, 200);
        make_unsure(&world.server, &world.ada).await;
        let unsure = get(proxy, &token).await;
        assert!(unsure.status >= 500, "{unsure:?}");
        world.relay.cut().await;
        for token in [token.as_str(), "junk"] {
            let away = get(proxy, token).await;
            assert!(away.status >= 500, "{away:?}");
        }
        assert_eq!(world.product.requests(), 1);
    })
    .await;
}

#[tokio::test]
async fn nobody_waits_long_for_a_keystead_that_hangs() {
    // Traefik waits for 30 s, and cannot be told otherwise.
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Traefik) {
        let world = World::start(kind, None).await;
        assert_eq!(get(world.proxy.address, &world.key.token).await.status, 200);
        world.relay.fall_silent();
        let since = Instant::now();
        let answer = get(world.proxy.address, &world.key.token).await;
        assert!(answer.status >= 500 && world.product.requests() == 1, "{kind:?} {answer:?}");
        assert!(since.elapsed() < Duration::from_secs(15), "{kind:?} {:?}", since.elapsed());
    }
}

/// What Keystead is told of where a request came from is what it then believes, with the proxy as its `trusted-proxy`.
#[tokio::test]
async fn keystead_is_told_the_clients_address_and_what_the_client_claims_counts_for_nothing() {
    let behind = TestServer::start_trusting("127.0.0.1").await;
    let ada = behind.administrator("ada@example.com").await;
    let key = behind.key(&ada, "deploy", "30d").await;
    let from_there = async || {
        let count = format!("SELECT count(*) FROM audit_events WHERE address = '{ADDRESS}'");
        behind.tool().number(&count).await
    };
    // Over gRPC nothing is asked for which it would matter.
    each_of(&Kind::OVER_HTTP, async |world| {
        let claims = "X-Forwarded-For: 198.51.100.66\r\nX-Real-IP: 198.51.100.66\r\nForwarded: for=198.51.100.66\r\n";
        let headers = format!("{claims}{}", bearing(&world.key.token));
        let answer = send(world.proxy.address, "GET", "/", &headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let asked = world.relay.asked();
        let before = from_there().await;
        let lines = asked.iter().filter_map(|line| line.split_once(": "));
        let lines = lines.filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"));
        let query = json!({
            "query": "mutation($id: ID!, $name: String!) { updateApiKey(input: { id: $id, name: $name, description: \"\" }) { apiKey { id } } }",
            "variables": { "id": key.id, "name": format!("{:?}", world.kind) },
        });
        let edit = behind.post("/graphql").bearer_auth(&key.token).json(&query);
        let edit = lines.fold(edit, |edit, (name, value)| edit.header(name, value));
        assert_eq!(edit.send().await.unwrap().status(), 200);
        assert_eq!(from_there().await, before + 1, "{:?} {asked:?}", world.kind);
    })
    .await;
}
