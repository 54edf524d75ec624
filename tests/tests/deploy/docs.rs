//! docs/deployment.md says what works.

use std::fs;
use std::process::Command;

use keystead_tests::deployment::{file, helm, output};

const PAGE: &str = include_str!("../../../docs/deployment.md");

/// The page's shell blocks.
fn blocks() -> Vec<&'static str> {
    PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The one with a command.
fn block(command: &str) -> &'static str {
    blocks().into_iter().find(|block| block.contains(command)).unwrap_or_else(|| panic!("no {command}"))
}

#[test]
fn every_file_that_the_page_installs_or_names_is_there() {
    let names = PAGE.split(|c: char| c.is_whitespace() || "`'\"(),".contains(c));
    let names: Vec<_> = names.filter_map(|name| name.strip_prefix("deploy/")).collect();
    assert!(names.len() > 6, "{names:?}");
    for name in names {
        assert!(file(name).exists(), "deploy/{name}");
    }
}

#[test]
fn the_page_makes_the_secrets_that_the_compose_file_reads() {
    let folder = tempfile::tempdir().unwrap();
    let compose = folder.path().join("deploy/compose");
    fs::create_dir_all(&compose).unwrap();
    // The containers are left to those who have an engine.
    let script =
        format!("docker() {{ true; }}\n{}", block("mkdir -m 700 secrets").replace(" | grep /setup/", ""));
    output(Command::new("sh").args(["-euc", &script]).current_dir(folder.path()));
    let read = |name: &str| fs::read_to_string(compose.join("secrets").join(name)).unwrap();
    let password = read("database-password");
    assert_eq!(read("database-url"), format!("postgres://keystead:{}@postgres/keystead", password.trim()));
    assert!(read("secret").trim().len() >= 32 && read("secret") != password);
    let described = keystead_tests::deployment::compose();
    let mut named: Vec<_> = described["secrets"].as_object().unwrap().keys().map(|name| read(name)).collect();
    named.dedup();
    assert_eq!(named.len(), 3);
}

#[test]
fn the_pages_command_renders_the_chart() {
    let command = block("helm install").lines().find(|line| line.starts_with("helm install")).unwrap();
    let arguments = command.split(' ').skip(2).map(|argument| argument.replace("deploy/helm", "helm"));
    let rendered = output(helm().arg("template").args(arguments).current_dir(file("")));
    assert!(rendered.contains("kind: Deployment") && rendered.contains("secretName: keystead"), "{rendered}");
}
