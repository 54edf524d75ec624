//! What the core promises under every door, one module per promise. One binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail a test; clippy knows only #[test] functions"
)]

mod last_administrator;
mod turns;
mod world;
