//! Several nodes on one PostgreSQL: what holds on one holds on all when the call that made it so returns (promise 3).

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail a test; clippy knows only #[test] functions"
)]

mod dropped;
mod feed;
mod issuing;
mod link;
mod signing_keys;
mod silent;
mod together;
mod world;
