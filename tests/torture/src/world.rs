//! The hosts: a database, its standby, three nodes, and the clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use keystead_test_hosts::{Hosts, Place, Postgres, Replication, Setup, Signal, signal};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::cli::Program;
use crate::http::{Answer, Http};
use crate::{Bug, LEASE, Plan};

pub(crate) const NODES: [&str; 3] = ["node1", "node2", "node3"];
/// One has the primary, the other its standby.
pub(crate) const DATABASES: [&str; 2] = ["database1", "database2"];
const CLIENTS: &str = "clients";
const PORT: u16 = 8080;
/// The organization that the operator adds people to.
pub(crate) const PEOPLE: &str = "organization2";
/// The longest that nodes may take to be ready once nothing fails any more: a database that is slow to come back, and intervals that
/// grow.
const READY_WITHIN: Duration = Duration::from_mins(1);

pub(crate) struct World {
    nodes: Vec<Node>,
    program: Program,
    /// Keys of the administrators of the organizations.
    administrators: Vec<String>,
    pub(crate) primary: Option<Postgres>,
    pub(crate) standby: Option<Postgres>,
    /// Which of the hosts has the primary.
    pub(crate) database: usize,
    runtime: Runtime,
    http: Http,
    pub(crate) hosts: Hosts,
    folder: TempDir,
}

/// A process on its host.
struct Node {
    process: Option<Child>,
    is_stopped: bool,
}

impl World {
    /// How to begin a world where all is well.
    pub(crate) fn of(plan: &Plan) -> impl Fn() -> Self + Sync + use<> {
        let plan = plan.clone();
        move || Self::begin(&plan, None)
    }

    /// How to begin one whose nodes have a bug.
    pub(crate) fn with_bug(plan: &Plan, bug: Bug) -> impl Fn() -> Self + Sync + use<> {
        let plan = plan.clone();
        move || Self::begin(&plan, Some(bug))
    }

    /// Begins it, and takes this thread to the clients' host.
    fn begin(plan: &Plan, bug: Option<Bug>) -> Self {
        let folder = tempfile::Builder::new().prefix("keystead-torture-").tempdir().expect("a folder");
        let mut hosts = Hosts::new(&[&DATABASES[..], &NODES, &[CLIENTS]].concat());
        hosts.enter(CLIENTS);
        hosts.give_shared_address(DATABASES[0]);
        let place = Place { address: hosts.shared_address(), ..hosts.place(DATABASES[0]) };
        let mut primary = Postgres::start_with(Setup { durable: false, tls: false, place });
        let program = Program {
            path: plan.program.clone(),
            url: primary.database(),
            secret: format!("{:064x}", plan.seed),
            folder: folder.path().to_owned(),
            bug: None,
        };
        let standby = primary.standby_at(hosts.place(DATABASES[1]), Replication::Synchronous);
        let nodes = NODES.iter().map(|_| Node { process: None, is_stopped: false }).collect();
        let mut world = Self {
            nodes,
            program,
            administrators: Vec::new(),
            primary: Some(primary),
            standby: Some(standby),
            database: 0,
            runtime: Builder::new_current_thread().enable_all().build().expect("a runtime"),
            http: Http::new(),
            hosts,
            folder,
        };
        world.shift_clock(0);
        // The first node makes the store, and says how long leases are.
        world.start_node(0);
        world.wait_until_ready(&[0]);
        world.set_up();
        if let Some(bug) = bug {
            world.kill_node(0);
            let url = world.program.url.clone();
            bug.prepare(world.primary(), &url);
            world.program.bug = Some(bug);
        }
        world.heal();
        world
    }

    /// Makes an organization for each node.
    fn set_up(&mut self) {
        for number in 1..=self.nodes.len() {
            let (name, email) =
                (format!("organization{number}"), format!("ada@organization{number}.example"));
            if number == 1 {
                self.operate(&["user", "add", &email, "--role", "administrator"]);
            } else {
                self.operate(&["organization", "create", &name, "--administrator", &email]);
            }
            let make = ["key", "create", "--user", &email, "--name", "administrator", "--expires", "never"];
            let token = self.operate(&make);
            self.administrators.push(token);
        }
    }

    fn operate(&self, words: &[&str]) -> String {
        let printed = self.runtime.block_on(self.program.run(words));
        printed.unwrap_or_else(|| panic!("`keystead {}` failed", words.join(" ")))
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// Keys of the administrators of the organizations.
    pub(crate) fn administrators(&self) -> &[String] {
        &self.administrators
    }

    /// Where clients reach the nodes.
    pub(crate) fn urls(&self) -> Vec<String> {
        NODES.iter().map(|node| format!("http://{}:{PORT}", self.hosts.address(node))).collect()
    }

    pub(crate) fn primary(&mut self) -> &mut Postgres {
        self.primary.as_mut().expect("there is always a primary")
    }

    /// The host of the database that nodes use.
    pub(crate) fn database_host(&self) -> &'static str {
        DATABASES[self.database]
    }

    /// Returns when the database has just told a node what changed, or has not for a while.
    pub(crate) fn wait_for_answer(&mut self, node: usize) {
        let address = self.hosts.address(NODES[node]);
        let wait = format!(
            "DO $$ BEGIN FOR look IN 1..1000 LOOP PERFORM pg_stat_clear_snapshot(); EXIT WHEN EXISTS (SELECT FROM pg_stat_activity \
             WHERE client_addr = '{address}' AND query LIKE '%FROM changes%' AND state = 'idle' \
             AND state_change > clock_timestamp() - INTERVAL '20 ms'); PERFORM pg_sleep(0.003); END LOOP; END $$"
        );
        self.primary().sql("postgres", &wait);
    }

    pub(crate) fn start_node(&mut self, node: usize) {
        let host = NODES[node];
        let path = self.program.path.to_str().expect("a path in UTF-8");
        let mut command = self.hosts.command(host, path);
        self.program.equip(&mut command);
        command.args(["serve", "--node-name", host, "--public-url", "https://keys.example.com"]);
        command.arg(format!("--listen={}:{PORT}", self.hosts.address(host)));
        command.arg(format!("--revocation-wait={}ms", LEASE.as_millis()));
        if node == WITH_OWN_CLOCK {
            // The wall clock only. What leases are counted on is read past it, as the kernel has it.
            command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", self.clock_file());
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1");
        }
        let log = fs::File::options().create(true).append(true).open(self.log_file(node)).expect("a log");
        let process = command.stderr(log).spawn().expect("ip starts");
        self.nodes[node] = Node { process: Some(process), is_stopped: false };
    }

    pub(crate) fn kill_node(&mut self, node: usize) {
        self.nodes[node].end();
    }

    /// Stops a node's process where it is (SIGSTOP), or lets it go on.
    pub(crate) fn stop_node(&mut self, node: usize, stop: bool) {
        let node = &mut self.nodes[node];
        if let Some(process) = &node.process {
            signal(if stop { Signal::STOP } else { Signal::CONT }, &[process.id()]);
        }
        node.is_stopped = stop;
    }

    /// Shifts the wall clock of [`WITH_OWN_CLOCK`] by so many minutes.
    pub(crate) fn shift_clock(&self, minutes: i32) {
        let file = self.clock_file();
        // In its place at once, as it is read at any time.
        let new = file.with_extension("new");
        fs::write(&new, format!("{minutes:+}m\n")).expect("written");
        fs::rename(new, file).expect("renamed");
    }

    /// Lets nothing fail any more, and returns when all nodes are ready and make changes.
    pub(crate) fn heal(&mut self) {
        self.hosts.heal();
        self.primary().resume();
        self.shift_clock(0);
        for node in 0..self.nodes.len() {
            if self.nodes[node].is_stopped {
                self.stop_node(node, false);
            }
            if self.nodes[node].process.is_none() {
                self.start_node(node);
            }
        }
        self.wait_until_ready(&[0, 1, 2]);
        self.wait_until_changes_are_made();
    }

    fn wait_until_ready(&mut self, nodes: &[usize]) {
        let since = Instant::now();
        for &node in nodes {
            while !self.is_ready(node) {
                let process = self.nodes[node].process.as_mut().expect("it runs");
                let ended = process.try_wait().expect("its state");
                assert!(ended.is_none(), "{} ended by itself: {}", NODES[node], self.end_of_log(node));
                let name = NODES[node];
                assert!(
                    since.elapsed() < READY_WITHIN,
                    "{name} is not ready {READY_WITHIN:?} after all was healed: {}",
                    self.end_of_log(node)
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// On each node: one that is ready and still waits for a database that is gone would change nothing.
    fn wait_until_changes_are_made(&self) {
        let since = Instant::now();
        for (node, url) in self.urls().iter().enumerate() {
            let create =
                || self.runtime.block_on(self.http.create(url, &self.administrators[node], "healed"));
            while !matches!(create(), Answer::Accepted(_)) {
                let name = NODES[node];
                assert!(
                    since.elapsed() < READY_WITHIN,
                    "{name} changes nothing {READY_WITHIN:?} after all was healed: {}",
                    self.end_of_log(node)
                );
            }
        }
    }

    fn is_ready(&self, node: usize) -> bool {
        let url = &self.urls()[node];
        self.runtime.block_on(self.http.is_ready(url))
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    fn log_file(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("{}.log", NODES[node]))
    }

    fn end_of_log(&self, node: usize) -> String {
        let log = fs::read_to_string(self.log_file(node)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    pub(crate) fn ends_of_logs(&self) -> String {
        let ends = (0..self.nodes.len()).map(|node| format!("{}: {}", NODES[node], self.end_of_log(node)));
        ends.collect::<Vec<_>>().join("\n")
    }

    /// The nodes' logs, kept in a folder that nobody removes.
    pub(crate) fn keep_logs(mut self) -> PathBuf {
        for node in &mut self.nodes {
            node.end();
        }
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

/// The node whose wall clock can be shifted.
pub(crate) const WITH_OWN_CLOCK: usize = 2;

impl Node {
    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("its end");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

/// What shifts a program's wall clock, of Debian's package `faketime`.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let files = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let library = files.into_iter().find(|file: &PathBuf| Path::exists(file));
    library.expect("Debian's package `faketime` is installed")
}
