//! `/verify`: one strict grammar for what is sent, one answer for what does not work, and nothing from the caller in it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use keystead_app::RoleInput;
use keystead_domain::{Actor, Assignments, Description, GroupName, Permission, RoleId, RoleName, UserId};
use keystead_tests::TestServer;
use reqwest::{Response, StatusCode};

use crate::callers::unknown_token;

const OURS: [&str; 5] = ["user-id", "user-email", "organization-id", "key-id", "permissions"];

/// Status, headers but the date, body.
async fn whole(answer: Response) -> (StatusCode, BTreeMap<String, String>, String) {
    let headers = answer.headers().iter().filter(|(name, _)| *name != "date");
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status(), headers, answer.text().await.unwrap())
}

#[tokio::test]
async fn a_header_that_could_be_read_in_two_ways_is_refused() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    let send = async |headers: String| server.raw_status("GET", "/verify", &headers).await.unwrap();
    assert_eq!(send(format!("authorization: Bearer {token}\r\n")).await, 200);
    assert_eq!(
        send(format!("AUTHORIZATION:  Bearer {token} \r\n")).await,
        200,
        "blanks around a value are not in it"
    );
    for refused in [
        String::new(),
        "authorization:\r\n".to_owned(),
        "authorization: Bearer\r\n".to_owned(),
        format!("authorization: {token}\r\n"),
        format!("authorization: bearer {token}\r\n"),
        format!("authorization: BEARER {token}\r\n"),
        format!("authorization: Bearer  {token}\r\n"),
        format!("authorization: Bearer\t{token}\r\n"),
        format!("authorization: Bearer \"{token}\"\r\n"),
        format!("authorization: Bearer {token},\r\n"),
        format!("authorization: Bearer {token} {token}\r\n"),
        format!("authorization: Bearer {token}, Bearer {token}\r\n"),
        format!("authorization: Basic x, Bearer {token}\r\n"),
        format!("authorization: Basic {token}\r\n"),
        format!("authorization: Token {token}\r\n"),
        format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}\r\n"),
        format!("authorization: Bearer junk\r\nauthorization: Bearer {token}\r\n"),
        format!("proxy-authorization: Bearer {token}\r\n"),
        format!("x-api-key: {token}\r\n"),
        format!("cookie: keystead={token}; authorization={token}\r\n"),
    ] {
        assert_eq!(send(refused.clone()).await, 401, "{refused}");
    }
}

#[tokio::test]
async fn a_token_counts_in_the_header_only() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    let session = server.session(&ada).await;
    for name in ["access_token", "token", "api_key"] {
        assert_eq!(server.get(&format!("/verify?{name}={token}")).send().await.unwrap().status(), 422);
        let posted = server.post("/verify").form(&[(name, &token)]).send().await.unwrap();
        assert_eq!(posted.status(), 401);
    }
    assert_eq!(server.visit(&session, "/verify").await.status(), 401, "a session is not looked at");
}

#[tokio::test]
async fn headers_that_do_not_fit_are_refused_and_the_connection_ends() {
    let server = TestServer::start().await;
    let huge = "x".repeat(1 << 20);
    for name in ["authorization: Bearer", "cookie: keystead=", "x-anything:"] {
        assert_eq!(
            server.raw_status("GET", "/verify", &format!("{name} {huge}\r\n")).await,
            Some(431),
            "{name}"
        );
    }
    let many = "x: y\r\n".repeat(10_000);
    assert_eq!(server.raw_status("GET", "/verify", &many).await, Some(431));
    assert_eq!(server.raw_status("GET", &format!("/verify?permission={huge}"), "").await, Some(431));
}

#[tokio::test]
async fn junk_unknown_revoked_and_deactivated_look_alike_and_an_expired_key_is_told_when() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let (expired, revoked) = (server.key(&ada, "e", "7d").await, server.key(&ada, "r", "30d").await);
    let deactivated = server.key(&mia, "d", "7d").await;
    server.revoke(&revoked).await;
    server.deactivate(&mia).await;
    server.advance(SignedDuration::from_hours(24 * 7));
    let junk = whole(server.verify("junk").await).await;
    assert_eq!(junk.0, 401);
    assert_eq!(
        junk.1["www-authenticate"],
        r#"Bearer error="invalid_token", error_description="The API key does not work.""#
    );
    for token in [unknown_token(), revoked.token, deactivated.token] {
        assert_eq!(whole(server.verify(&token).await).await, junk);
    }
    let (status, headers, _) = whole(server.verify(&expired.token).await).await;
    assert_eq!(status, 401);
    assert!(headers["www-authenticate"].contains("expired at 2026-11-30T10:00:00Z"));
}

#[tokio::test]
async fn no_cut_changed_or_lengthened_token_is_accepted() {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    for end in 1..token.len() {
        assert_eq!(server.verify(&token[..end]).await.status(), 401, "cut at {end}");
    }
    let now = server.now();
    let mut tried = 0;
    for at in 0..token.len() {
        for digit in DIGITS.iter().map(|digit| char::from(*digit)) {
            let mutant = format!("{}{digit}{}", &token[..at], &token[at + 1..]);
            let longer = format!("{}{digit}{}", &token[..at], &token[at..]);
            for mutant in [mutant, longer].iter().filter(|mutant| **mutant != token) {
                assert!(server.app.verify(mutant, now).is_err(), "{at} {digit}");
                tried += 1;
            }
        }
    }
    assert!(tried > 6_000);
    for tail in ["0", ".", "=", "-", "\u{0}", " ", "\n"] {
        assert!(server.app.verify(&format!("{token}{tail}"), now).is_err(), "{tail:?}");
    }
    assert_eq!(server.verify(&token).await.status(), 200);
}

/// What the proxy in front believes must come from us alone, or anybody can write it.
#[tokio::test]
async fn identity_headers_of_the_callers_own_have_no_influence_and_are_not_sent_back() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let token = server.key(&mia, "deploy", "30d").await.token;
    let forged = |prefix: &str| OURS.map(|name| format!("{prefix}{name}: {}\r\n", ada.id)).concat();
    let mut spellings = String::new();
    for prefix in ["X-Keystead-", "x-keystead-", "X_Keystead_", "X-KEYSTEAD-"] {
        spellings += &forged(prefix);
        spellings += &forged(prefix).replace('-', "_").replace(&ada.id.replace('-', "_"), &ada.id);
    }
    for path in ["/verify", "/verify?permission=keys:read_all"] {
        let expected = server.get(path).bearer_auth(&token).send().await.unwrap().status().as_u16();
        let headers = format!("{spellings}authorization: Bearer {token}\r\n");
        assert_eq!(server.raw_status("GET", path, &headers).await, Some(expected), "{path}");
        assert_eq!(server.raw_status("GET", path, &spellings).await, Some(401), "{path}");
    }
    let mut request = server.get("/verify").bearer_auth(&token);
    for name in OURS {
        request = request.header(format!("x-keystead-{name}"), &ada.id);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["x-keystead-user-id"], mia.id.as_str());
    assert_eq!(answer.headers()["x-keystead-user-email"], "mia@example.com");
    assert_eq!(answer.headers()["x-keystead-permissions"], "");
    for name in OURS {
        assert_eq!(answer.headers().get_all(format!("x-keystead-{name}")).iter().count(), 1, "{name}");
    }
    let with = server.get("/settings").header("x-keystead-user-id", &ada.id).send().await.unwrap();
    assert_eq!(with.status(), 303, "and no other door believes them");
}

/// The whole of what a check depends on: each part varied alone, in an order in which whatever were remembered by fewer parts
/// would answer wrongly.
#[tokio::test]
async fn the_answer_follows_from_key_and_permission_alone_in_whatever_order_they_are_asked() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let (mia, eve) = (server.member("mia@example.com").await, server.member("eve@example.com").await);
    let keys = [server.key(&mia, "m", "30d").await, server.key(&eve, "e", "30d").await];
    let held = "audit:read,iam:read,keys:read_all,reports:read";
    let ada = server.actor(&ada).await;
    let role = server.app.create_role(&ada, input(held)).await.unwrap().id.to_string();
    server.app.set_role_assignments(&ada, mia.id.parse().unwrap(), &on(&role, &[])).await.unwrap();
    let mut permissions: Vec<&str> = held.split(',').collect();
    permissions.extend(["keys:read", "keys:read_al", "keys:read_all2", "iam:write", "reports:write"]);
    for _ in 0..2 {
        for permission in &permissions {
            for (at, key) in keys.iter().enumerate() {
                for resource in ["", "&resource=r1", "&resource=r2"] {
                    let path = format!("/verify?permission={permission}{resource}");
                    let status = server.get(&path).bearer_auth(&key.token).send().await.unwrap().status();
                    let may = at == 0 && held.split(',').any(|held| held == *permission);
                    assert_eq!(status, if may { 200 } else { 403 }, "{path} {at}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_question_that_is_not_understood_is_refused_rather_than_another_one_answered() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    for query in [
        "permission=",
        "permission=keys:read_all&permission=keys:read_all",
        "permission=KEYS:READ_ALL",
        "permission=keys:read_all,iam:write",
        "permission=keys%3Aread_all%0d%0aX-Keystead-User-Id:%20x",
        "Permission=keys:read_all",
        "permissions=keys:read_all",
        "resource=r1",
        "permission=keys:read_all&resource=",
        "permission=keys:read_all&resource=r1&resource=r2",
        "permission=keys:read_all&resource=r1,r2",
        "permission=keys:read_all&resource=r%201",
        "permission=keys:*",
        &format!("permission=keys:read_all&resource={}", "r".repeat(201)),
        &format!("permission={}", "p".repeat(101)),
        "permission[]=keys:read_all",
        "x=y",
    ] {
        let answer = server.get(&format!("/verify?{query}")).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), 422, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

/// Asks about `reports:read`, everywhere and on three resources.
async fn reports(server: &TestServer, token: &str) -> [u16; 4] {
    let mut statuses = [0; 4];
    for (status, resource) in statuses.iter_mut().zip(["", "&resource=a", "&resource=b", "&resource=c"]) {
        let path = format!("/verify?permission=reports:read{resource}");
        *status = server.get(&path).bearer_auth(token).send().await.unwrap().status().as_u16();
    }
    statuses
}

/// Somebody with a key, an administrator who can change them, and the id of a role that permits `reports:read`.
async fn analyst(server: &TestServer) -> (Actor, UserId, String, String) {
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let token = server.key(&mia, "deploy", "never").await.token;
    let ada = server.actor(&ada).await;
    let role = server.app.create_role(&ada, input("reports:read")).await.unwrap();
    (ada, mia.id.parse().unwrap(), token, role.id.to_string())
}

/// A role, whose permissions are separated by commas.
fn input(permissions: &str) -> RoleInput {
    RoleInput {
        name: RoleName::parse("Analyst").unwrap(),
        description: Description::parse("").unwrap(),
        permissions: permissions.split(',').map(|name| Permission::parse(name).unwrap()).collect(),
    }
}

/// A role on these resources; on none is everywhere.
fn on(role: &str, resources: &[&str]) -> Assignments {
    let resources: Vec<String> = resources.iter().map(|&resource| resource.to_owned()).collect();
    Assignments::parse([(role, &resources[..])]).unwrap()
}

#[tokio::test]
async fn a_role_that_is_limited_to_resources_holds_there_and_nowhere_else() {
    let server = TestServer::start().await;
    let (ada, mia, token, role) = analyst(&server).await;
    assert_eq!(reports(&server, &token).await, [403; 4]);
    server.app.set_role_assignments(&ada, mia, &on(&role, &["a", "b"])).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403, 200, 200, 403]);
    let whole = server.verify(&token).await;
    assert_eq!(whole.headers()["x-keystead-permissions"], "", "the header lists what holds everywhere");
    for other in ["/verify?permission=reports:write&resource=a", "/verify?permission=reports:read&resource=A"]
    {
        assert_eq!(server.get(other).bearer_auth(&token).send().await.unwrap().status(), 403, "{other}");
    }
    server.app.set_role_assignments(&ada, mia, &on(&role, &[])).await.unwrap();
    assert_eq!(reports(&server, &token).await, [200; 4]);
    assert_eq!(server.verify(&token).await.headers()["x-keystead-permissions"], "reports:read");
    server.app.set_role_assignments(&ada, mia, &on("member", &[])).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403; 4], "and is refused once it is taken away");
}

#[tokio::test]
async fn what_a_group_gives_is_held_by_its_members_for_as_long_as_they_are() {
    let server = TestServer::start().await;
    let (ada, mia, token, role) = analyst(&server).await;
    let name = || GroupName::parse("Data team").unwrap();
    let group = server.app.create_group(&ada, name(), on(&role, &["a"])).await.unwrap().id;
    assert_eq!(reports(&server, &token).await, [403; 4]);
    server.app.set_groups(&ada, mia, &[group]).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403, 200, 403, 403]);
    server.app.update_group(&ada, group, name(), on(&role, &["b"])).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403, 403, 200, 403]);
    server.app.set_role_assignments(&ada, mia, &on(&role, &["c"])).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403, 403, 200, 200], "beside what they were assigned");
    server.app.set_groups(&ada, mia, &[]).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403, 403, 403, 200]);
}

#[tokio::test]
async fn a_role_that_changes_or_goes_is_felt_by_the_next_check() {
    let server = TestServer::start().await;
    let (ada, mia, token, role) = analyst(&server).await;
    server.app.set_role_assignments(&ada, mia, &on(&role, &[])).await.unwrap();
    assert_eq!(reports(&server, &token).await, [200; 4]);
    let id = RoleId::parse(&role).unwrap();
    server.app.update_role(&ada, &id, input("reports:write")).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403; 4]);
    server.app.update_role(&ada, &id, input("reports:read")).await.unwrap();
    assert_eq!(reports(&server, &token).await, [200; 4]);
    server.app.delete_role(&ada, &id).await.unwrap();
    assert_eq!(reports(&server, &token).await, [403; 4]);
    assert_eq!(server.verify(&token).await.status(), 200, "the key itself works");
}

#[tokio::test]
async fn an_administrator_holds_every_permission_of_the_organization_and_none_beyond_it() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    assert_eq!(reports(&server, &token).await, [200; 4], "also one that no role names");
    for resource in ["", "&resource=a"] {
        let path = format!("/verify?permission=organizations:manage{resource}");
        assert_eq!(server.get(&path).bearer_auth(&token).send().await.unwrap().status(), 403, "{path}");
    }
}
