//! What the core promises under every door, one module per promise. One binary, so that it links once.
//!
//! All of it holds on the database that `KEYSTEAD_TEST_DATABASE` chooses; what is about SQLite's folder alone is in [`sqlite`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail a test; clippy knows only #[test] functions"
)]

mod acts;
mod admission;
mod archive;
mod email_access;
mod impersonation;
mod impersonation_ends;
mod impersonation_races;
mod last_administrator;
mod oauth;
mod oauth_ends;
mod oauth_races;
mod oauth_upkeep;
mod offboarding;
mod policy;
mod signing_ring;
mod sqlite;
mod turns;
mod who_may;
mod world;
