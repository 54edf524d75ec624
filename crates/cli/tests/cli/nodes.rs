//! Nodes that share a PostgreSQL: the real program, and a real server.

use std::fs;
use std::process::{Command, Stdio};

use keystead_test_hosts::Postgres;

use crate::support::{Place, Server, err, out};

/// A database, and the secret of its nodes.
struct Shared {
    postgres: &'static Postgres,
    url: String,
    secret: String,
}

impl Shared {
    fn new() -> Self {
        let postgres = Postgres::shared_fast();
        Self { postgres, url: postgres.database(), secret: format!("{:0>64}", std::process::id()) }
    }

    fn command(&self, place: &Place, args: &[&str]) -> Command {
        let mut command = place.command(args);
        command.env("KEYSTEAD_DATABASE_URL", &self.url).env("KEYSTEAD_SECRET", &self.secret);
        command
    }

    fn ok(&self, place: &Place, args: &[&str]) -> String {
        let output = self.command(place, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        out(&output)
    }

    fn fails(&self, place: &Place, args: &[&str]) -> String {
        let output = self.command(place, args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        let error = err(&output);
        assert!(error.contains("hint: "), "{error}");
        error
    }

    fn serve(&self, place: &Place, name: &str) -> Server {
        Server::start(&mut self.command(place, &["serve", "--listen", "127.0.0.1:0", "--node-name", name]))
    }

    fn nodes(&self) -> String {
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
