//! A row that cannot be read is a fault of its own, and takes nothing else with it.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers fail as tests do")]

use keystead_app::Deployment;
use keystead_tests::{Browserless, TestKey, TestServer, TestUser};
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_who_cannot_be_read_does_not_end_the_list_of_the_others() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "the test's own", "never").await.token;
    for name in ["bob", "cy", "di", "eli"] {
        server.member(&format!("{name}@example.com")).await;
    }
    server.tool().run_unprotected("UPDATE users SET attributes = '{' WHERE email LIKE 'di@%'").await;

    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = "query($after: String) { users(first: 2, after: $after) { nodes { email } pageInfo { hasNextPage endCursor } } }";
        let body = json!({ "query": query, "variables": { "after": after } });
        let answer = server.post("/graphql").bearer_auth(&token).json(&body).send().await.unwrap();
        let page = answer.json::<Value>().await.unwrap()["data"]["users"].take();
        let nodes = page["nodes"].as_array().unwrap();
        seen.extend(nodes.iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, ["eli@example.com", "cy@example.com", "bob@example.com", "ada@example.com"]);
}

/// Two impersonation keys, each with a session for the same user.
struct Impersonations {
    server: TestServer,
    ada: TestUser,
    plain: TestKey,
    damaged: (TestKey, String),
    other: (TestKey, String),
}

impl Impersonations {
    async fn new() -> Self {
        let deployment = Deployment { impersonation: true, ..Deployment::default() };
        let server = TestServer::start_at("https://keys.example.com", deployment).await;
        let ada = server.administrator("ada@example.com").await;
        server.member("bob@example.com").await;
        let plain = server.key(&ada, "plain", "never").await;
        let damaged = server.impersonation_key(&ada, "damaged").await;
        let other = server.impersonation_key(&ada, "other").await;
        let tokens =
            [server.mint(&damaged, "bob@example.com").await, server.mint(&other, "bob@example.com").await];
        let [first, second] = tokens;
        Self { server, ada, plain, damaged: (damaged, first), other: (other, second) }
    }

    async fn restarted(self) -> Self {
        Self { server: self.server.restart().await, ..self }
    }

    async fn status(&self, token: &str) -> u16 {
        self.server.verify(token).await.status().as_u16()
    }

    /// The names of the keys with what they minted, as the API tells it.
    async fn list(&self) -> Vec<(String, Option<i64>)> {
        let query = "{ apiKeys(first: 10) { nodes { name impersonation { lastMintedAt liveSessions } } } }";
        let request =
            self.server.post("/graphql").bearer_auth(&self.plain.token).json(&json!({ "query": query }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["errors"].is_null(), "{answer}");
        let nodes = answer["data"]["apiKeys"]["nodes"].as_array().expect("keys");
        nodes
            .iter()
            .map(|key| {
                (key["name"].as_str().unwrap().to_owned(), key["impersonation"]["liveSessions"].as_i64())
            })
            .collect()
    }

    async fn page(&self) -> u16 {
        Browserless::signed_in(&self.server, &self.ada)
            .await
            .get("/settings/api-keys")
            .await
            .status()
            .as_u16()
    }
}

#[tokio::test]
async fn a_number_of_ended_sessions_that_cannot_be_read_refuses_its_key_and_sessions_and_no_others() {
    for garbage in ["-1", "4294967296", "9223372036854775807", "-9223372036854775808"] {
        let world = Impersonations::new().await;
        world
            .server
            .tool()
            .run_unprotected(&format!("UPDATE api_keys SET session_epoch = {garbage} WHERE name = 'damaged'"))
            .await;
        // Verification has it in memory; whoever asks the store is refused, and no session is made up.
        let origin = keystead_app::RequestOrigin::default();
        let refused =
            world.server.app.impersonate(&world.damaged.0.token, "bob@example.com", &[], &origin).await;
        assert!(refused.is_err(), "{garbage}");
        let world = world.restarted().await;
        assert_eq!(
            (world.status(&world.damaged.0.token).await, world.status(&world.damaged.1).await),
            (401, 401)
        );
        assert_eq!(
            (world.status(&world.other.0.token).await, world.status(&world.other.1).await),
            (200, 200)
        );
        assert_eq!((world.list().await.len(), world.page().await), (3, 200), "{garbage}");
        // It can be revoked still.
        world.server.revoke(&world.damaged.0).await;
        assert_eq!(world.list().await.len(), 2, "{garbage}");
    }
}

#[tokio::test]
async fn a_damaged_time_of_minting_is_not_shown_and_keeps_no_list_from_its_reader() {
    for garbage in ["-9223372036854775808", "9223372036854775807"] {
        let world = Impersonations::new().await;
        world
            .server
            .tool()
            .run_unprotected(&format!(
                "UPDATE api_keys SET last_minted_at = {garbage} WHERE name = 'damaged'"
            ))
            .await;
        let world = world.restarted().await;
        let expected = [("other", Some(1)), ("damaged", Some(1)), ("plain", None)];
        assert_eq!(world.list().await, expected.map(|(name, live)| (name.to_owned(), live)), "{garbage}");
        assert_eq!((world.page().await, world.status(&world.damaged.1).await), (200, 200));
        let token = world.server.mint(&world.damaged.0, "bob@example.com").await;
        assert_eq!(world.status(&token).await, 200, "{garbage}: it is written anew");
    }
}

/// They are for people to see: a session counts or not whatever they hold.
#[tokio::test]
async fn damaged_rows_of_sessions_are_not_counted_and_make_and_break_no_session() {
    for (column, garbage) in [
        ("key_id", "x'00'"),
        ("key_id", "zeroblob(100000)"),
        ("user_id", "x''"),
        ("user_id", "randomblob(16)"),
        ("created_at", "-9223372036854775808"),
        ("expires_at", "-9223372036854775808"),
        ("expires_at", "0"),
    ] {
        let world = Impersonations::new().await;
        let of_one = "key_id = (SELECT id FROM api_keys WHERE name = 'damaged')";
        world
            .server
            .tool()
            .run_unprotected(&format!("UPDATE impersonated_sessions SET {column} = {garbage} WHERE {of_one}"))
            .await;
        let world = world.restarted().await;
        let case = format!("{column} = {garbage}");
        let counted = i64::from(column == "created_at");
        assert_eq!(world.list().await[1], ("damaged".to_owned(), Some(counted)), "{case}");
        assert_eq!(world.list().await[0], ("other".to_owned(), Some(1)), "{case}");
        assert_eq!(
            (world.status(&world.damaged.1).await, world.status(&world.other.1).await),
            (200, 200),
            "{case}"
        );
        world.server.app.maintain_sessions().await.expect(&case);
        world
            .server
            .operate(keystead_app::operator::Command::KeyRevoke { id: world.damaged.0.id.clone() })
            .await;
        assert_eq!((world.status(&world.damaged.1).await, world.page().await), (401, 200), "{case}");
    }
    // One that never ends for the count still ends as its token says, and its key's end is its own.
    let world = Impersonations::new().await;
    world
        .server
        .tool()
        .run_unprotected("UPDATE impersonated_sessions SET expires_at = 9223372036854775807")
        .await;
    world.server.advance(jiff::SignedDuration::from_hours(2));
    let world = world.restarted().await;
    assert_eq!((world.status(&world.damaged.1).await, world.page().await), (401, 200));
}
