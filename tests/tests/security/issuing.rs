//! The operator's switch, through every door: while issuing is stopped nobody gets a new credential for an API, and all that people need
//! to look around and take things away goes on.

use keystead_app::Deployment;
use keystead_app::operator::{Answer, Command};
use keystead_tests::{
    OauthClient, OauthTokens, Pkce, Session, TestKey, TestServer, TestUser, authorize_path,
};
use serde_json::{Value, json};

const WHY: &str = "Somebody may have read the backups.";

struct World {
    server: TestServer,
    ada: TestUser,
    key: TestKey,
    minter: TestKey,
    session: Session,
    client: OauthClient,
    pkce: Pkce,
    tokens: OauthTokens,
    code: String,
}

impl World {
    async fn start() -> Self {
        let deployment = Deployment { impersonation: true, ..Deployment::default() };
        let server = TestServer::start_at("http://keystead.test", deployment).await;
        let ada = server.administrator("ada@example.com").await;
        let key = server.key(&ada, "deploy", "7d").await;
        let minter = server.impersonation_key(&ada, "embedding").await;
        let session = server.session(&ada).await;
        let client = server.oauth_client("An app", "https://app.example/callback").await;
        let pkce = Pkce::new();
        let tokens = server.connect_app(&ada, &client).await;
        let code = server.allow(&ada, &client, &pkce).await;
        Self { server, ada, key, minter, session, client, pkce, tokens, code }
    }

    async fn switch(&self, command: Command) {
        assert!(matches!(self.server.operate(command).await, Answer::Issuing(_)));
    }

    async fn graphql(&self, bearer: Option<&str>, query: &str) -> Value {
        let mut request = self.server.post("/graphql").json(&json!({ "query": query }));
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.server.post("/oauth2/token").form(form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// What each door that issues something says: the code of its refusal, or that it issued.
    async fn doors(&self) -> Vec<(&'static str, String)> {
        let said = |value: &Value| value.as_str().unwrap_or("ISSUED").to_owned();
        let mut doors = Vec::new();

        let create = "mutation { createApiKey(input: { name: \"new\" }) { token } }";
        let answer = self.graphql(Some(&self.key.token), create).await;
        doors.push(("GraphQL", said(&answer["errors"][0]["extensions"]["code"])));

        let mint = format!(
            "mutation {{ impersonateUser(accessToken: \"{}\", userEmail: \"{}\") }}",
            self.minter.token, self.ada.email
        );
        let answer = self.graphql(None, &mint).await;
        doors.push(("GraphQL, minting", said(&answer["errors"][0]["extensions"]["code"])));

        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "create_api_key", "arguments": { "name": "new" } } });
        let request = self.server.post("/mcp").header("host", "keystead.test").bearer_auth(&self.key.token);
        let request = request.header("mcp-protocol-version", "2025-11-25");
        let request = request.header("accept", "application/json, text/event-stream").json(&call);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["result"].is_object(), "{answer}");
        doors.push(("MCP", said(&answer["result"]["structuredContent"]["code"])));

        let (status, answer) = self
            .token(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token_type", "urn:keystead:params:oauth:token-type:email"),
                ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("subject_token", &self.ada.email),
                ("actor_token", &self.minter.token),
            ])
            .await;
        doors.push(("token exchange", format!("{status} {}", said(&answer["error"]))));

        for answer in [
            self.client.redeem(&self.server, &self.code, &self.pkce).await,
            self.client.refresh(&self.server, &self.tokens.refresh).await,
        ] {
            let (status, answer) = (answer.status(), answer.json::<Value>().await.unwrap());
            doors.push(("OAuth token", format!("{} {}", status.as_u16(), said(&answer["error"]))));
        }

        let path = authorize_path(self.client.request(&self.pkce));
        let answer = self.server.submit(&self.session, &path, &[("decision", "allow")]).await;
        doors.push(("OAuth code", answer.status().as_u16().to_string()));

        let answer = self
            .server
            .app
            .operate(Command::KeyCreate {
                user: self.ada.email.clone(),
                organization: None,
                name: "new".to_owned(),
                expires: "7d".to_owned(),
            })
            .await;
        doors.push((
            "command line",
            match answer {
                Answer::Refused { code, .. } => code,
                _ => "ISSUED".to_owned(),
            },
        ));
        doors
    }

    async fn page(&self, path: &str) -> String {
        self.server.visit(&self.session, path).await.text().await.unwrap()
    }
}

#[tokio::test]
async fn while_issuing_is_stopped_no_door_issues_anything_and_all_else_goes_on() {
    let world = World::start().await;
    let form = world.page("/settings/api-keys/new").await;
    assert!(form.contains("name=\"expiration\""));
    world.switch(Command::IssuingStop { why: WHY.to_owned() }).await;
    let before = world.server.snapshot().await;
    let stopped = "503 temporarily_unavailable";
    assert_eq!(
        world.doors().await,
        [
            ("GraphQL", "ISSUING_STOPPED"),
            ("GraphQL, minting", "ISSUING_STOPPED"),
            ("MCP", "ISSUING_STOPPED"),
            ("token exchange", stopped),
            ("OAuth token", stopped),
            ("OAuth token", stopped),
            ("OAuth code", "503"),
            ("command line", "ISSUING_STOPPED"),
        ]
        .map(|(door, said)| (door, said.to_owned()))
    );
    let after = world.server.snapshot().await;
    for table in ["api_keys", "connections", "refresh_tokens", "impersonated_sessions"] {
        assert_eq!(before.rows(table).len(), after.rows(table).len(), "{table}");
    }

    // The console says so instead of showing the form, and administrators why. Whoever has no session is told no reason.
    for page in ["/settings/api-keys", "/settings/api-keys/new"] {
        assert!(world.page(page).await.contains("has stopped the issuing of credentials"), "{page}");
    }
    assert!(world.page("/settings/api-keys").await.contains(WHY));
    assert!(!world.page("/settings/api-keys/new").await.contains("name=\"expiration\""));

    // People and keys go on.
    assert_eq!(world.server.verify(&world.key.token).await.status(), 200);
    let link = format!("/sign-in/link/{}", world.server.sign_in_code(&world.ada).await);
    assert_eq!(world.server.get(&link).send().await.unwrap().status(), 200);
    world.server.session(&world.ada).await;
    let me = world.graphql(Some(&world.key.token), "{ currentUser { id } }").await;
    assert!(me["errors"].is_null(), "{me}");
    world.server.revoke(&world.key).await;
    assert_eq!(world.server.verify(&world.key.token).await.status(), 401);
}

#[tokio::test]
async fn what_was_stopped_stays_so_over_a_restart_and_what_was_waiting_is_issued_once_it_is_started() {
    let world = World::start().await;
    world.switch(Command::IssuingStop { why: WHY.to_owned() }).await;
    let refused = world.doors().await;
    let world = World { server: world.server.restart().await, ..world };
    let session = world.server.session(&world.ada).await;
    let world = World { session, ..world };
    assert_eq!(world.doors().await, refused);
    world.switch(Command::IssuingStart).await;
    // A code that could not be redeemed, and a refresh token that could not be used, were not used up.
    let issued: Vec<_> = world.doors().await.into_iter().map(|(_, said)| said).collect();
    assert_eq!(
        issued,
        ["ISSUED", "ISSUED", "ISSUED", "200 ISSUED", "200 ISSUED", "200 ISSUED", "303", "ISSUED"]
    );
}
