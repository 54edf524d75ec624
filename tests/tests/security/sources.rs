//! What can be read off the sources.

use std::fs;
use std::path::Path;

/// The database library takes constants only, unless told that a text is safe: nothing here says that of any.
#[test]
fn no_statement_is_put_together_at_run_time() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut read = 0;
    let mut folders = vec![crates];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                assert!(
                    !source.contains("AssertSqlSafe") && !source.contains("SqlSafeStr"),
                    "{}",
                    path.display()
                );
                read += 1;
            }
        }
    }
    assert!(read > 50, "{read} files");
}

/// `SECURITY.md` promises tests by name. A renamed one has to be renamed there, too.
#[test]
fn every_test_that_is_named_in_the_security_policy_exists() {
    const FOLDERS: [(&str, &str); 10] = [
        ("security/", "tests/tests/security/"),
        ("imp/", "tests/tests/security/impersonation/"),
        ("oauth/", "tests/tests/security/oauth/"),
        ("mcp/", "tests/tests/security/mcp/"),
        ("store/", "crates/store/tests/guarantees/"),
        ("directory/", "crates/directory/tests/directory/"),
        ("token/", "crates/token/tests/guarantees/"),
        ("nodes/", "crates/app/tests/nodes/"),
        ("graphql/", "crates/server/tests/graphql/"),
        ("cli/", "crates/cli/tests/cli/"),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let policy = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut named = 0;
    for name in policy.split('`').skip(1).step_by(2).filter(|text| text.contains(".rs")) {
        let (file, test) = name.split_once("::").unwrap_or((name, ""));
        let folder = FOLDERS.iter().find(|(short, _)| file.starts_with(short));
        let path = folder.map_or(file.to_owned(), |(short, folder)| file.replacen(short, folder, 1));
        let source = fs::read_to_string(root.join(&path)).unwrap_or_else(|_| panic!("no file {path}"));
        assert!(test.is_empty() || source.contains(&format!("fn {test}(")), "no test {test} in {path}");
        named += 1;
    }
    assert!(named > 50, "{named} names");
}
