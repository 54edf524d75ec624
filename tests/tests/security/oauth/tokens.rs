//! Threats: one kind of credential that is taken for another (RFC 9700, section 4.10.2; RFC 8725, section 3.12; the confused deputy
//! of the MCP specification). What an app is given counts at `/mcp`, and what counts elsewhere is not what an app is given.

use keystead_app::Deployment;
use keystead_tests::OauthTokens;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{World, at_mcp, counts_at_mcp, whoami};

/// A world with an impersonation key, since that opens most doors.
async fn world() -> World {
    World::start_as(Deployment { impersonation: true, ..Deployment::default() }).await
}

#[tokio::test]
async fn what_an_app_holds_opens_no_door_but_its_own() {
    let world = world().await;
    let server = &world.server;
    let tokens = world.tokens().await;
    let code = world.code().await;
    let caller = server.key(&world.mia, "caller", "30d").await;
    let me = at_mcp(server, &tokens.access).await.unwrap();
    assert!(me.to_string().contains("mia@example.com"), "{me}");
    let before = server.snapshot().await;
    for (what, token) in
        [("access token", &tokens.access), ("refresh token", &tokens.refresh), ("code", &code)]
    {
        let query = json!({ "query": "{ currentUser { id } }" });
        let doors: [(&str, RequestBuilder); 8] = [
            ("/verify", server.get("/verify")),
            ("/verify by POST", server.post("/verify")),
            ("/graphql", server.post("/graphql").json(&query)),
            ("/embed/keys", server.get("/embed/keys")),
            ("/embed/keys/new", server.post("/embed/keys/new").form(&[("name", "n")])),
            ("/oauth2/introspect", server.post("/oauth2/introspect").form(&[("token", &caller.token)])),
            ("/metrics", server.get("/metrics")),
            ("/verify with a permission", server.get("/verify?permission=keys:read_all")),
        ];
        for (door, request) in doors {
            let answer = request.bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{what} at {door}");
        }
        for path in ["/settings", "/settings/api-keys", "/settings/connected-apps", &world.path(&[])] {
            let shown = server.get(path).bearer_auth(token).send().await.unwrap();
            assert_eq!(shown.status(), 303, "{what} at {path}");
            let shown = server.get(path).header("cookie", format!("keystead={token}")).send().await.unwrap();
            assert_eq!(shown.status(), 303, "{what} as a cookie at {path}");
        }
        let impersonate = "mutation($key: String!) { impersonateUser(accessToken: $key, userEmail: \"mia@example.com\", attributes: []) }";
        let body = json!({ "query": impersonate, "variables": { "key": token } });
        let answer: Value = server.post("/graphql").json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{what}");
        for subject in ["mia@example.com", token] {
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", subject),
                ("subject_token_type", "urn:keystead:params:oauth:token-type:email"),
                ("actor_token", token),
                ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ];
            let answer = server.post("/oauth2/token").form(&form).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{what} as actor token");
        }
        let asked = server.post("/oauth2/introspect").bearer_auth(&caller.token).form(&[("token", token)]);
        let answer: Value = asked.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer, json!({ "active": false }), "{what}");
    }
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn what_opens_other_doors_does_not_make_anybody_an_app() {
    let world = world().await;
    let server = &world.server;
    let tokens = world.tokens().await;
    let code = world.code().await;
    let minter = server.impersonation_key(&world.ada, "minter").await;
    let jwt = server.mint(&minter, &world.mia.email).await;
    let session = server.session(&world.mia).await;
    let key = server.key(&world.mia, "deploy", "30d").await;
    let others =
        [jwt.as_str(), session.secret(), &tokens.refresh, &code, &world.app.id, &key.id, "junk", "a.b.c"];
    for token in others {
        assert!(!counts_at_mcp(server, token).await, "{token}");
    }
    for cookie in
        [session.cookie.clone(), format!("keystead={}", tokens.access), format!("keystead={}", key.token)]
    {
        let request = whoami(server).header("cookie", cookie).header("sec-fetch-site", "same-origin");
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    // Nor do they at the token endpoint.
    let before = server.snapshot().await;
    for token in others.into_iter().chain([tokens.access.as_str(), &key.token, &minter.token]) {
        if token != code {
            assert_eq!(world.redeem(token).await.status(), 400, "{token} as a code");
        }
        if token != tokens.refresh {
            assert_eq!(world.app.refresh(server, token).await.status(), 400, "{token} as a refresh token");
        }
    }
    assert_eq!(server.snapshot().await, before);
    assert!(counts_at_mcp(server, &key.token).await, "an API key is the simple way");
}

/// Whatever is in an address is in somebody's log (RFC 6750, section 2.3).
#[tokio::test]
async fn a_token_counts_in_its_header_and_nowhere_else() {
    let world = world().await;
    let server = &world.server;
    let token = world.tokens().await.access;
    for name in ["access_token", "token", "bearer", "authorization", "api_key"] {
        let path = format!("/mcp?{name}={token}");
        let request = server.post(&path).header("host", "keystead.test").form(&[(name, &token)]);
        assert_eq!(request.send().await.unwrap().status(), 401, "{name}");
    }
    for header in
        ["x-api-key", "x-access-token", "x-forwarded-authorization", "proxy-authorization", "mcp-session-id"]
    {
        let answer = whoami(server).header(header, format!("Bearer {token}")).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{header}");
    }
    for header in [
        format!("bearer {token}"),
        format!("BEARER {token}"),
        format!("Bearer  {token}"),
        format!("Bearer\t{token}"),
        format!("Bearer {token} "),
        format!("Bearer {token},{token}"),
        format!("DPoP {token}"),
        format!("Basic {token}"),
        token.clone(),
    ] {
        let answer = whoami(server).header("authorization", &header).send().await.unwrap();
        // A client takes blanks away at the end.
        let is_cut = header.ends_with(' ');
        assert!(answer.status() == 401 || is_cut, "{header}");
    }
    let twice = whoami(server).bearer_auth(&token).bearer_auth(&token).send().await.unwrap();
    assert_eq!(twice.status(), 401);
    assert!(counts_at_mcp(server, &token).await);
}

/// RFC 8707: there is one thing that tokens are for, and who wants one for another gets none.
#[tokio::test]
async fn no_token_is_made_for_anything_but_the_mcp_server_of_this_deployment() {
    let world = World::start().await;
    let server = &world.server;
    let session = server.session(&world.mia).await;
    let code = world.code().await;
    let tokens = world.tokens().await;
    let before = server.snapshot().await;
    for other in [
        "http://keystead.test",
        "http://keystead.test/",
        "http://keystead.test/mcp/",
        "http://keystead.test/MCP",
        "http://KEYSTEAD.test/mcp",
        "http://keystead.test:80/mcp",
        "http://keystead.test/mcp?x",
        "http://keystead.test/mcp#x",
        "http://keystead.test/./mcp",
        "https://keystead.test/mcp",
        "http://keystead.test/graphql",
        "http://evil.example/mcp",
        "http://keystead.test.evil.example/mcp",
        "/mcp",
        "mcp",
        "*",
    ] {
        let asked = server.visit(&session, &world.path(&[("resource", Some(other))])).await;
        assert_eq!(asked.status(), 400, "{other}");
        let page = asked.text().await.unwrap();
        assert!(super::way_back(&page).contains("?error=invalid_target&"), "{other}");
        for first in [
            [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("code_verifier", &world.pkce.verifier),
            ],
            [("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh), ("x", "y")],
        ] {
            let form = [&first[..], &[("client_id", &world.app.id), ("resource", other)]].concat();
            let answer = server.post("/oauth2/token").form(&form).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{other}");
            assert_eq!(answer.json::<Value>().await.unwrap()["error"], "invalid_target", "{other}");
        }
    }
    assert_eq!(server.snapshot().await, before);
    let resource = "http://keystead.test/mcp";
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", &world.pkce.verifier),
        ("client_id", &world.app.id),
        ("resource", resource),
    ];
    let tokens = OauthTokens::of(server.post("/oauth2/token").form(&form).send().await.unwrap()).await;
    assert!(counts_at_mcp(server, &tokens.access).await);
}

/// An app has its user's permissions as of now, and its organization's tokens are its own.
#[tokio::test]
async fn an_app_is_never_more_than_its_user_is_now() {
    let world = World::start().await;
    let server = &world.server;
    let of_ada = server.connect_app(&world.ada, &world.app).await;
    let of_mia = world.tokens().await;
    let tools = async |token: &str| {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "list_users", "arguments": {} } });
        let request = server.post("/mcp").header("host", "keystead.test").bearer_auth(token);
        let request = request.header("accept", "application/json, text/event-stream");
        let request = request.header("mcp-protocol-version", "2025-11-25").json(&list);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["result"]["isError"] != true && answer.get("error").is_none()
    };
    assert!(tools(&of_ada.access).await);
    assert!(!tools(&of_mia.access).await);
    let roles = vec!["member".to_owned()];
    server.administrator("second@example.com").await;
    let email = world.ada.email.clone();
    server.operate(keystead_app::operator::Command::UserSetRoles { email, organization: None, roles }).await;
    assert!(!tools(&of_ada.access).await, "the token is the same, and says nothing of what one may do");
}
