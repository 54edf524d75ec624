//! Every tool, called by everybody who holds a part of an administrator's power, by a key and by an app that they connected.

use std::collections::BTreeSet;

use keystead_app::Deployment;
use keystead_app::operator::Command;
use keystead_domain::Role;
use keystead_tests::{TestServer, TestUser};
use serde_json::{Value, json};

use super::Tool;

const SOURCE: &str = include_str!("../../../../crates/server/src/mcp/tools.rs");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Member,
    KeysReader,
    KeysRevoker,
    IamReader,
    IamWriter,
    Auditor,
    Settings,
    Administrator,
    /// The administrator of another organization.
    Stranger,
    /// An app that the member connected.
    MembersApp,
    AdministratorsApp,
}

use Who::{
    Administrator, AdministratorsApp, Auditor, IamReader, IamWriter, KeysReader, KeysRevoker, Stranger,
};

impl Who {
    const ALL: [Self; 11] = [
        Self::Member,
        KeysReader,
        KeysRevoker,
        IamReader,
        IamWriter,
        Auditor,
        Self::Settings,
        Administrator,
        Stranger,
        Self::MembersApp,
        AdministratorsApp,
    ];

    /// The role that the deployment has for them, with what it lets them do.
    fn role(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            KeysReader => Some(("keys-reader", &["keys:read_all"])),
            KeysRevoker => Some(("keys-revoker", &["keys:read_all", "keys:revoke_all"])),
            IamReader => Some(("iam-reader", &["iam:read"])),
            IamWriter => Some(("iam-writer", &["iam:read", "iam:write"])),
            Auditor => Some(("auditor", &["audit:read"])),
            Self::Settings => Some(("settings", &["settings:write"])),
            _ => None,
        }
    }
}

/// A tool with arguments, for whom it does it, and who is told that they may not. To all others there is no such thing. `OWN` and
/// `THEIRS` are a key of the caller's and one of somebody else's in the first organization, both called `deploy`.
type Row = (&'static str, &'static str, &'static [Who], &'static [Who]);

const EVERYBODY: &[Who] = &Who::ALL;
const NOBODY: &[Who] = &[];
const SEES_KEYS: &[Who] = &[KeysReader, KeysRevoker, Administrator, Stranger, AdministratorsApp];
const SEES_THEIRS: &[Who] = &[KeysReader, KeysRevoker, Administrator, AdministratorsApp];
const REVOKES_THEIRS: &[Who] = &[KeysRevoker, Administrator, AdministratorsApp];
const SEES_PEOPLE: &[Who] = &[IamReader, IamWriter, Administrator, Stranger, AdministratorsApp];
const SEES_LOG: &[Who] = &[Auditor, Administrator, Stranger, AdministratorsApp];

const ROWS: &[Row] = &[
    ("whoami", "{}", EVERYBODY, NOBODY),
    ("list_api_keys", "{}", EVERYBODY, NOBODY),
    ("list_api_keys", r#"{"view":"mine","search":"deploy"}"#, EVERYBODY, NOBODY),
    ("list_api_keys", r#"{"view":"all"}"#, SEES_KEYS, EVERYBODY),
    (
        "list_api_keys",
        r#"{"view":"all","search":"deploy","status":"active","first":1}"#,
        SEES_KEYS,
        EVERYBODY,
    ),
    ("list_expiring_keys", "{}", EVERYBODY, NOBODY),
    ("list_expiring_keys", r#"{"view":"all","within_days":365}"#, SEES_KEYS, EVERYBODY),
    ("get_api_key", r#"{"id":"OWN"}"#, EVERYBODY, NOBODY),
    ("get_api_key", r#"{"id":"THEIRS"}"#, SEES_THEIRS, NOBODY),
    ("create_api_key", r#"{"name":"n"}"#, EVERYBODY, NOBODY),
    (
        "create_api_key",
        r#"{"name":"n","allow_impersonation":true}"#,
        &[Administrator, Stranger, AdministratorsApp],
        EVERYBODY,
    ),
    ("update_api_key", r#"{"id":"OWN","description":"d"}"#, EVERYBODY, NOBODY),
    ("update_api_key", r#"{"id":"THEIRS","name":"mine"}"#, NOBODY, SEES_THEIRS),
    ("revoke_api_key", r#"{"id":"OWN","name":"deploy"}"#, EVERYBODY, NOBODY),
    ("revoke_api_key", r#"{"id":"THEIRS","name":"deploy"}"#, REVOKES_THEIRS, SEES_THEIRS),
    ("list_users", "{}", SEES_PEOPLE, EVERYBODY),
    ("list_users", r#"{"search":"ada","status":"active"}"#, SEES_PEOPLE, EVERYBODY),
    // A filter that is wrong tells nobody more than a right one.
    ("search_audit_log", "{}", SEES_LOG, EVERYBODY),
    ("search_audit_log", r#"{"actions":["key.created"],"via":"operator","first":1}"#, SEES_LOG, EVERYBODY),
];

fn changes(tool: &str) -> bool {
    ["create_api_key", "update_api_key", "revoke_api_key"].contains(&tool)
}

async fn server_with_roles() -> TestServer {
    let roles = Who::ALL.into_iter().filter_map(Who::role).map(|(id, permissions)| {
        let permissions: Vec<_> = permissions.iter().map(|&name| name.to_owned()).collect();
        Role::of_deployment(id, "", &permissions).unwrap()
    });
    let roles = roles.collect();
    TestServer::start_with(Deployment { roles, impersonation: true, ..Deployment::default() }).await
}

/// A user of a kind, and a token by which they call tools.
async fn caller(server: &TestServer, who: Who) -> (TestUser, String) {
    let email = format!("{who:?}@example.com").to_lowercase();
    let user = match who {
        Administrator | AdministratorsApp => server.administrator(&email).await,
        Stranger => server.organization("Elsewhere", &email).await,
        _ => server.member(&email).await,
    };
    if let Some((role, _)) = who.role() {
        let roles = vec!["member".to_owned(), role.to_owned()];
        server.operate(Command::UserSetRoles { email, organization: None, roles }).await;
    }
    let token = if matches!(who, Who::MembersApp | AdministratorsApp) {
        let client = server.oauth_client("Assistant", "http://127.0.0.1:7777/callback").await;
        server.connect_app(&user, &client).await.access
    } else {
        server.key(&user, "tool", "30d").await.token
    };
    (user, token)
}

#[tokio::test]
async fn every_tool_does_for_everybody_what_they_may_and_changes_nothing_else() {
    let server = server_with_roles().await;
    server.administrator("ada@example.com").await;
    let owner = server.member("owner@example.com").await;
    for who in Who::ALL {
        let (user, token) = caller(&server, who).await;
        let tool = Tool::new(&server, &token);
        let mut does = BTreeSet::new();
        for (name, arguments, done, forbidden) in ROWS {
            let own = server.key(&user, "deploy", "30d").await;
            let theirs = server.key(&owner, "deploy", "30d").await;
            let arguments = arguments.replace("OWN", &own.id).replace("THEIRS", &theirs.id);
            let arguments: Value = serde_json::from_str(&arguments).unwrap();
            let before = server.snapshot().await;
            let outcome = tool.outcome(name, arguments.clone()).await;
            let expected = match () {
                () if done.contains(&who) => "DONE",
                () if forbidden.contains(&who) => "FORBIDDEN",
                () => "NOT_FOUND",
            };
            assert_eq!(outcome, expected, "{who:?}: {name} {arguments}");
            let changed = server.snapshot().await != before;
            assert_eq!(changed, expected == "DONE" && changes(name), "{who:?}: {name} {arguments}");
            if expected == "DONE" {
                does.insert((*name).to_owned());
            }
        }
        let listed = tool.result("tools/list", json!({})).await;
        let listed = listed["tools"].as_array().unwrap().iter();
        let listed: BTreeSet<_> = listed.map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(listed, does, "{who:?} is shown the tools that do something for them");
    }
}

#[test]
fn every_tool_has_a_row() {
    let (_, names) = SOURCE.split_once("fn as_str(self)").unwrap();
    let (names, _) = names.split_once("\n    }\n").unwrap();
    let there: BTreeSet<_> = names.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let tested: BTreeSet<_> = ROWS.iter().map(|row| row.0).collect();
    assert_eq!(there, tested);
}

/// Of a page that an administrator may ask for, what a member is told is that they may not, and nothing that was in it.
#[tokio::test]
async fn a_refusal_names_nobody_and_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let secret = server.key(&ada, "merger with acme", "30d").await;
    let key = server.key(&mia, "tool", "30d").await;
    let tool = Tool::new(&server, &key.token);
    for (name, arguments) in [
        ("list_api_keys", json!({ "view": "all", "search": "merger" })),
        ("get_api_key", json!({ "id": secret.id })),
        ("update_api_key", json!({ "id": secret.id, "name": "merger with acme" })),
        ("revoke_api_key", json!({ "id": secret.id, "name": "merger with acme" })),
        ("list_users", json!({ "search": "ada" })),
        ("search_audit_log", json!({ "user": ada.id })),
        ("search_audit_log", json!({ "user": "ada@example.com" })),
        ("search_audit_log", json!({ "user": "nobody@example.com" })),
        ("search_audit_log", json!({ "target_id": secret.id })),
        ("search_audit_log", json!({ "from": "junk" })),
        ("search_audit_log", json!({ "after": "junk" })),
    ] {
        let said = tool.call(name, arguments.clone()).await;
        assert_eq!(said["isError"], true, "{name} {arguments}: {said}");
        let code = &said["structuredContent"]["code"];
        let expected = if name.ends_with("api_key") { "NOT_FOUND" } else { "FORBIDDEN" };
        assert_eq!(code, expected, "{name} {arguments}: {said}");
        for word in ["merger", "acme", "ada", &*ada.id, &*secret.id] {
            assert!(!said.to_string().contains(word), "{name} {arguments} says {word}: {said}");
        }
    }
}
