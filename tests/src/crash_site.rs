//! A store whose server is killed, and whose database, if it has one, is killed with it.

use std::path::Path;
use std::process::Command;

use keystead_app::Place;
use keystead_test_hosts::{Postgres, database_of, is_on_postgres, put_on};
use tempfile::TempDir;

use crate::binary::{Serving, keystead_at};

/// Where crashes happen.
pub struct CrashSite {
    folder: TempDir,
    /// Its own, since it crashes; commits are on its disk when they return.
    postgres: Option<Postgres>,
    killed: u64,
}

impl CrashSite {
    /// An empty store.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let postgres = is_on_postgres().then(Postgres::start);
        if let Some(postgres) = &postgres {
            put_on(folder.path(), &postgres.database());
        }
        Self { folder, postgres, killed: 0 }
    }

    /// The binary with this store.
    pub fn command(&self) -> Command {
        keystead_at(self.path())
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where it is, for the process of the test itself.
    pub fn place(&self) -> Place {
        let mut place = Place::for_tests(self.path(), database_of(self.path()));
        if let Some(shared) = &mut place.shared {
            // As long as the nodes have had it.
            shared.node.lease = None;
        }
        place
    }

    /// How many of so many kills there is time for: after each, nodes on PostgreSQL wait for the lease of the one that was killed.
    pub fn kills(&self, of: u64) -> u64 {
        if self.postgres.is_some() { (of / 8).max(20) } else { of }
    }

    /// Kills the server with a signal that no process can catch; the database every fourth time, too, which then starts again.
    pub fn kill(&mut self, server: Serving) {
        drop(server);
        self.killed += 1;
        if let Some(postgres) = self.postgres.as_mut().filter(|_| self.killed.is_multiple_of(4)) {
            postgres.crash();
            postgres.start_again();
        }
    }
}

impl Default for CrashSite {
    fn default() -> Self {
        Self::new()
    }
}
