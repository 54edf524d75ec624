//! `clients/python`: `keystead`, for `PyPI`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use keystead_tests::binary::keystead;
use keystead_tests::tool;
use tempfile::TempDir;

use crate::fixture::Fixture;
use crate::folder::{copy, of_repository, run};

/// A copy of the package, built and installed from its wheel.
pub(crate) struct Package {
    folder: TempDir,
}

impl Package {
    pub(crate) fn build() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        copy(&of_repository("clients/python"), folder.path(), &["dist", "__pycache__"]);
        let package = Self { folder };
        run(package.python().args(["-m", "hatchling", "build"]));
        let wheel = package.path().join("dist").join(package.archives()[0].clone());
        // As pip does it, but for the network.
        run(package.python().args(["-m", "zipfile", "-e"]).arg(wheel).arg(package.installed()));
        std::fs::remove_dir_all(package.path().join("src")).expect("only what is installed is tested");
        package
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The wheel and the source distribution.
    fn archives(&self) -> Vec<String> {
        let archives = std::fs::read_dir(self.path().join("dist")).expect("a folder");
        let mut archives: Vec<_> =
            archives.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        archives.sort();
        archives
    }

    fn installed(&self) -> PathBuf {
        self.path().join("installed")
    }

    /// Python with what the package needs, and with the package once it is installed.
    pub(crate) fn python(&self) -> Command {
        let module = tool::find("client-python", "fastapi/__init__.py", "KEYSTEAD_TEST_CLIENT_PYTHON");
        let needs = module.ancestors().nth(2).expect("the folder that it is installed in");
        let path = std::env::join_paths([self.installed().as_path(), needs]).expect("a path");
        let mut python = Command::new("python3");
        python.current_dir(self.path()).env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }

    /// Checks the types of files or folders in it, strictly.
    pub(crate) fn check_types(&self, paths: &[&str]) {
        run(self.python().args(["-m", "mypy", "--strict", "--cache-dir=/dev/null"]).args(paths));
    }
}

#[tokio::test]
async fn the_python_client_passes_its_own_tests_against_the_real_keystead() {
    let fixture = Fixture::make().await;
    let package = Package::build();
    package.check_types(&["installed/keystead", "tests"]);
    let mut pytest = package.python();
    pytest.args(["-m", "pytest", "--quiet"]);
    pytest.env("KEYSTEAD_TEST_BINARY", keystead()).env("KEYSTEAD_TEST_FIXTURE", fixture.path());
    let report = run(&mut pytest);
    let end = report.lines().last().expect("a summary");
    assert!(end.contains(" passed in ") && !end.contains(','), "{report}");
}

#[test]
fn what_pypi_would_get_has_every_module_its_types_and_licences_and_nothing_else() {
    let package = Package::build();
    let version = env!("CARGO_PKG_VERSION");
    let wheel = format!("keystead-{version}-py3-none-any.whl");
    assert_eq!(package.archives(), [wheel, format!("keystead-{version}.tar.gz")]);

    let mut files = BTreeSet::new();
    list(&package.installed(), "", &mut files);
    let information = format!("keystead-{version}.dist-info");
    let mut wanted: BTreeSet<_> =
        ["METADATA", "RECORD", "WHEEL", "licenses/LICENSE-APACHE", "licenses/LICENSE-MIT"]
            .map(|file| format!("{information}/{file}"))
            .into();
    list(&of_repository("clients/python/src"), "", &mut wanted);
    wanted.retain(|file| !file.contains("__pycache__"));
    assert_eq!(files, wanted);
    assert!(files.contains("keystead/py.typed"));

    let metadata = package.installed().join(&information).join("METADATA");
    let metadata = std::fs::read_to_string(metadata).expect("metadata");
    for line in ["License-Expression: MIT OR Apache-2.0", "Requires-Python: >=3.11"] {
        assert!(metadata.lines().any(|other| other == line), "{metadata}");
    }
    let needs: Vec<_> = metadata.lines().filter(|line| line.starts_with("Requires-Dist")).collect();
    assert!(
        matches!(needs[..], [http, fastapi] if http.contains("httpx2") && fastapi.contains("extra ==")),
        "{needs:?}"
    );
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let of_package = std::fs::read(package.path().join(licence)).expect("a licence");
        assert_eq!(of_package, std::fs::read(of_repository(licence)).expect("a licence"), "{licence}");
    }
}

/// The files of a folder, each by its path from there.
fn list(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = format!("{prefix}{}", entry.file_name().to_str().expect("text"));
        if entry.path().is_dir() {
            list(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name);
        }
    }
}
