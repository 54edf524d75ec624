//! The commands of the README, and of the pages about MCP and backups, do what they say.

#![expect(clippy::expect_used, reason = "helpers fail as tests do")]

use std::process::Command;

use keystead_tests::binary::{Serving, keystead};

const README: &str = include_str!("../../README.md");
const MCP: &str = include_str!("../../docs/mcp.md");
const BACKUP: &str = include_str!("../../docs/backup.md");

/// Every command of a page's shell blocks, in order.
fn commands(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

/// What the pages' commands talk to, in a shell that knows the key.
struct Demo {
    _serving: Serving,
    url: String,
    export: String,
}

impl Demo {
    /// Starts it by the command of the README; `export` is how the pages have their reader say the key.
    fn start(serve: &str, export: &str) -> Self {
        let args = serve.strip_prefix("cargo run --release -- ").expect("cargo runs the binary");
        let mut args: Vec<&str> = args.split(' ').collect();
        // A port of its own: another Keystead may be running on the usual one.
        args.extend(["--listen", "127.0.0.1:0"]);
        let serving = Serving::start(&args);
        let url = serving.url();
        let token = serving.line(|line| {
            let token = line.trim();
            keystead_token::TokenRef::parse(token).is_ok().then(|| token.to_owned())
        });
        Self { _serving: serving, url, export: export.replace("...", &token) }
    }

    fn run(&self, command: &str) -> String {
        let command = command.replace("http://127.0.0.1:8080", &self.url);
        let script = format!("{}\n{command}", self.export);
        let output = Command::new("sh").args(["-euc", &script]).output().expect("a shell");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}

#[test]
fn the_commands_of_the_readme_work_as_printed() {
    let [serve, export, verify, graphql, test] = commands(README)[..] else {
        panic!("the README's commands changed: run the new ones here, too: {:#?}", commands(README))
    };
    let demo = Demo::start(serve, export);
    let answer = demo.run(verify);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("x-keystead-user-email: ada@demo.example"),
        "{answer}"
    );
    let answer = demo.run(graphql);
    assert!(answer.contains(r#""email":"ada@demo.example""#) && answer.contains("totalCount"), "{answer}");

    assert_eq!(test, "cargo xtask test", "which is running this");
}

#[test]
fn the_commands_of_the_page_about_mcp_work_as_printed() {
    let [export, whoami, resource, server] = commands(MCP)[..] else {
        panic!("the page's commands changed: run the new ones here, too: {:#?}", commands(MCP))
    };
    let demo = Demo::start(commands(README)[0], export);
    let answer = demo.run(whoami);
    assert!(answer.contains(r#""structuredContent":{"#) && answer.contains("ada@demo.example"), "{answer}");
    let answer = demo.run(resource);
    assert!(answer.contains("/mcp\"") && answer.contains(r#""authorization_servers":["#), "{answer}");
    let answer = demo.run(server);
    assert!(answer.contains(r#""code_challenge_methods_supported":["S256"]"#), "{answer}");
}

#[test]
fn the_commands_of_the_page_about_backups_work_as_printed() {
    let [backup, restore, verify] = commands(BACKUP)[..] else {
        panic!("the page's commands changed: run the new ones here, too: {:#?}", commands(BACKUP))
    };
    let folder = tempfile::tempdir().expect("a folder");
    let binary = keystead();
    let run = |command: &str| {
        let bin = binary.parent().expect("its folder").display();
        let script = format!("PATH={bin}:$PATH\n{command}");
        let output =
            Command::new("sh").args(["-euc", &script]).current_dir(folder.path()).output().expect("a shell");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    run("keystead user add ada@example.com --role administrator");
    assert!(run(backup).starts_with("Backed up to "));
    // What a server would have shipped until now.
    run("keystead user add bob@example.com --role member");
    let ids = run("keystead organization list --json");
    let id = ids.split('"').find(|text| text.len() == 36).expect("an id");
    let log = run(&format!("keystead audit export --organization {id}"));
    std::fs::write(folder.path().join("audit.jsonl"), log).expect("written");
    let restored = run(restore);
    assert!(
        restored.contains("Restored keystead.backup into restored.")
            && restored.contains("followed from event"),
        "{restored}"
    );
    assert!(run(verify).starts_with("OK  "));
}

#[test]
fn every_page_that_the_readme_links_to_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("https://")) {
        assert!(root.join(link).exists(), "{link}");
    }
}
