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
