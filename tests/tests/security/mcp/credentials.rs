//! What counts at `/mcp`: an API key, or the access token of an app that somebody connected; and nothing else does, nor longer.

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command};
use keystead_tests::{Pkce, TestServer, cookies};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::Tool;
use crate::callers::{Caller, World, unknown_token};

const MAKES_A_KEY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_api_key","arguments":{"name":"theirs"}}}"#;

fn making_a_key(server: &TestServer, path: &str) -> RequestBuilder {
    let request = server.post(path).header("accept", "application/json, text/event-stream");
    request.header("content-type", "application/json").body(MAKES_A_KEY)
}

/// What nobody is told, but the id of the request and the time; and that they are told where to get a token.
async fn turned_away(answer: Response) -> (String, Value) {
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(cookies(&answer), Vec::<String>::new());
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    assert!(challenge.contains("/.well-known/oauth-protected-resource/mcp\""), "{challenge}");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["code"], "UNAUTHENTICATED");
    (challenge, body)
}

#[tokio::test]
async fn only_a_key_that_works_makes_a_tool_work() {
    let world = World::new().await;
    let mut told = Vec::new();
    for caller in Caller::ALL {
        let credential = world.credential(caller).await;
        let before = world.server.snapshot().await;
        let answer = credential.on(making_a_key(&world.server, "/mcp")).send().await.unwrap();
        match caller {
            Caller::MembersKey | Caller::AdministratorsKey | Caller::ForeignAdministratorsKey => {
                assert_eq!(answer.status(), 200, "{caller:?}");
                let answer: Value = answer.json().await.unwrap();
                assert_eq!(answer["result"]["isError"], false, "{caller:?}: {answer}");
            }
            _ => {
                let said = turned_away(answer).await;
                assert_eq!(world.server.snapshot().await, before, "{caller:?}");
                told.push((caller, said));
            }
        }
    }
    let told = |wanted| told.iter().find(|(caller, _)| *caller == wanted).map(|(_, said)| said).unwrap();
    assert_eq!(told(Caller::UnknownToken), told(Caller::RevokedKey), "nobody learns that a key once was");
    assert_eq!(told(Caller::UnknownToken), told(Caller::DeactivatedUsersKey));
    assert_eq!(told(Caller::Nobody), told(Caller::AdministratorsSession), "a cookie is as good as nothing");
}

#[tokio::test]
async fn a_token_in_another_place_than_the_header_is_none() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "tool", "30d").await.token;
    let before = server.snapshot().await;
    let queries = ["access_token", "token", "ACCESS_TOKEN", "authorization", "api_key", "key"];
    let queries = queries.map(|name| making_a_key(&server, &format!("/mcp?{name}={token}")));
    let with = |name: &str, value: &str| making_a_key(&server, "/mcp").header(name, value);
    let member = format!(r#"{{"access_token":"{token}",{}"#, MAKES_A_KEY.strip_prefix('{').unwrap());
    let meta = MAKES_A_KEY.replace(
        "\"name\":\"create_api_key\"",
        &format!("\"name\":\"create_api_key\",\"_meta\":{{\"authorization\":\"Bearer {token}\"}}"),
    );
    let others = [
        making_a_key(&server, "/mcp").body(member),
        making_a_key(&server, "/mcp").body(meta),
        server.post("/mcp").form(&[("access_token", &token)]),
        making_a_key(&server, "/mcp").basic_auth("ada@example.com", Some(&token)),
        making_a_key(&server, "/mcp").basic_auth(&token, None::<&str>),
        making_a_key(&server, "/mcp").bearer_auth(&token).bearer_auth(&token),
        making_a_key(&server, "/mcp").bearer_auth(&token).bearer_auth("junk"),
        with("authorization", &format!("bearer {token}")),
        with("authorization", &format!("Bearer  {token}")),
        with("authorization", &format!("Bearer\t{token}")),
        with("authorization", &format!("Bearer {token},Bearer {token}")),
        with("authorization", &token),
        with("proxy-authorization", &format!("Bearer {token}")),
        with("x-api-key", &token),
        with("x-forwarded-authorization", &format!("Bearer {token}")),
        with("x-keystead-user-id", &ada.id),
        with("cookie", &format!("keystead={token}")),
        with("mcp-session-id", &token),
        making_a_key(&server, &format!("/mcp?access_token={token}")).bearer_auth(&token),
    ];
    for request in queries.into_iter().chain(others) {
        turned_away(request.send().await.unwrap()).await;
    }
    for path in ["/mcp/", "/MCP", "//mcp", "/mcp/mcp", "/mcp%2f", "/mcp;a", "/mcp."] {
        let answer = making_a_key(&server, path).bearer_auth(&token).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 404 | 405), "{path}: {}", answer.status());
    }
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn of_what_an_app_holds_only_the_access_token_counts_and_no_longer_than_it_should() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let client = server.oauth_client("Assistant", "http://127.0.0.1:7777/callback").await;
    let tokens = server.connect_app(&ada, &client).await;
    let (pkce, ask) = (Pkce::new(), async |token: &str| {
        making_a_key(&server, "/mcp").bearer_auth(token).send().await.unwrap()
    });
    let code = server.allow(&ada, &client, &pkce).await;
    assert_eq!(ask(&tokens.access).await.status(), 200);

    let [header, claims, signature] = tokens.access.split('.').collect::<Vec<_>>().try_into().unwrap();
    let forged = [
        tokens.refresh.clone(),
        code,
        pkce.verifier.clone(),
        client.id.clone(),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{claims}.{header}.{signature}"),
        format!("{}.{}", tokens.access, signature),
        tokens.access[..tokens.access.len() - 1].to_owned(),
        format!("{}=", tokens.access),
        "a.b.c".to_owned(),
        "...".to_owned(),
        ".".repeat(30_000),
    ];
    let before = server.snapshot().await;
    for token in forged {
        turned_away(ask(&token).await).await;
    }
    assert_eq!(server.snapshot().await, before);

    server.advance(SignedDuration::from_mins(16));
    turned_away(ask(&tokens.access).await).await;

    // Disconnected, deactivated, or ended for a refresh token that was used twice: at once.
    for end in ["disconnected", "deactivated", "reused"] {
        let mia = server.member(&format!("{end}@example.com")).await;
        let tokens = server.connect_app(&mia, &client).await;
        assert_eq!(ask(&tokens.access).await.status(), 200, "{end}");
        match end {
            "disconnected" => {
                let actor = server.actor(&mia).await;
                let app = server.app.connected_apps(&actor).await.unwrap().remove(0);
                server.app.disconnect_app(&actor, app.id).await.unwrap();
            }
            "deactivated" => server.deactivate(&mia).await,
            _ => {
                assert_eq!(client.refresh(&server, &tokens.refresh).await.status(), 200);
                server.advance(SignedDuration::from_secs(10));
                assert_eq!(client.refresh(&server, &tokens.refresh).await.status(), 400);
            }
        }
        let before = server.snapshot().await;
        let ended = turned_away(ask(&tokens.access).await).await;
        assert!(!ended.1.to_string().contains(end), "{ended:?}");
        assert_eq!(server.snapshot().await, before, "{end}");
    }
}

#[tokio::test]
async fn an_archived_organization_has_no_tools() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let key = server.key(&eve, "tool", "30d").await;
    let ask = || making_a_key(&server, "/mcp").bearer_auth(&key.token).send();
    assert_eq!(ask().await.unwrap().status(), 200);
    let Answer::Organizations(all) = server.operate(Command::OrganizationList).await else {
        panic!("not organizations")
    };
    let elsewhere = all.into_iter().find(|organization| organization.name == "Elsewhere").unwrap();
    server.operate(Command::OrganizationArchive { organization: elsewhere.id }).await;
    let before = server.snapshot().await;
    turned_away(ask().await.unwrap()).await;
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn a_session_that_somebody_made_up_changes_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "tool", "30d").await.token;
    let tool = Tool::new(&server, &token);
    let plain = tool.ask("tools/call", json!({ "name": "whoami" })).await;
    for session in
        ["1", "00000000-0000-0000-0000-000000000000", "../../etc/passwd", "a, b", &token, &"x".repeat(10_000)]
    {
        for event in ["0", "-1", "9999999999999999999999"] {
            let asked = tool.request("tools/call", json!({ "name": "whoami" }));
            let answer =
                asked.header("mcp-session-id", session).header("last-event-id", event).send().await.unwrap();
            assert!(answer.headers().get("mcp-session-id").is_none());
            assert_eq!(super::read(answer).await, plain, "{session}");
            // Nor does it stand in for a credential, nor end anything, nor replay anything.
            turned_away(
                making_a_key(&server, "/mcp").header("mcp-session-id", session).send().await.unwrap(),
            )
            .await;
            for method in ["GET", "DELETE"] {
                let method: reqwest::Method = method.parse().unwrap();
                let asked = server
                    .client
                    .request(method, format!("{}/mcp", server.url))
                    .header("mcp-session-id", session);
                let asked = asked
                    .header("last-event-id", event)
                    .header("accept", "text/event-stream")
                    .bearer_auth(&token);
                assert_eq!(asked.send().await.unwrap().status(), 405);
            }
        }
    }
}

#[tokio::test]
async fn other_methods_than_post_do_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "tool", "30d").await.token;
    let before = server.snapshot().await;
    for method in ["GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND"] {
        let ask = || {
            let method: reqwest::Method = method.parse().unwrap();
            let request = server.client.request(method, format!("{}/mcp", server.url)).body(MAKES_A_KEY);
            request
                .header("accept", "application/json, text/event-stream")
                .header("content-type", "application/json")
        };
        let answer = ask().bearer_auth(&token).header("x-http-method-override", "POST").send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers()["allow"], "POST", "{method}");
        for dead in [unknown_token(), "junk".to_owned()] {
            assert_eq!(ask().bearer_auth(dead).send().await.unwrap().status(), 401, "{method}");
        }
        assert_eq!(ask().send().await.unwrap().status(), 401, "{method}");
    }
    assert_eq!(server.snapshot().await, before);
}
