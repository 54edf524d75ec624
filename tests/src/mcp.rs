//! AI tools that connect to Keystead: programs of their own, with the official SDKs that such tools are built with.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::tool;

/// The longest that a call may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The SDK that a tool is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum McpLibrary {
    /// `@modelcontextprotocol/client`, for TypeScript.
    TypeScript,
    /// `@modelcontextprotocol/sdk`, its elder, which begins with `initialize` and knows protocols up to 2025-11-25.
    TypeScriptBefore2026,
    /// `mcp`, for Python.
    Python,
}

impl McpLibrary {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::TypeScript, Self::TypeScriptBefore2026, Self::Python];
    /// Those that speak the current protocol.
    pub const CURRENT: [Self; 2] = [Self::TypeScript, Self::Python];
}

/// A tool that runs; dropped, it is killed.
pub struct McpClient {
    library: McpLibrary,
    calls: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// Events that came while something else was waited for.
    events: VecDeque<Value>,
    /// An answer that came while an event was waited for.
    answer: Option<Value>,
    _process: Child,
}

/// How a call went.
#[derive(Debug)]
pub struct McpAnswer {
    /// What the SDK returned, or else the error that it raised: `message`, and `code` if it has one.
    pub result: Result<Value, Value>,
    /// The statuses of the HTTP answers that came in meanwhile.
    pub statuses: Vec<u64>,
}

impl McpAnswer {
    /// What the SDK returned.
    ///
    /// # Panics
    /// If it raised an error.
    #[track_caller]
    pub fn ok(self) -> Value {
        let Self { result, statuses } = self;
        result.unwrap_or_else(|error| panic!("{error}, with the HTTP statuses {statuses:?}"))
    }
}

impl McpClient {
    /// Starts one that knows the address of an MCP server and an API key; without a key it has itself let in by OAuth, as the client
    /// that describes itself at `proof` if that is an address. It waits for `connect`.
    pub fn start(library: McpLibrary, address: &str, proof: Option<&str>) -> Self {
        let mut command = match library {
            McpLibrary::TypeScript => typescript("@modelcontextprotocol/client"),
            McpLibrary::TypeScriptBefore2026 => typescript("@modelcontextprotocol/sdk"),
            McpLibrary::Python => {
                let module = tool::find("mcp-python", "mcp/__init__.py", "KEYSTEAD_TEST_MCP_PYTHON");
                let mut python = Command::new("python3");
                python.args(["-c", include_str!("mcp_client.py")]);
                python.env(
                    "PYTHONPATH",
                    module.ancestors().nth(2).expect("the folder that it is installed in"),
                );
                python
            }
        };
        command.arg(address).args(proof).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process =
            command.spawn().unwrap_or_else(|error| panic!("{library:?} does not start: {error}"));
        let calls = process.stdin.take().expect("its input is piped");
        let lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        Self { library, calls, lines, events: VecDeque::new(), answer: None, _process: process }
    }

    /// Starts one with an API key, and connects it.
    pub async fn connect(library: McpLibrary, address: &str, key: &str) -> Self {
        let mut client = Self::start(library, address, Some(key));
        client.call("connect", json!({})).await.ok();
        client
    }

    /// Makes a call, and waits until it has gone well or not.
    pub async fn call(&mut self, name: &str, with: Value) -> McpAnswer {
        self.begin(name, with).await;
        self.answer().await
    }

    /// Calls one of the server's tools, which must not be an error of the protocol.
    pub async fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.call("call", json!({ "name": name, "arguments": arguments })).await.ok()
    }

    /// Begins a call that comes to an end only after something else has happened.
    pub async fn begin(&mut self, name: &str, with: Value) {
        let line = json!({ "call": name, "with": with });
        let written = self.calls.write_all(format!("{line}\n").as_bytes()).await;
        written.unwrap_or_else(|error| panic!("{:?} no longer listens: {error}", self.library));
    }

    /// How the call went that was begun.
    pub async fn answer(&mut self) -> McpAnswer {
        while self.answer.is_none() {
            self.read_line("an answer").await;
        }
        let mut answer = self.answer.take().expect("it was waited for");
        let statuses =
            answer["statuses"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        let result = answer.get_mut("result").map(Value::take);
        McpAnswer { result: result.ok_or_else(|| answer["error"].clone()), statuses }
    }

    /// The next event of a name.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
                return self.events.remove(at).expect("it is there");
            }
            if let Some(answer) = &self.answer {
                panic!("{:?}: no {name}, but the end of the call: {answer}", self.library);
            }
            self.read_line(name).await;
        }
    }

    /// The events that have been read and that nobody has asked for, by name.
    pub fn events(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event["event"].as_str()).collect()
    }

    async fn read_line(&mut self, wanted: &str) {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{:?}: no {wanted} within {PATIENCE:?}", self.library));
        let line = line.expect("text").unwrap_or_else(|| {
            panic!("{:?} has ended; `cargo xtask test --only install` installs what it needs", self.library)
        });
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        if line.get("event").is_some() {
            self.events.push_back(line);
        } else {
            self.answer = Some(line);
        }
    }
}

fn typescript(package: &str) -> Command {
    let mut node = node();
    // A script that is given as text finds its modules from the working directory.
    node.args(["--input-type=module", "--eval", include_str!("mcp_client.mjs"), "--", package]);
    node.current_dir(npm_folder());
    node
}

/// The folder that the packages are installed in.
pub(crate) fn npm_folder() -> PathBuf {
    let list = tool::find("mcp-npm", "node_modules/.package-lock.json", "KEYSTEAD_TEST_MCP_NPM");
    list.ancestors().nth(2).expect("the folder that it is installed in").to_owned()
}

/// The Node.js that is installed with the packages.
pub(crate) fn node() -> Command {
    let mut node = Command::new(npm_folder().join("node_modules/.bin/node"));
    node.kill_on_drop(true);
    node
}
