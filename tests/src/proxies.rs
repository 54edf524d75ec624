//! The proxies that are in no package of Debian's, and the files that say how they ask Keystead.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool;

/// A file of the examples.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/proxies").join(name)
}

/// The text of a file of the examples.
pub fn example(name: &str) -> String {
    std::fs::read_to_string(file(name)).expect(name)
}

/// Caddy.
pub fn caddy() -> Command {
    Command::new(tool::find("caddy", "bin/caddy", "KEYSTEAD_TEST_CADDY"))
}

/// Traefik.
pub fn traefik() -> Command {
    Command::new(tool::find("traefik", "bin/traefik", "KEYSTEAD_TEST_TRAEFIK"))
}

/// Envoy.
pub fn envoy() -> Command {
    Command::new(tool::find("envoy", "envoy/_bin/envoy", "KEYSTEAD_TEST_ENVOY"))
}
