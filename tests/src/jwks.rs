//! Services that check sessions offline, by the published keys and with a library that is not ours.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::tool;

/// The library that checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwksLibrary {
    /// jose, for JavaScript.
    Jose,
    /// `PyJWT`, for Python.
    PyJwt,
}

impl JwksLibrary {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Jose, Self::PyJwt];
}

/// A service that runs; dropped, it is killed. It keeps the keys that it has fetched as its library does by default: it fetches
/// them with the first token, and not again within half a minute whatever it is shown.
pub struct JwksClient {
    tokens: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

/// What a service made of a token.
#[derive(Debug)]
pub struct JwksCheck {
    /// The claims, if it accepted the token.
    pub claims: Option<Value>,
    /// The id of the key that the token is signed with, if it accepted the token.
    pub key: Option<String>,
    /// Why it did not, in the library's words.
    pub refused: Option<String>,
    /// How often it has fetched the keys so far.
    pub fetches: u64,
}

impl JwksClient {
    /// Starts one that trusts the server at `url`.
    pub fn start(library: JwksLibrary, url: &str) -> Self {
        let mut command = match library {
            JwksLibrary::Jose => {
                let package = tool::find("jose", "node_modules/jose/package.json", "KEYSTEAD_TEST_JOSE");
                let mut node = Command::new("node");
                // A script that is given as text finds its modules from the working directory.
                node.args(["--input-type=module", "--eval", include_str!("jwks_jose.mjs"), "--"]);
                node.current_dir(folder_above(&package, 3));
                node
            }
            JwksLibrary::PyJwt => {
                let module = tool::find("pyjwt", "jwt/__init__.py", "KEYSTEAD_TEST_PYJWT");
                let mut python = Command::new("python3");
                python.args(["-c", include_str!("jwks_pyjwt.py")]);
                python.env("PYTHONPATH", folder_above(&module, 2));
                python
            }
        };
        command.args([&format!("{url}/.well-known/jwks.json"), url]);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut process = started.unwrap_or_else(|error| panic!("{library:?} does not start: {error}"));
        let tokens = process.stdin.take().expect("its input is piped");
        let answers = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        Self { tokens, answers, _process: process }
    }

    /// Shows it a token.
    pub async fn check(&mut self, token: &str) -> JwksCheck {
        let written = self.tokens.write_all(format!("{token}\n").as_bytes()).await;
        let answer = match written {
            Ok(()) => self.answers.next_line().await.expect("text"),
            Err(_) => None,
        };
        let answer = answer.expect("it runs; `cargo xtask test --only install` installs what it needs");
        let answer: Value = serde_json::from_str(&answer).expect("a line of JSON");
        let text = |name: &str| answer[name].as_str().map(ToOwned::to_owned);
        JwksCheck {
            claims: answer.get("claims").cloned(),
            key: text("kid"),
            refused: text("refused"),
            fetches: answer["fetches"].as_u64().expect("a number"),
        }
    }
}

fn folder_above(file: &Path, levels: usize) -> &Path {
    file.ancestors().nth(levels).expect("the folder that it is installed in")
}
