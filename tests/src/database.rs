//! The store as somebody else reads and changes it: for proving that nothing was written, that no secret was, and that damage stays
//! small. The only file of these tests that knows on which database they run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use keystead_app::StoreSecret;
use keystead_domain::SealedKeys;
use keystead_store::SealedName;
use keystead_test_hosts::{DatabaseTool, Postgres, copy_store, is_on_postgres, kept_bytes};
use serde_json::Value;
use tempfile::TempDir;

use crate::TestServer;

/// Every row of every table, as SQL literals. Two that are equal hold the same, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, Vec<String>>);

impl Snapshot {
    /// The tables that differ.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(name, rows)| before.0.get(*name) != Some(rows))
            .map(|(name, _)| &**name)
            .collect()
    }

    /// The rows of a table.
    #[must_use]
    pub fn rows(&self, table: &str) -> &[String] {
        self.0.get(table).unwrap_or_else(|| panic!("no table {table}"))
    }
}

/// A store as it was.
pub struct StoreCopy(TempDir);

impl TestServer {
    /// A database tool at the server's store.
    pub fn tool(&self) -> DatabaseTool {
        DatabaseTool::of(self.data_dir())
    }

    /// The name of every column of every table.
    pub async fn columns(&self) -> Vec<String> {
        self.tool().columns().await
    }

    /// What the store holds now.
    pub async fn snapshot(&self) -> Snapshot {
        Snapshot(self.tool().rows().await)
    }

    /// All that is kept, by where it is: each file of the folder, every row, and what a database's server logged.
    pub async fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let mut kept = Vec::new();
        files(self.data_dir(), &mut kept);
        if is_on_postgres() {
            kept.push(("a row".to_owned(), kept_bytes(self.data_dir()).await));
            kept.push(("PostgreSQL's log".to_owned(), Postgres::shared_fast().log().into_bytes()));
        }
        kept
    }

    /// The secret keys that sign tokens, as they are kept: in a file or, sealed, in the database.
    ///
    /// # Panics
    /// If they cannot be read.
    pub async fn signing_keys(&self) -> Value {
        let name = SealedName::SessionSigning;
        let text = if is_on_postgres() {
            let tool = self.tool();
            let of = |column| format!("SELECT {column} FROM sealed WHERE name = '{}'", name.as_str());
            let (version, content) = (tool.number(&of("version")).await, tool.bytes(&of("content")).await);
            let opened = StoreSecret::for_tests().open(name, &SealedKeys { version, content });
            opened.expect("it opens with the nodes' secret").to_string()
        } else {
            fs::read_to_string(self.data_dir().join(name.as_str())).expect("a file")
        };
        serde_json::from_str(&text).expect("keys")
    }

    /// Copies the store of a server that was stopped.
    ///
    /// # Panics
    /// If it cannot be copied.
    pub fn copy_store(&self) -> StoreCopy {
        let copy = tempfile::tempdir().expect("a temporary directory");
        copy_store(self.data_dir(), copy.path());
        StoreCopy(copy)
    }

    /// Puts a copy in the place of the store of a server that was stopped.
    pub fn put_back(&self, copy: &StoreCopy) {
        copy_store(copy.0.path(), self.data_dir());
    }
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
}
