//! The container file. No container engine runs where the tests do, so what it would do is held against what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use keystead_tests::binary::keystead;
use keystead_tests::deployment::{file, hadolint, output, text};

const CONTAINERFILE: &str = "Containerfile";

/// The libraries of Debian 12 that the final image's base has: those of the packages libc6 and libgcc-s1.
const LIBRARIES: [&str; 7] = [
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
];

/// Its instructions, comments and line breaks within one left out.
fn instructions() -> Vec<(String, String)> {
    let text = text(CONTAINERFILE);
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let instructions = joined.lines().filter_map(|line| line.split_once(' '));
    instructions.map(|(name, rest)| (name.to_owned(), rest.trim().to_owned())).collect()
}

/// The last of a name, which is in force.
fn last(name: &str) -> String {
    instructions().into_iter().rfind(|(instruction, _)| instruction == name).unwrap().1
}

#[test]
fn the_linter_has_no_remark_on_the_container_file() {
    output(hadolint().arg("--failure-threshold=style").arg(file(CONTAINERFILE)));
}

#[test]
fn the_image_needs_no_library_that_its_base_lacks() {
    assert!(last("FROM").starts_with("gcr.io/distroless/cc-debian12"), "the list here is that base's");
    let needed = output(Command::new("ldd").arg(keystead()));
    let needed: BTreeSet<_> = needed
        .lines()
        .filter_map(|line| Path::new(line.split_whitespace().next()?).file_name()?.to_str())
        .filter(|library| *library != "linux-vdso.so.1")
        .collect();
    let missing: Vec<_> = needed.iter().filter(|library| !LIBRARIES.contains(library)).collect();
    assert!(needed.contains("libc.so.6") && missing.is_empty(), "{missing:?}");
}

#[test]
fn the_image_runs_as_a_number_that_is_not_root_and_asks_itself_for_its_health() {
    let (user, group) = last("USER").split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    let program = last("ENTRYPOINT");
    let check = last("HEALTHCHECK");
    let check = check.split_once("CMD ").unwrap().1;
    let check: Vec<String> = serde_json::from_str(check).unwrap();
    assert_eq!(serde_json::from_str::<Vec<String>>(&program).unwrap(), check[..1]);
    // As the server's does, in the same environment: that it works is a test of the command line.
    let settings = last("ENV");
    let settings = settings.split(' ').map(|setting| setting.split_once('=').unwrap());
    let mut command = Command::new(keystead());
    let said =
        command.args(&check[1..]).envs(settings).env("KEYSTEAD_LISTEN", "127.0.0.1:1").output().unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("not ready"), "{said:?}");
}

#[test]
fn no_layer_is_given_a_secret_and_the_last_one_only_what_was_built() {
    for (name, rest) in instructions() {
        let small = rest.to_lowercase();
        assert!(name != "ARG" && name != "ADD", "{name} {rest}");
        assert!(
            !["secret", "password", "database_url"].iter().any(|word| small.contains(word)),
            "{name} {rest}"
        );
    }
    let after = instructions().into_iter().skip_while(|(_, rest)| !rest.starts_with("gcr.io"));
    let copies: Vec<_> = after.filter(|(name, _)| name == "COPY").map(|(_, rest)| rest).collect();
    assert_eq!(copies, ["--from=build /image /"]);
}

/// As a builder would: everything is left out that is not named, and of that what is named again.
#[test]
fn what_the_image_is_built_from_is_a_whole_workspace_and_nothing_else() {
    let root = file("..");
    let rules = fs::read_to_string(root.join(".dockerignore")).unwrap();
    let mut rules = rules.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(rules.next(), Some("*"), "nothing gets in that is not named");
    let named: Vec<_> = rules.clone().filter_map(|rule| rule.strip_prefix('!')).collect();
    let left_out: Vec<_> = rules.filter_map(|rule| rule.strip_prefix("**/")).collect();
    for secret in ["keystead-data", "keystead.toml", "target"] {
        assert!(left_out.contains(&secret), "{secret}");
    }
    let context = tempfile::tempdir().unwrap();
    let excluded = left_out.iter().map(|name| format!("--exclude={name}"));
    let archive = context.path().join("context.tar");
    let mut pack = Command::new("tar");
    output(pack.arg("-C").arg(&root).args(excluded).arg("-cf").arg(&archive).args(&named));
    output(Command::new("tar").arg("-C").arg(context.path()).arg("-xf").arg(&archive));

    let mut metadata = Command::new("cargo");
    metadata.args(["metadata", "--locked", "--offline", "--no-deps", "--format-version=1"]);
    let members = output(metadata.current_dir(context.path()));
    assert!(members.contains(r#""name":"keystead""#), "{members}");
    // Cargo's own list of all that went into the program.
    let sources = fs::read_to_string(keystead().with_extension("d")).unwrap();
    let root = root.canonicalize().unwrap();
    let sources = sources.split_once(": ").unwrap().1.split_whitespace();
    let ours: Vec<_> = sources.filter_map(|source| Path::new(source).strip_prefix(&root).ok()).collect();
    assert!(ours.iter().any(|source| source.starts_with("crates/server")), "{ours:?}");
    for source in ours {
        assert!(context.path().join(source).exists(), "{} is left out", source.display());
    }
}
