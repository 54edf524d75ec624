//! Streaming replication: a standby follows a primary, and may take its place.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Place, Postgres, Setup};
use crate::command::run;

/// What a primary waits for at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// The standby has it on its disk.
    Synchronous,
    /// Nothing: a primary that is lost takes its last commits with it.
    Asynchronous,
}

impl Postgres {
    /// Starts a server in the same network that follows this one, and returns when it does. Passwords are the same.
    #[must_use]
    pub fn standby(&mut self, replication: Replication) -> Self {
        self.standby_at(self.setup.place.clone(), replication)
    }

    /// Starts a server that follows this one, elsewhere.
    #[must_use]
    pub fn standby_at(&mut self, place: Place, replication: Replication) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("standby_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut standby = Self::stopped(Setup { place, ..self.setup.clone() }, self.password.clone());
        standby.hand_over_folder();
        let mut copy = standby.program("pg_basebackup");
        copy.args([
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-sync",
            "--write-recovery-conf",
            "--pgdata",
        ]);
        run(copy.arg(standby.data()).arg("--dbname").arg(self.conninfo(&name)));
        // It may follow a server that waits for standbys of its own: this one has none.
        let settings = fs::File::options().append(true).open(standby.data().join("postgresql.auto.conf"));
        settings.expect("settings").write_all(b"synchronous_standby_names = ''\n").expect("appended");
        standby.standby_name = Some(name.clone());
        standby.start_again();
        if replication == Replication::Synchronous {
            self.set("synchronous_standby_names", &name);
        }
        let state = match replication {
            Replication::Synchronous => "sync_state = 'sync'",
            Replication::Asynchronous => "state = 'streaming'",
        };
        let question =
            format!("SELECT 1 FROM pg_stat_replication WHERE application_name = '{name}' AND {state}");
        standby.wait_for("the standby to follow", || (self.sql("postgres", &question) == "1").then_some(()));
        standby
    }

    /// How a standby of that name connects to this server.
    fn conninfo(&self, name: &str) -> String {
        let tls = match self.certificate() {
            Some(certificate) => format!(" sslmode=verify-full sslrootcert='{}'", certificate.display()),
            None => String::new(),
        };
        format!(
            "host={} port={} user=postgres password={} application_name={name}{tls}",
            self.setup.place.address, self.port, self.password
        )
    }

    /// Stops receiving what its primary commits from now on: what a failover without it loses. Until [`Self::follow`] or
    /// [`Self::promote`].
    pub fn unfollow(&mut self) {
        self.set("primary_conninfo", "");
        self.wait_for("the standby to stop receiving", || {
            self.sql("postgres", "SELECT pid FROM pg_stat_wal_receiver").is_empty().then_some(())
        });
    }

    /// Receives again what a primary commits, after [`Self::unfollow`], and returns when it has all of what is there now.
    pub fn follow(&mut self, primary: &Self) {
        let name = self.standby_name.clone().expect("a standby");
        self.set("primary_conninfo", &primary.conninfo(&name));
        let end = primary.sql("postgres", "SELECT pg_current_wal_lsn()");
        let question = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
        self.wait_for("the standby to catch up", || (self.sql("postgres", &question) == "t").then_some(()));
    }

    /// Whether it follows another server, and so takes no writes.
    pub fn is_standby(&self) -> bool {
        self.sql("postgres", "SELECT pg_is_in_recovery()") == "t"
    }

    /// Makes a standby the primary, and returns when it takes writes. A server that it followed is not told.
    pub fn promote(&mut self) {
        assert_eq!(self.sql("postgres", "SELECT pg_promote(true, 60)"), "t", "not promoted: {}", self.log());
        self.wait_for("the standby to take writes", || (!self.is_standby()).then_some(()));
    }
}
