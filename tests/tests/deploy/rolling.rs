//! Nodes that restart one after the other, behind the proxy that the compose file has.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keystead_test_hosts::{Postgres, Signal, signal};
use keystead_tests::binary::{Serving, keystead};
use keystead_tests::deployment::{compose, output, text};
use tempfile::TempDir;

use crate::compose::nodes;

/// The longest that anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many ask at once, each by connections that it keeps.
const CLIENTS: usize = 4;

/// What the nodes share.
struct Shared {
    folder: TempDir,
    database: String,
    /// As the compose file says.
    drain: String,
}

impl Shared {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), format!("{:0>64}\n", std::process::id())).unwrap();
        let compose = compose();
        let drain = nodes(&compose)[0].1["environment"]["KEYSTEAD_DRAIN"].as_str().unwrap().to_owned();
        Self { folder, database: Postgres::shared_fast().database(), drain }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(keystead());
        command.args(arguments).env("KEYSTEAD_DATABASE_URL", &self.database);
        command.env("KEYSTEAD_SECRET_FILE", self.folder.path().join("secret"));
        command.env("KEYSTEAD_DRAIN", &self.drain);
        command
    }

    fn node(&self, name: &str, port: u16) -> Serving {
        let listen = format!("127.0.0.1:{port}");
        let node = Serving::spawn(&mut self.command(&["serve", "--listen", &listen, "--node-name", name]));
        node.url();
        node
    }
}

/// The proxy as the compose file has it, with nodes on this machine. Dropped, it is killed.
struct Proxy {
    child: Child,
    url: String,
    socket: PathBuf,
}

impl Proxy {
    fn start(shared: &Shared, nodes: &[(&str, u16)]) -> Self {
        let [file, socket] = ["haproxy.cfg", "haproxy.sock"].map(|name| shared.folder.path().join(name));
        let port = free_port();
        let mut configuration = text("compose/haproxy.cfg");
        let mut replace = |from: &str, to: &str| {
            assert!(configuration.contains(from), "{from}");
            configuration = configuration.replace(from, to);
        };
        replace("bind :8080", &format!("bind 127.0.0.1:{port}"));
        replace("\nglobal\n", &format!("\nglobal\n    stats socket {}\n", socket.display()));
        // What it would mend by asking another node is not to happen in the first place.
        replace("retries 2", "retries 0");
        for (name, port) in nodes {
            replace(&format!("{name}:8080"), &format!("127.0.0.1:{port}"));
        }
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let proxy = Self { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}"), socket };
        wait_for("the proxy", || UnixStream::connect(&proxy.socket).is_ok());
        proxy
    }

    /// How many requests it has sent to a node.
    fn sent(&self, node: &str) -> usize {
        self.says(node, "stot").parse().unwrap()
    }

    /// A column of what it says of a node.
    fn says(&self, node: &str, column: &str) -> String {
        let mut socket = UnixStream::connect(&self.socket).unwrap();
        socket.write_all(b"show stat\n").unwrap();
        let mut table = String::new();
        socket.read_to_string(&mut table).unwrap();
        let mut lines =
            table.lines().map(|line| line.trim_start_matches("# ").split(',').collect::<Vec<_>>());
        let column = lines.next().unwrap().iter().position(|name| *name == column).unwrap();
        let line = lines.find(|line| line.first() == Some(&"keystead") && line.get(1) == Some(&node));
        line.unwrap()[column].to_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(what: &str, mut look: impl FnMut() -> bool) {
    let since = Instant::now();
    while !look() {
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What clients were answered.
#[derive(Default)]
struct Answers {
    stop: AtomicBool,
    good: AtomicUsize,
    /// With what they were answered instead.
    bad: std::sync::Mutex<Vec<String>>,
}

/// Asks until told to stop: checks, and GraphQL by a method that no proxy may send twice.
async fn ask(url: String, token: String, answers: Arc<Answers>) {
    let client = reqwest::Client::new();
    while !answers.stop.load(Ordering::Relaxed) {
        let check = client.get(format!("{url}/verify"));
        let query = client
            .post(format!("{url}/graphql"))
            .json(&serde_json::json!({ "query": "{ currentUser { email } }" }));
        for request in [check, query] {
            match request.bearer_auth(&token).send().await {
                Ok(answer) if answer.status() == 200 => _ = answers.good.fetch_add(1, Ordering::Relaxed),
                Ok(answer) => answers.bad.lock().unwrap().push(answer.status().to_string()),
                Err(error) => answers.bad.lock().unwrap().push(format!("{error:?}")),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_all_nodes_under_load_loses_no_request() {
    let shared = Shared::new();
    output(&mut shared.command(&["user", "add", "ada@example.com", "--role", "administrator"]));
    let token =
        output(&mut shared.command(&["key", "create", "--user", "ada@example.com", "--name", "load"]));
    let ports = ["keystead-1", "keystead-2"].map(|name| (name, free_port()));
    let mut running = ports.map(|(name, port)| shared.node(name, port));
    let proxy = Proxy::start(&shared, &ports);

    let answers = Arc::new(Answers::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(ask(proxy.url.clone(), token.trim().to_owned(), Arc::clone(&answers))))
        .collect();
    let answered = |more: usize| {
        let until = answers.good.load(Ordering::Relaxed) + more;
        wait_for("answers", || answers.good.load(Ordering::Relaxed) >= until);
    };
    tokio::task::block_in_place(|| {
        answered(200);
        for (node, (name, port)) in running.iter_mut().zip(ports) {
            signal(Signal::TERM, &[node.child.id()]);
            assert!(node.child.wait().unwrap().success(), "{name}");
            assert!(proxy.says(name, "status").starts_with("DOWN"), "{name} stopped before the proxy knew");
            *node = shared.node(name, port);
            wait_for("the proxy to send requests there again", || proxy.says(name, "status") == "UP");
            // Nobody is bound to the other one.
            let before = proxy.sent(name);
            answered(200);
            assert!(proxy.sent(name) > before + 50, "{name} has no share of the load");
        }
    });
    answers.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(*answers.bad.lock().unwrap(), Vec::<String>::new());
}
