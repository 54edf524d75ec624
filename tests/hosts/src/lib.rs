//! Real parts for the tests: PostgreSQL servers, and hosts with addresses of their own, which start, crash and lose sight of each
//! other as a test says.
//!
//! ```no_run
//! use keystead_test_hosts::Postgres;
//!
//! // One server for all tests of a binary, a database for each.
//! let url = Postgres::shared_fast().database();
//!
//! // A server for this test alone, since it crashes.
//! let mut postgres = Postgres::start();
//! let url = postgres.database();
//! postgres.crash();
//! postgres.start_again();
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

mod command;
mod folder;
mod history;
mod postgres;

pub use history::{Asked, KeyId, Kind, Operation, Outcome, Recorder, Summary, Violation, check};
pub use postgres::{Place, Postgres, Replication, Setup};
