//! The programs that come with MCP: the Inspector's command line, and the conformance suite.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::mcp::{node, npm_folder};

/// The longest that a program may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs the MCP Inspector on its command line, as people do who look at a server with it: `arguments` say what is asked for.
/// Returns what it printed, or else its complaint.
pub async fn mcp_inspector(address: &str, key: &str, arguments: &[&str]) -> Result<Value, String> {
    let mut inspector = program("inspector/clients/launcher/build/index.js");
    inspector.args([
        "--cli",
        address,
        "--transport",
        "http",
        "--header",
        &format!("Authorization: Bearer {key}"),
    ]);
    let home = tempfile::tempdir().expect("a temporary directory");
    let output = run(inspector.args(["--format", "json"]).args(arguments).env("HOME", home.path())).await;
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Runs one scenario of the MCP conformance suite: `of` is `server` or `authorization`. Returns the checks that it made.
pub async fn mcp_conformance(of: &str, scenario: &str, arguments: &[&str]) -> Vec<Value> {
    let results = tempfile::tempdir().expect("a temporary directory");
    let mut suite = program("conformance/dist/index.js");
    suite.args([of, "--scenario", scenario, "--output-dir"]).arg(results.path()).args(arguments);
    let output = run(&mut suite).await;
    let folders = std::fs::read_dir(results.path()).expect("a folder").flatten().map(|entry| entry.path());
    let checks: Vec<_> =
        folders.filter_map(|folder| std::fs::read(folder.join("checks.json")).ok()).collect();
    let [checks] = &checks[..] else {
        panic!("{scenario} left no checks: {}", String::from_utf8_lossy(&output.stderr))
    };
    serde_json::from_slice(checks).expect("a list of checks")
}

fn program(script: &str) -> Command {
    let mut node = node();
    node.arg(npm_folder().join("node_modules/@modelcontextprotocol").join(script));
    node
}

async fn run(program: &mut Command) -> Output {
    let output = tokio::time::timeout(PATIENCE, program.output()).await;
    output.unwrap_or_else(|_| panic!("{program:?} takes more than {PATIENCE:?}")).expect("it starts")
}
