//! What the store promises, one module per promise. One binary, so that it links once.
//!
//! All of it holds on both databases, and is tested on the one that `KEYSTEAD_TEST_DATABASE` chooses. What is particular to one is in
//! [`harness`]; what is about SQLite's file and no other is in [`sqlite`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail a test; clippy knows only #[test] functions"
)]

mod audit;
mod audit_list;
mod cancelling;
mod changes;
mod commits;
mod ending;
mod feed;
mod frozen;
mod harness;
mod impersonation;
mod known;
mod last_used;
mod links;
mod list;
mod list_model;
mod newer;
mod oauth;
mod oauth_forgets;
mod once;
mod people;
mod poison;
mod poison_oauth;
mod poison_people;
mod private_file;
mod secrecy;
mod sessions;
mod sqlite;
mod walls;
