//! Real parts for the tests: PostgreSQL servers, and hosts with addresses of their own, which start, crash and lose sight of each
//! other as a test says.
//!
//! ```no_run
//! use keystead_test_hosts::{Hosts, Postgres, Setup};
//!
//! // One server for all tests of a binary, a database for each.
//! let url = Postgres::shared_fast().database();
//!
//! // A server for this test alone, since it crashes.
//! let mut postgres = Postgres::start();
//! let url = postgres.database();
//! postgres.crash();
//! postgres.start_again();
//!
//! // A server on a host that a node on another one loses sight of.
//! let mut hosts = Hosts::new(&["database", "node1", "clients"]);
//! let setup = Setup { durable: true, tls: false, place: hosts.place("database") };
//! let postgres = Postgres::start_with(setup);
//! let node = hosts.command("node1", "keystead").env("KEYSTEAD_DATABASE_URL", postgres.database()).spawn();
//! hosts.cut("node1", "database");
//! hosts.heal();
//! ```
//!
//! Everything here fails as tests do: it panics, and says what it ran and what that answered. It never waits without a bound.
//! What a test starts ends with the test's process, even if that is killed.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    reason = "what tests share fails as tests do"
)]

mod choice;
mod command;
mod folder;
mod history;
mod hosts;
mod postgres;
mod tool;
mod watcher;

pub use choice::{copy_store, database_of, is_on_postgres, put_on};
pub use command::{Signal, signal};
pub use history::{Asked, KeyId, Kind, Operation, Outcome, Recorder, Summary, Violation, check};
pub use hosts::Hosts;
pub use postgres::{Place, Postgres, Replication, Setup};
pub use tool::{DatabaseTool, HeldWriters, kept_bytes};
