//! The programs that come with MCP: the Inspector's command line, and the conformance suite.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

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

/// A run of the MCP conformance suite; dropped, it is killed.
pub struct McpConformance {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    results: TempDir,
}

impl McpConformance {
    /// Every scenario that there is for servers and for authorization servers.
    pub async fn scenarios() -> Vec<String> {
        let mut suite = program("conformance/dist/index.js");
        let output = run(suite.args(["list", "--server", "--authorization"])).await;
        let listed = String::from_utf8(output.stdout).expect("text");
        let names = listed.lines().filter_map(|line| line.strip_prefix("  - ")?.split(' ').next());
        names.map(str::to_owned).collect()
    }

    /// Starts it: the arguments say with what, against whom.
    pub fn start(arguments: &[&str]) -> Self {
        let results = tempfile::tempdir().expect("a temporary directory");
        let mut suite = program("conformance/dist/index.js");
        suite.args(arguments).arg("--output-dir").arg(results.path()).stdout(Stdio::piped());
        let mut process = suite.spawn().expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        Self { process, lines, results }
    }

    /// The next line that it prints and that begins so.
    pub async fn line(&mut self, begin: &str) -> String {
        loop {
            let line = self.next_line().await;
            let line = line.unwrap_or_else(|| panic!("the suite has ended without {begin}"));
            if line.starts_with(begin) {
                return line;
            }
        }
    }

    /// The checks that it has made when it has ended, those that went wrong included.
    pub async fn checks(mut self) -> Vec<Value> {
        while self.next_line().await.is_some() {}
        tokio::time::timeout(PATIENCE, self.process.wait()).await.expect("it ends").expect("it has started");
        let scenarios = std::fs::read_dir(self.results.path()).expect("a folder").flatten();
        let checks =
            scenarios.map(|scenario| std::fs::read(scenario.path().join("checks.json")).expect("checks"));
        checks.flat_map(|checks| serde_json::from_slice::<Vec<Value>>(&checks).expect("a list")).collect()
    }

    async fn next_line(&mut self) -> Option<String> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        line.unwrap_or_else(|_| panic!("the suite is silent for {PATIENCE:?}")).expect("text")
    }
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
