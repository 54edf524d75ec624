//! What ends a credential ends what it is doing: a request that is let in and whose body is still to come does nothing (promise 3).

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command};
use keystead_tests::{TestServer, TestUser};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{Tool, read_to_end, read_until};

/// A request that was let in, of whose body a half was sent.
struct Begun {
    socket: TcpStream,
    rest: String,
}

impl Begun {
    async fn new(tool: &Tool<'_>, method: &str, params: Value) -> Self {
        let message = tool.message(method, params);
        let name = message["params"]["name"].as_str().or(message["params"]["uri"].as_str());
        let body = message.to_string();
        let mut socket = tool.server.connect().await;
        socket.write_all(tool.head_of(method, name, body.len()).as_bytes()).await.unwrap();
        // It asks for the body once the credential was looked at.
        assert_eq!(read_until(&mut socket, b"\r\n\r\n").await, b"HTTP/1.1 100 Continue\r\n\r\n");
        let (half, rest) = body.split_at(body.len() / 2);
        socket.write_all(half.as_bytes()).await.unwrap();
        Self { socket, rest: rest.to_owned() }
    }

    /// Sends the other half, and returns what was answered.
    async fn finish(mut self) -> String {
        self.socket.write_all(self.rest.as_bytes()).await.unwrap();
        read_to_end(&mut self.socket).await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Revoked,
    RevokedByItself,
    Expired,
    Deactivated,
    Deleted,
    Archived,
    Disconnected,
    AppExpired,
}

impl End {
    const ALL: [Self; 8] = [
        Self::Revoked,
        Self::RevokedByItself,
        Self::Expired,
        Self::Deactivated,
        Self::Deleted,
        Self::Archived,
        Self::Disconnected,
        Self::AppExpired,
    ];

    fn is_of_app(self) -> bool {
        matches!(self, Self::Disconnected | Self::AppExpired)
    }

    /// Ends what `token` rests on.
    async fn happen(self, server: &TestServer, user: &TestUser, key: &keystead_tests::TestKey) {
        match self {
            Self::Revoked => server.revoke(key).await,
            Self::RevokedByItself => {
                let arguments = json!({ "id": key.id, "name": "canary" });
                assert_eq!(Tool::new(server, &key.token).outcome("revoke_api_key", arguments).await, "DONE");
            }
            Self::Expired => server.advance(SignedDuration::from_hours(7 * 24)),
            Self::Deactivated => server.deactivate(user).await,
            Self::Deleted => {
                let ada = TestUser { id: String::new(), email: "ada@example.com".to_owned() };
                let actor = server.actor(&ada).await;
                server.app.delete_users(&actor, &[user.id.parse().unwrap()]).await.unwrap();
            }
            Self::Archived => {
                let Answer::Organizations(all) = server.operate(Command::OrganizationList).await else {
                    panic!("not organizations")
                };
                server.operate(Command::OrganizationArchive { organization: all[0].id.clone() }).await;
            }
            Self::Disconnected => {
                let actor = server.actor(user).await;
                let app = server.app.connected_apps(&actor).await.unwrap().remove(0);
                server.app.disconnect_app(&actor, app.id).await.unwrap();
            }
            Self::AppExpired => server.advance(SignedDuration::from_mins(16)),
        }
    }
}

#[tokio::test]
async fn a_request_whose_credential_ends_while_its_body_comes_does_nothing_and_says_nothing() {
    for end in End::ALL {
        let server = TestServer::start().await;
        server.administrator("ada@example.com").await;
        let mia = server.member("mia.canary@example.com").await;
        let key = server.key(&mia, "canary", "7d").await;
        let token = if end.is_of_app() {
            let client = server.oauth_client("Assistant", "http://127.0.0.1:7777/callback").await;
            server.connect_app(&mia, &client).await.access
        } else {
            key.token.clone()
        };
        let tool = Tool::new(&server, &token);
        let target = server.key(&mia, "canary target", "30d").await;
        let call =
            |name: &str, arguments: Value| ("tools/call", json!({ "name": name, "arguments": arguments }));
        let requests = [
            call("create_api_key", json!({ "name": "canary new" })),
            call("update_api_key", json!({ "id": target.id, "name": "canary changed" })),
            call("revoke_api_key", json!({ "id": target.id, "name": "canary target" })),
            call("whoami", json!({})),
            call("list_api_keys", json!({})),
            call("get_api_key", json!({ "id": target.id })),
            call("list_expiring_keys", json!({})),
            call("list_users", json!({})),
            call("search_audit_log", json!({})),
            ("tools/list", json!({})),
            ("resources/list", json!({})),
            ("resources/templates/list", json!({})),
            ("resources/read", json!({ "uri": format!("keystead://api-keys/{}", target.id) })),
            ("prompts/list", json!({})),
            ("prompts/get", json!({ "name": "rotate_api_key", "arguments": { "key": "deploy" } })),
            ("subscriptions/listen", json!({ "notifications": { "resourcesListChanged": true } })),
        ];
        let mut begun = Vec::new();
        for (method, params) in requests {
            begun.push((method, params.clone(), Begun::new(&tool, method, params).await));
        }
        end.happen(&server, &mia, &key).await;
        let before = server.snapshot().await;
        for (method, params, request) in begun {
            let answer = request.finish().await;
            assert!(answer.starts_with("HTTP/1.1 "), "{end:?}: {method} {params}: {answer}");
            assert!(!answer.starts_with("HTTP/1.1 5"), "{end:?}: {method} {params}: {answer}");
            let refused = answer.contains("UNAUTHENTICATED") || method == "subscriptions/listen";
            assert!(refused, "{end:?}: {method} {params}: {answer}");
            for word in ["canary", "description\"", "list_changed", &*target.id] {
                let said = answer.contains(word);
                assert!(!said, "{end:?}: {method} {params} says {word}: {answer}");
            }
        }
        let changed = server.snapshot().await;
        assert_eq!(changed.changed_since(&before), Vec::<&str>::new(), "{end:?}");
    }
}

#[tokio::test]
async fn a_right_that_is_taken_while_the_body_comes_is_gone() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let bob = server.administrator("bob@example.com").await;
    let mia = server.member("mia@example.com").await;
    let target = server.key(&mia, "canary", "30d").await;
    let key = server.key(&bob, "tool", "30d").await;
    let tool = Tool::new(&server, &key.token);
    let mut begun = Vec::new();
    for (name, arguments, code) in [
        ("list_users", json!({}), "FORBIDDEN"),
        ("search_audit_log", json!({}), "FORBIDDEN"),
        ("list_api_keys", json!({ "view": "all" }), "FORBIDDEN"),
        ("get_api_key", json!({ "id": target.id }), "NOT_FOUND"),
        ("revoke_api_key", json!({ "id": target.id, "name": "canary" }), "NOT_FOUND"),
        ("create_api_key", json!({ "name": "n", "allow_impersonation": true }), "FORBIDDEN"),
    ] {
        let params = json!({ "name": name, "arguments": arguments });
        begun.push((name, code, Begun::new(&tool, "tools/call", params).await));
    }
    let roles = vec!["member".to_owned()];
    server.operate(Command::UserSetRoles { email: bob.email, organization: None, roles }).await;
    let before = server.snapshot().await;
    for (name, code, request) in begun {
        let answer = request.finish().await;
        assert!(
            answer.contains(code) && !answer.contains("canary") && !answer.contains("mia"),
            "{name}: {answer}"
        );
    }
    assert_eq!(server.snapshot().await, before);
}
