//! Running the binary, alone or as a server.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use keystead_app::StoreSecret;
use keystead_test_hosts::{DatabaseTool, copy_store, database_of};
use tempfile::TempDir;

/// The longest that anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A folder to run in, with room for a store, and the database that takes its place if one was chosen.
pub(crate) struct Place {
    folder: TempDir,
    database: Option<String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let mut place = Self::bare();
        place.database = database_of(&place.store());
        place
    }

    /// One where no store is named, whatever was chosen: for what is about settings, or a folder.
    pub(crate) fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: None }
    }

    /// A place whose store has an administrator, Ada.
    pub(crate) fn with_ada() -> Self {
        Self::new().and_ada()
    }

    /// The same, with a store in a folder.
    pub(crate) fn with_ada_on_sqlite() -> Self {
        Self::bare().and_ada()
    }

    fn and_ada(self) -> Self {
        self.ok(&["user", "add", "ada@example.com", "--role", "administrator"]);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("keystead-data")
    }

    /// A database tool at the store.
    pub(crate) fn tool(&self) -> DatabaseTool {
        DatabaseTool::of(&self.store())
    }

    /// A copy of the store, which nobody has open.
    pub(crate) fn copy_store(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_store(&self.store(), copy.path());
        copy
    }

    /// Puts a copy in the place of the store.
    pub(crate) fn put_back(&mut self, copy: &TempDir) {
        copy_store(copy.path(), &self.store());
        self.database = database_of(&self.store());
    }

    /// The command, in this folder, with nothing of the caller's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keystead"));
        command.args(args).current_dir(self.path()).env_clear().env("TMPDIR", self.path());
        if let Some(url) = &self.database {
            command.env("KEYSTEAD_DATABASE_URL", url).env("KEYSTEAD_SECRET", StoreSecret::FOR_TESTS);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed; its standard output.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        out(&output)
    }

    /// Runs a command that must fail with this code; its standard error.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "", "a failure prints no data");
        err(&output)
    }

    /// A new key of Ada's.
    pub(crate) fn token(&self) -> String {
        self.ok(&["key", "create", "--user", "ada@example.com", "--name", "ci"]).trim_end().to_owned()
    }

    /// The id of Ada's only key.
    pub(crate) fn key_id(&self) -> String {
        let listed = self.ok(&["key", "list", "--user", "ada@example.com", "--json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        listed[0]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn serve(&self, more: &[&str]) -> Server {
        Server::start(self.command(&["serve", "--listen", "127.0.0.1:0"]).args(more))
    }
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running server. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    log: Receiver<String>,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let log = lines_of(child.stderr.take().unwrap());
        let mut server = Self { child, lines, log, url: String::new() };
        server.url = server.line_after("listening on ");
        server
    }

    /// What follows `text` in the first line that has it.
    pub(crate) fn line_after(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("no line with {text:?}; log: {:?}", self.log.try_iter().collect::<Vec<_>>())
            });
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
    }

    /// Asks a path with a token; the status.
    pub(crate) fn get(&self, path: &str, token: &str) -> u16 {
        get(&self.url, path, token).0
    }

    /// Asks it to stop; its exit status, what it printed since, and its log.
    pub(crate) fn stop(self) -> (ExitStatus, String, String) {
        self.stop_by("-TERM")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = Command::new("/bin/kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    pub(crate) fn stop_by(mut self, signal: &str) -> (ExitStatus, String, String) {
        self.signal(signal);
        // The output ends when the process does: no need to poll it.
        let printed = drain(&self.lines);
        let log = drain(&self.log);
        (self.child.wait().unwrap(), printed, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

fn drain(lines: &Receiver<String>) -> String {
    let mut all = String::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => all.extend([line.as_str(), "\n"]),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return all,
            Err(timeout) => panic!("the server did not stop: {timeout}"),
        }
    }
}

/// A request of the Model Context Protocol with an API key; all of the answer.
pub(crate) fn mcp(url: &str, token: &str, body: &str) -> String {
    let headers = format!(
        "Authorization: Bearer {token}\r\nAccept: application/json, text/event-stream\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    request(url, "POST /mcp", &headers, body).1
}

/// What a GraphQL request with an API key is answered; it must work.
pub(crate) fn graphql(url: &str, token: &str, query: &str) -> serde_json::Value {
    let body = serde_json::json!({ "query": query }).to_string();
    let headers = format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let (_, answer) = request(url, "POST /graphql", &headers, &body);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let answer: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(answer["errors"].is_null(), "{query}: {answer}");
    answer["data"].clone()
}

/// A request of HTTP/1.1; the status and all of the answer.
pub(crate) fn get(url: &str, path: &str, token: &str) -> (u16, String) {
    let authorization =
        if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    request(url, &format!("GET {path}"), &authorization, "")
}

/// What a request without a credential in its header is answered.
pub(crate) fn post(url: &str, path: &str, media_type: &str, body: &str) -> serde_json::Value {
    let headers = format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
    let (_, answer) = request(url, &format!("POST {path}"), &headers, body);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

pub(crate) fn request(url: &str, method_and_path: &str, headers: &str, body: &str) -> (u16, String) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{method_and_path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}
