//! The systemd unit, alone and as a node's.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keystead_test_hosts::{Signal, signal};
use keystead_tests::binary::{Serving, keystead};
use keystead_tests::deployment::{output, text};
use tempfile::TempDir;

/// How exposed a unit may be at most, of 100, as systemd counts it.
const EXPOSURE: &str = "12";

/// What remains of what systemd looks at: the server is for others on the network, and needs libraries and certificates of the system.
const REMAINS: [&str; 6] = [
    "DeviceAllow=",
    "IPAddressDeny=",
    "PrivateNetwork=",
    "RestrictAddressFamilies=~AF_(INET|INET6)",
    "RestrictAddressFamilies=~AF_UNIX",
    "RootDirectory=/RootImage=",
];

/// The unit as it is installed, but for the program's path.
fn unit(shared: bool) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("keystead.service");
    let program = keystead().canonicalize().unwrap();
    let installed = text("systemd/keystead.service");
    let named =
        installed.replace("ExecStart=/usr/local/bin/keystead ", &format!("ExecStart={} ", program.display()));
    assert_ne!(installed, named, "the program is where the test looks for it");
    fs::write(&unit, named).unwrap();
    if shared {
        let more = folder.path().join("keystead.service.d");
        fs::create_dir(&more).unwrap();
        fs::write(more.join("postgresql.conf"), text("systemd/keystead.service.d/postgresql.conf")).unwrap();
    }
    (folder, unit)
}

fn analyze(verb: &[&str], unit: &Path) -> String {
    let mut command = Command::new("systemd-analyze");
    // Its remarks on the machine's own units are none of ours.
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", unit.parent().unwrap().display()));
    command.args(verb).arg(unit);
    let output = command.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{verb:?}: {said}");
    said
}

#[test]
fn systemd_has_no_remark_on_the_unit() {
    for shared in [false, true] {
        let (_folder, unit) = unit(shared);
        let said = analyze(&["verify", "--man=no"], &unit);
        assert!(!said.contains("keystead"), "{said}");
    }
}

#[test]
fn the_unit_exposes_little_of_the_machine() {
    for shared in [false, true] {
        let (_folder, unit) = unit(shared);
        let threshold = format!("--threshold={EXPOSURE}");
        let looked = analyze(&["security", "--offline=true", "--json=short", &threshold], &unit);
        let looked: Vec<serde_json::Value> = serde_json::from_str(&looked).unwrap();
        assert!(looked.len() > 60, "{looked:?}");
        for found in looked.iter().filter(|found| found["exposure"].is_string()) {
            let name = found["name"].as_str().unwrap();
            assert!(REMAINS.contains(&name), "{found}");
        }
    }
}

#[test]
fn a_node_of_the_unit_is_given_its_secrets_as_files_that_its_user_cannot_read_elsewhere() {
    let node = text("systemd/keystead.service.d/postgresql.conf");
    for secret in ["database-url", "secret"] {
        assert!(node.contains(&format!("LoadCredential={secret}:/etc/keystead/{secret}\n")), "{node}");
        assert!(node.contains(&format!("_FILE=%d/{secret}\n")), "{node}");
    }
}

#[test]
fn the_user_of_the_unit_is_one_that_the_package_makes() {
    let users = text("systemd/keystead.sysusers.conf");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keystead.conf");
    fs::write(&file, users).unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    let root = format!("--root={}", folder.path().display());
    output(Command::new("systemd-sysusers").arg(root).arg(&file));
    let made = fs::read_to_string(folder.path().join("etc/passwd")).unwrap();
    assert!(made.starts_with("keystead:x:") && made.contains(":/var/lib/keystead:"), "{made}");
    assert!(text("systemd/keystead.service").contains("\nUser=keystead\n"));
}

/// The system calls of a set, as systemd has them.
fn calls_of(set: &str) -> BTreeSet<String> {
    let listed = output(Command::new("systemd-analyze").args(["--no-pager", "syscall-filter", set]));
    let members =
        listed.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    members
        .flat_map(|name| if name.starts_with('@') { calls_of(name) } else { [name.to_owned()].into() })
        .collect()
}

/// Those that the unit allows.
fn allowed_calls() -> BTreeSet<String> {
    // What every filter allows.
    let mut allowed = calls_of("@default");
    let unit = text("systemd/keystead.service");
    for list in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (denied, sets) = list.strip_prefix('~').map_or((false, list), |sets| (true, sets));
        for set in sets.split(' ') {
            let calls = calls_of(set);
            allowed = if denied { &allowed - &calls } else { &allowed | &calls };
        }
    }
    allowed
}

#[test]
fn a_server_makes_no_system_call_that_the_unit_denies() {
    let mut allowed = allowed_calls();
    assert!(allowed.contains("openat") && !allowed.contains("mount"), "{allowed:?}");
    // Tests may run as root, and SQLite then gives what it makes to the owner of the database. The unit's user is not root.
    allowed.insert("fchown".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let [calls, data] = ["calls", "data"].map(|name| folder.path().join(name));
    fs::write(&calls, allowed.into_iter().collect::<Vec<_>>().join("\n")).unwrap();
    let filtered = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.args(["-c", include_str!("../../src/filtered.py")]).arg(keystead()).args(arguments);
        command.env("KEYSTEAD_DATA_DIR", &data).stdin(fs::File::open(&calls).unwrap());
        command
    };
    output(&mut filtered(&["user", "add", "ada@example.com", "--role", "administrator"]));
    let mut server = Serving::spawn(&mut filtered(&["serve", "--listen", "127.0.0.1:0"]));
    let url = server.url();
    let token = output(&mut filtered(&["key", "create", "--user", "ada@example.com", "--name", "ci"]));
    let verify = format!("{url}/verify");
    let bearer = format!("Authorization: Bearer {}", token.trim());
    output(Command::new("curl").args(["--fail", "--silent", "--show-error", "--header", &bearer, &verify]));
    signal(Signal::TERM, &[server.child.id()]);
    assert!(server.child.wait().unwrap().success());
}
