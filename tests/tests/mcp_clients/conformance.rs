//! The conformance suite of the Model Context Protocol, against Keystead.
//!
//! The suite was made for the test servers of SDKs: most of its scenarios call tools and read resources of certain names, which a
//! server for people does not have. Those that ask for nothing but the protocol run here, with each revision of it that they are
//! for; the others are listed with the reason. With every scenario the suite also checks each message of the server against
//! the schema of the protocol.

use std::collections::BTreeSet;

use keystead_tests::{BearerProxy, Browser, McpConformance, TestServer, button};
use serde_json::Value;

const ALL: &[&str] = &["2025-06-18", "2025-11-25", "2026-07-28"];
const BEFORE_2026: &[&str] = &["2025-06-18", "2025-11-25"];
const SINCE_2026: &[&str] = &["2026-07-28"];

/// The scenarios that run against `/mcp`, with the revisions of the protocol.
const SERVER: [(&str, &[&str]); 10] = [
    ("caching", SINCE_2026),
    ("dns-rebinding-protection", &["2025-11-25", "2026-07-28"]),
    ("http-header-validation", SINCE_2026),
    ("ping", BEFORE_2026),
    ("prompts-list", ALL),
    ("resources-list", ALL),
    ("sep-2164-resource-not-found", SINCE_2026),
    ("server-initialize", BEFORE_2026),
    ("server-stateless", SINCE_2026),
    ("tools-list", ALL),
];

/// The scenarios that run against the authorization server: all that there are.
const AUTHORIZATION: [&str; 2] = ["authorization-code-grant", "authorization-server-metadata-endpoint"];

/// The scenarios that do not run: what their names begin with, and why.
const NOT_FOR_KEYSTEAD: [(&str, &str); 16] = [
    ("completion-complete", "no prompt or resource has an argument that could be completed"),
    ("elicitation-sep", "calls a test tool of the suite; revoke_api_key asks, as mcp_clients shows"),
    ("http-custom-header-server-validation", "needs a tool that reads its arguments from headers"),
    ("input-required-result-", "calls test tools of the suite; revoke_api_key asks, as mcp_clients shows"),
    ("json-schema-2020-12", "needs a test tool of the suite"),
    ("logging-set-level", "no log is sent to clients"),
    ("prompts-get-", "gets test prompts of the suite"),
    ("resources-read-", "reads test resources of the suite"),
    ("resources-subscribe", "needs a session; there are none, and since 2026-07-28 clients listen instead"),
    ("resources-templates-read", "reads a test resource of the suite"),
    ("resources-unsubscribe", "needs a session"),
    ("sep-2640-skills-", "the extension for skills, which there are none of"),
    ("server-session-lifecycle", "there are no sessions"),
    ("server-sse-", "calls a test tool of the suite"),
    ("tasks-", "the extension for tasks: no tool takes long enough"),
    ("tools-call-", "calls test tools of the suite"),
];

/// Checks of scenarios that run which ask for what a server need not have, and why Keystead does not.
const CHECKS_NOT_FOR_KEYSTEAD: [(&str, &str); 4] = [
    ("sep-2575-http-server-no-independent-requests-on-stream", "calls a test tool of the suite"),
    ("sep-2575-missing-capability-http-400", "calls a test tool; no tool of Keystead needs a capability"),
    ("sep-2575-server-no-log-without-loglevel", "calls a test tool; no log is sent to clients"),
    (
        "sep-2575-server-rejects-undeclared-capability",
        "calls a test tool; no tool of Keystead needs a capability",
    ),
];

#[tokio::test]
async fn every_scenario_of_the_suite_is_run_or_has_a_reason_not_to_be() {
    let there_are: BTreeSet<_> = McpConformance::scenarios().await.into_iter().collect();
    let run: BTreeSet<_> = SERVER.iter().map(|(name, _)| *name).chain(AUTHORIZATION).collect();
    let is_left_out = |name: &str| NOT_FOR_KEYSTEAD.iter().any(|(begin, _)| name.starts_with(begin));
    for name in &there_are {
        assert_ne!(run.contains(name.as_str()), is_left_out(name), "{name}: is it run, or why not?");
    }
    assert!(run.iter().all(|name| there_are.contains(*name)), "the suite has no such scenario any more");
    for (begin, _) in NOT_FOR_KEYSTEAD {
        assert!(
            there_are.iter().any(|name| name.starts_with(begin)),
            "{begin}: no scenario needs this reason"
        );
    }
}

/// What went wrong, in the suite's words.
fn failures(checks: &[Value]) -> Vec<String> {
    assert!(checks.iter().any(|check| check["status"] == "SUCCESS"), "nothing was checked: {checks:?}");
    let failed = checks.iter().filter(|check| check["status"] == "FAILURE" || check["status"] == "WARNING");
    let unexpected = failed.filter(|check| !CHECKS_NOT_FOR_KEYSTEAD.iter().any(|(id, _)| check["id"] == *id));
    unexpected.map(|check| format!("{}: {}", check["id"], check["errorMessage"])).collect()
}

#[tokio::test]
async fn the_mcp_server_conforms_to_every_revision_of_the_protocol() {
    let mut proxy = BearerProxy::bind().await;
    let server = TestServer::start_behind(&proxy.url).await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "conformance", "30d").await;
    proxy.forward(&server.url, &key.token);
    let address = format!("{}/mcp", proxy.url);
    let mut failed = Vec::new();
    for (scenario, revisions) in SERVER {
        for revision in revisions {
            let asked =
                ["server", "--scenario", scenario, "--spec-version", revision, "--url", address.as_str()];
            let checks = McpConformance::start(&asked).checks().await;
            failed.extend(
                failures(&checks).into_iter().map(|failure| format!("{scenario}, {revision}: {failure}")),
            );
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn the_authorization_server_conforms_to_the_protocol() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let browser = Browser::signed_in(&server, &ada).await;
    let client = server.oauth_client("Conformance suite", "http://127.0.0.1/callback").await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let resource = format!("{}/mcp", server.url);
    let asked = ["authorization", "--url", &server.url, "--client-id", &client.id, "--resource", &resource];
    let mut suite = McpConformance::start(&[&asked[..], &["--port", &port]].concat());
    let url = suite.line(&server.url).await;
    browser.goto(url.strip_prefix(&server.url).unwrap()).await;
    browser.click(&button("Allow")).await;
    let checks = suite.checks().await;
    assert_eq!(failures(&checks), [""; 0]);
    let granted = checks.iter().find(|check| check["id"] == "authorization-code-grant");
    assert_eq!(granted.expect("it was checked")["status"], "SUCCESS", "{checks:?}");
    browser.close().await;
}
