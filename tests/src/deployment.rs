//! The programs that read what is in `deploy/`, as those do who deploy.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::tool;

/// A file of the folder.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

/// The text of a file of the folder.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).expect(path)
}

/// Helm, which renders charts.
pub fn helm() -> Command {
    Command::new(tool::find("helm", "helm", "KEYSTEAD_TEST_HELM"))
}

/// The linter of container files.
pub fn hadolint() -> Command {
    Command::new(tool::find("hadolint", "bin/hadolint", "KEYSTEAD_TEST_HADOLINT"))
}

/// Our compose file, as Docker Compose understands it.
pub fn compose() -> Value {
    let mut command =
        Command::new(tool::find("docker-compose", "bin/docker-compose", "KEYSTEAD_TEST_COMPOSE"));
    command.arg("--file").arg(file("compose/compose.yaml")).args(["config", "--format=json"]);
    serde_json::from_str(&output(command.env_remove("KEYSTEAD_PUBLIC_URL"))).expect("JSON")
}

/// The objects of a rendered chart, each of which Kubernetes takes from the first to the last of these versions.
///
/// # Panics
/// If it does not take one, with what it would say.
pub fn manifests(rendered: &str, versions: &[&str]) -> Vec<Value> {
    let package = "kubernetes_validate/__init__.py";
    let package = tool::find("kubernetes-validate", package, "KEYSTEAD_TEST_KUBERNETES");
    let folder = package.ancestors().nth(2).expect("a folder");
    let mut python = Command::new("python3");
    python.args(["-c", include_str!("manifests.py")]).args(versions).env("PYTHONPATH", folder);
    let mut python =
        python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("Python");
    python.stdin.take().expect("piped").write_all(rendered.as_bytes()).expect("read");
    let output = python.wait_with_output().expect("an end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What a command prints that must succeed.
///
/// # Panics
/// If it does not, with all that it said.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{printed}\n{said}", output.status);
    printed.into_owned()
}
