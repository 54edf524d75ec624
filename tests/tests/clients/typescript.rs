//! `clients/typescript`: `@keystead/client`, for npm.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use keystead_tests::binary::keystead;
use keystead_tests::tool;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::Fixture;
use crate::folder::{copy, of_repository, run};

/// A copy of the package with what it is built and tested with.
pub(crate) struct Package {
    folder: TempDir,
}

impl Package {
    pub(crate) fn copy() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        copy(&of_repository("clients/typescript"), folder.path(), &["node_modules", "dist", "build"]);
        std::os::unix::fs::symlink(modules(), folder.path().join("node_modules")).expect("a link");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path());
        command
    }

    /// Checks the types of a project in it, and writes what they stand for.
    pub(crate) fn compile(&self, project: &str) {
        run(self.command("node_modules/.bin/tsc").args(["--project", project]));
    }

    /// Packs it as `npm publish` would, and returns the archive and the list of what is in it.
    pub(crate) fn pack(&self, arguments: &[&str]) -> Value {
        let packed = run(self.command("npm").args(["pack", "--json", "--ignore-scripts"]).args(arguments));
        serde_json::from_str(&packed).expect("JSON")
    }
}

/// Where `npm ci` has put what the package's lock file names.
pub(crate) fn modules() -> PathBuf {
    let list = tool::find("client-npm", "node_modules/.package-lock.json", "KEYSTEAD_TEST_CLIENT_NPM");
    list.parent().expect("a folder").to_owned()
}

#[tokio::test]
async fn the_typescript_client_passes_its_own_tests_against_the_real_keystead() {
    let fixture = Fixture::make().await;
    let package = Package::copy();
    package.compile(".");
    package.compile("test");
    let tests = std::fs::read_dir(package.path().join("build")).expect("a folder");
    let tests = tests.map(|entry| entry.expect("an entry").path());
    let tests = tests.filter(|path| path.to_string_lossy().ends_with(".test.js"));
    let mut node = package.command("node");
    node.args(["--test", "--test-reporter=tap"]).args(tests);
    node.env("KEYSTEAD_TEST_BINARY", keystead()).env("KEYSTEAD_TEST_FIXTURE", fixture.path());
    let report = run(&mut node);
    for line in ["# fail 0", "# cancelled 0", "# skipped 0", "# todo 0"] {
        assert!(report.lines().any(|other| other == line), "{report}");
    }
    assert!(!report.lines().any(|line| line == "# pass 0"), "{report}");
}

#[test]
fn what_npm_would_publish_is_all_that_was_built_with_its_types_and_licences_and_nothing_else() {
    let package = Package::copy();
    package.compile(".");
    let packed = package.pack(&["--dry-run"]);
    let files = packed[0]["files"].as_array().expect("files");
    let files: BTreeSet<_> =
        files.iter().map(|file| file["path"].as_str().expect("a path").to_owned()).collect();
    let mut wanted: BTreeSet<_> =
        ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json"].map(str::to_owned).into();
    for source in std::fs::read_dir(package.path().join("src")).expect("a folder") {
        let name = source.expect("an entry").file_name().into_string().expect("text");
        let name = name.strip_suffix(".ts").expect("TypeScript");
        wanted.extend([format!("dist/{name}.js"), format!("dist/{name}.d.ts")]);
    }
    assert_eq!(files, wanted);
    assert_eq!(packed[0]["name"], "@keystead/client");
    assert_eq!(packed[0]["version"], env!("CARGO_PKG_VERSION"));
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let of_package = std::fs::read(package.path().join(licence)).expect("a licence");
        assert_eq!(of_package, std::fs::read(of_repository(licence)).expect("a licence"), "{licence}");
    }
    let manifest = std::fs::read(package.path().join("package.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert!(manifest.get("dependencies").is_none(), "it needs nothing at run time");
    for paths in manifest["exports"].as_object().expect("exports").values().filter_map(Value::as_object) {
        for path in paths.values().map(|path| path.as_str().expect("a path")) {
            assert!(files.contains(path.trim_start_matches("./")), "{path}");
        }
    }
}
