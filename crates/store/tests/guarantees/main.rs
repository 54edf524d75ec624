//! What the store promises, one module per promise. One binary, so that it links once.
//!
//! All that is particular to a database is in [`harness`]: another database is one more way to make a `Harness`.

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
mod oauth;
mod oauth_forgets;
mod once;
mod opening;
mod people;
mod poison;
mod poison_oauth;
mod poison_people;
mod private_file;
mod schemas;
mod secrecy;
mod sessions;
mod walls;
