//! Nodes that share a PostgreSQL: the real program, and a real server.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keystead_test_hosts::{Place as Where, Postgres, Replication, Setup};

use crate::support::{Place, Server, err, out, request};

/// A database, and the secret of its nodes.
pub(crate) struct Shared {
    pub(crate) postgres: &'static Postgres,
    pub(crate) url: String,
    pub(crate) secret: String,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let postgres = Postgres::shared_fast();
        Self { postgres, url: postgres.database(), secret: format!("{:0>64}", std::process::id()) }
    }

    pub(crate) fn command(&self, place: &Place, args: &[&str]) -> Command {
        let mut command = place.command(args);
        command.env("KEYSTEAD_DATABASE_URL", &self.url).env("KEYSTEAD_SECRET", &self.secret);
        command
    }

    pub(crate) fn ok(&self, place: &Place, args: &[&str]) -> String {
        let output = self.command(place, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        out(&output)
    }

    pub(crate) fn fails(&self, place: &Place, args: &[&str]) -> String {
        let output = self.command(place, args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        let error = err(&output);
        assert!(error.contains("hint: "), "{error}");
        error
    }

    pub(crate) fn serve(&self, place: &Place, name: &str) -> Server {
        Server::start(&mut self.command(place, &["serve", "--listen", "127.0.0.1:0", "--node-name", name]))
    }

    pub(crate) fn nodes(&self) -> String {
        self.postgres
            .sql(&self.url, "SELECT string_agg(name, ',' ORDER BY name) FROM nodes")
            .trim()
            .to_owned()
    }
}

#[test]
fn what_a_command_revoked_is_refused_by_every_node_when_it_returns() {
    let (shared, place) = (Shared::new(), Place::bare());
    let nodes = [shared.serve(&place, "a"), shared.serve(&place, "b")];
    shared.ok(&place, &["user", "add", "ada@example.com", "--role", "administrator"]);
    let token = shared.ok(&place, &["key", "create", "--user", "ada@example.com", "--name", "ci"]);
    let token = token.trim_end();
    for node in &nodes {
        assert_eq!(node.get("/verify", token), 200);
    }
    let listed = shared.ok(&place, &["key", "list", "--user", "ada@example.com", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    shared.ok(&place, &["key", "revoke", listed[0]["id"].as_str().unwrap()]);
    for node in &nodes {
        assert_eq!(node.get("/verify", token), 401);
    }
    assert_eq!(shared.nodes(), "a,b", "commands are nodes only while they run");

    let [a, b] = nodes;
    let (status, _, log) = a.stop();
    assert!(status.success(), "{log}");
    assert_eq!(shared.nodes(), "b", "nobody waits for a node that was stopped");
    assert_eq!(b.get("/readyz", ""), 200);
    b.stop();
    let files: Vec<_> = fs::read_dir(place.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(files.is_empty(), "a node needs no disk: {files:?}");
}

#[test]
fn what_keeps_a_node_from_starting_is_said_with_what_to_do() {
    let (shared, place) = (Shared::new(), Place::bare());
    shared.ok(&place, &["user", "add", "ada@example.com", "--role", "administrator"]);

    let missing = Shared { url: format!("{}_not", shared.url), ..Shared::new() };
    assert!(missing.fails(&place, &["serve"]).contains("no such database"));
    let other = Shared {
        url: shared.url.clone(),
        secret: "another secret of this test, long enough".into(),
        ..shared
    };
    assert!(
        other.fails(&place, &["serve", "--listen", "127.0.0.1:0"]).contains("do not open with this secret")
    );
    let none = Shared { secret: String::new(), url: other.url.clone(), ..other };
    assert!(none.fails(&place, &["serve"]).contains("needs a secret"));
}

#[test]
fn nodes_do_not_serve_by_leases_of_different_lengths() {
    let (shared, place) = (Shared::new(), Place::bare());
    let node = shared.serve(&place, "a");
    let other = ["serve", "--listen", "127.0.0.1:0", "--revocation-wait", "3s"];
    assert!(shared.fails(&place, &other).contains("hold leases of 2s, and this one was told 3s"));
    node.stop();
    let output = shared.command(&place, &["serve", "--revocation-wait", "1m"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
}

#[test]
fn the_commands_of_the_page_about_many_nodes_start_a_node() {
    let (shared, place) = (Shared::new(), Place::bare());
    let page = include_str!("../../../../docs/many-nodes.md");
    let blocks: Vec<_> =
        page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let url = blocks[1].split('\'').nth(1).unwrap();
    let script = blocks.concat().replace(url, &shared.url).replace("keystead serve", "exec keystead serve");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_keystead")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let mut bash = Command::new("/bin/bash");
    bash.args(["-ec", &script]).current_dir(place.path()).env_clear();
    bash.env("PATH", path).env("KEYSTEAD_LISTEN", "127.0.0.1:0").env("KEYSTEAD_NODE_NAME", "by the page");
    bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let node = Server::start(&mut bash);
    assert_eq!(node.get("/readyz", ""), 200);
    assert_eq!(shared.nodes(), "by the page");
}

#[test]
fn a_store_that_lost_changes_is_served_by_nobody_until_it_is_opened_again_with_what_was_shipped() {
    let (shared, place) = (Shared::new(), Place::new());
    let args = ["serve", "--listen", "127.0.0.1:0", "--node-name", "a", "--audit-log", "audit.jsonl"];
    let node = Server::start(&mut shared.command(&place, &args));
    shared.ok(&place, &["user", "add", "ada@example.com", "--role", "administrator"]);
    let create = |name| shared.ok(&place, &["key", "create", "--user", "ada@example.com", "--name", name]);
    let [revoked, kept] = ["revoked", "kept"].map(|name| create(name).trim_end().to_owned());
    node.stop();

    // What a standby has that falls behind here, and takes over later.
    let (server, name) = shared.url.rsplit_once('/').unwrap();
    let maintenance = format!("{server}/postgres");
    let sql = |statement: String| shared.postgres.sql(&maintenance, &statement);
    sql(format!("CREATE DATABASE {name}_behind TEMPLATE {name} OWNER keystead"));
    let node = Server::start(&mut shared.command(&place, &args));
    let listed = shared.ok(&place, &["key", "list", "--user", "ada@example.com", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = listed.as_array().unwrap().iter().find(|key| key["name"] == "revoked").unwrap()["id"].clone();
    shared.ok(&place, &["key", "revoke", id.as_str().unwrap()]);
    assert_eq!([node.get("/verify", &revoked), node.get("/verify", &kept)], [401, 200]);
    let is_shipped = || fs::read_to_string(place.path().join("audit.jsonl")).unwrap().contains("key.revoked");
    until(is_shipped);
    sql(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    sql(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    sql(format!("ALTER DATABASE {name} RENAME TO {name}_failed"));
    sql(format!("ALTER DATABASE {name}_behind RENAME TO {name}"));
    let halted = || shared.postgres.sql(&shared.url, "SELECT halted FROM feed");
    until(|| halted().contains("not in the database any more"));
    assert_eq!([node.get("/verify", &revoked), node.get("/verify", &kept)], [503, 503]);
    assert_eq!(node.get("/readyz", ""), 503);
    let told = shared.fails(&place, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(told.contains("halted") && told.contains("keystead store reopen"), "{told}");

    let told = shared.fails(&place, &["store", "reopen"]);
    assert!(told.contains("The store is halted: change") && told.contains("--yes"), "{told}");
    assert!(halted().contains("not in the database any more"), "nothing was done");
    fs::write(place.path().join("no log"), "nothing").unwrap();
    let told = shared.fails(&place, &["store", "reopen", "--yes", "--replay", "no log"]);
    assert!(told.contains("stays halted") && told.contains("no event of an audit log"), "{told}");
    assert!(halted().contains("not in the database any more"), "the first reason is kept");

    let told = shared.ok(&place, &["store", "reopen", "--yes", "--replay", "audit.jsonl"]);
    assert!(told.contains("Again: revoked key \"revoked\""), "{told}");
    until(|| node.get("/verify", &kept) == 200);
    assert_eq!(node.get("/verify", &revoked), 401);
    shared.ok(&place, &["audit", "verify"]);
    let log = shared.ok(&place, &["audit", "export", "--organization", "My organization"]);
    assert!(log.contains("store.restored") && log.contains("haltedBecause"), "{log}");
    node.stop();
}

#[test]
fn whoever_revokes_is_told_that_a_silent_node_had_to_be_waited_for() {
    let (shared, place) = (Shared::new(), Place::new());
    let (a, b) = (shared.serve(&place, "a"), shared.serve(&place, "b"));
    shared.ok(&place, &["user", "add", "ada@example.com", "--role", "administrator"]);
    let create = |name| shared.ok(&place, &["key", "create", "--user", "ada@example.com", "--name", name]);
    let tokens = ["one", "two", "three", "own"].map(|name| create(name).trim_end().to_owned());
    let listed = shared.ok(&place, &["key", "list", "--user", "ada@example.com", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = |name: &str| {
        let key = listed.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap();
        key["id"].as_str().unwrap().to_owned()
    };
    let revoke = |name: &str| {
        let query = format!("mutation {{ revokeApiKey(input: {{ id: {:?} }}) {{ revokedId }} }}", id(name));
        let body = serde_json::json!({ "query": query }).to_string();
        let headers = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            tokens[3],
            body.len()
        );
        request(&a.url, "POST /graphql", &headers, &body).1.to_ascii_lowercase()
    };
    let answer = revoke("one");
    assert!(answer.contains("revokedid") && !answer.contains("waited"), "{answer}");

    b.signal("-STOP");
    let answer = revoke("two");
    assert!(answer.contains("x-keystead-waited: silent-node"), "{answer}");
    assert!(answer.contains("\"waitedforsilentnode\":true"), "{answer}");
    let output = shared.command(&place, &["key", "revoke", &id("three")]).output().unwrap();
    assert!(output.status.success() && err(&output).contains("A node did not answer"), "{}", err(&output));
    b.signal("-CONT");
    for token in &tokens[..3] {
        assert_ne!(b.get("/verify", token), 200);
        assert_eq!(a.get("/verify", token), 401);
    }
    assert_eq!(a.get("/verify", &tokens[3]), 200);
}

#[test]
fn a_node_reaches_its_database_over_tls_and_no_other_server_in_its_place() {
    let setup = || Setup { durable: false, tls: true, place: Where::loopback() };
    let (postgres, stranger) = (Postgres::start_with(setup()), Postgres::start_with(setup()));
    let (url, secret) = (postgres.database(), "the secret of nodes that are reached over TLS");
    let place = Place::new();
    let command = |url: &str, args: &[&str]| {
        let mut command = place.command(args);
        command.env("KEYSTEAD_DATABASE_URL", url).env("KEYSTEAD_SECRET", secret);
        command
    };
    let add = ["user", "add", "ada@example.com", "--role", "administrator"];
    let output = command(&url, &add).output().unwrap();
    assert!(output.status.success(), "{}", err(&output));

    let certificate = |postgres: &Postgres| postgres.certificate().unwrap().display().to_string();
    let other = url.replace(&certificate(&postgres), &certificate(&stranger));
    assert_ne!(other, url);
    let plain = format!("{}?sslmode=disable", url.split_once('?').unwrap().0);
    let (before, host) = url.split_once('@').unwrap();
    let password = before.rsplit_once(':').unwrap().1;
    let wrong = format!("{}:not-the-password@{host}", before.rsplit_once(':').unwrap().0);
    for (url, why) in
        [(&other, "certificate"), (&plain, "no encryption"), (&wrong, "check the user and the password")]
    {
        let output = command(url, &["user", "list"]).output().unwrap();
        let told = err(&output);
        assert!(!output.status.success() && told.contains(why) && told.contains("hint: "), "{told}");
        assert!(!told.contains(password) && !told.contains("not-the-password"), "{told}");
    }
}

#[test]
fn a_standby_is_no_place_for_a_node() {
    let mut primary = Postgres::start_fast();
    let url = primary.database();
    let standby = primary.standby(Replication::Asynchronous);
    let place = Place::new();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("KEYSTEAD_DATABASE_URL", standby.url(&url))
        .env("KEYSTEAD_SECRET", "the secret of nodes, of a standby");
    let output = command.output().unwrap();
    let told = err(&output);
    assert!(!output.status.success() && told.contains("read-only standby"), "{told}");
    assert!(told.contains("name the primary server"), "{told}");
}

#[test]
fn a_node_takes_no_more_connections_than_the_page_says() {
    let (shared, place) = (Shared::new(), Place::new());
    let node = shared.serve(&place, "a");
    shared.ok(&place, &["user", "add", "ada@example.com", "--role", "administrator"]);
    let token = shared.ok(&place, &["key", "create", "--user", "ada@example.com", "--name", "ci"]);
    let query =
        serde_json::json!({ "query": "{ apiKeys { totalCount edges { node { name } } } }" }).to_string();
    let headers = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        token.trim_end(),
        query.len()
    );
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(request(&node.url, "POST /graphql", &headers, &query).0, 200);
                }
            });
        }
    });
    let count = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let connections: u32 = shared.postgres.sql(&shared.url, count).trim().parse().unwrap();
    let page = include_str!("../../../../docs/many-nodes.md");
    let most = page.split("at most ").find_map(|rest| rest.split_once(" connections")?.0.parse::<u32>().ok());
    assert!((5..=most.unwrap()).contains(&connections), "{connections}");
}

/// A program whose wall clock is off by what the file says, but not the clock that leases are counted on: by Debian's package
/// `faketime`.
fn with_clock<'a>(command: &'a mut Command, file: &std::path::Path) -> &'a mut Command {
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"].map(std::path::Path::new);
    let library = library.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    let library = library.iter().find(|library| library.exists()).unwrap();
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", file);
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1")
}

#[test]
fn a_node_whose_clock_jumps_answers_nothing_until_it_is_right_again() {
    let (shared, place) = (Shared::new(), Place::new());
    let clock = place.path().join("clock");
    let is_off_by = |offset: &str| fs::write(&clock, offset).unwrap();
    is_off_by("+0");
    let serve = || {
        let mut command = shared.command(&place, &["serve", "--listen", "127.0.0.1:0", "--node-name", "a"]);
        with_clock(&mut command, &clock);
        command
    };
    let node = Server::start(&mut serve());
    shared.ok(&place, &["user", "add", "ada@example.com", "--role", "administrator"]);
    let token = shared.ok(&place, &["key", "create", "--user", "ada@example.com", "--name", "ci"]);
    let token = token.trim_end();
    for offset in ["+3600", "-3600"] {
        until(|| node.get("/verify", token) == 200);
        is_off_by(offset);
        until(|| node.get("/verify", token) == 503);
        assert_eq!(node.get("/readyz", ""), 503);
        is_off_by("+0");
    }
    until(|| node.get("/verify", token) == 200);
    let (_, _, log) = node.stop();
    assert!(log.contains("the clocks of this machine and of the database differ by"), "{log}");

    is_off_by("-3600");
    let output = serve().output().unwrap();
    assert!(!output.status.success() && err(&output).contains("NTP"), "{}", err(&output));
}

/// Looks again until it is so.
fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}
