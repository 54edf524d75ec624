//! A short torture: the same as `cargo xtask torture`, in about two minutes.
#![expect(clippy::unwrap_used, reason = "helpers fail as tests do")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use keystead_torture::{Plan, run};

/// The binary that the workspace's build made.
fn keystead() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("keystead");
    assert!(path.exists(), "{} is not there: run `cargo build --workspace` first", path.display());
    path
}

#[test]
fn no_node_accepts_a_key_whose_revocation_returned_whatever_fails() {
    // Another order each time: what it was is printed.
    let seed = u64::from(std::process::id());
    let report = run(&Plan { program: keystead(), seed, lasts: Duration::from_secs(75) });
    println!("{report}");
    assert!(
        report.is_clean(),
        "not clean; run it again with `cargo xtask torture --minutes 2 --seed {seed}`"
    );
    assert!(report.trials > 500, "only {} verifications of revoked keys were answered", report.trials);
}
