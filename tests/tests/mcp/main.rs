//! `/mcp`, asked in the protocol's own words.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers fail as tests do")]

mod client;
mod listen;
mod protocol;
mod resources;
mod tools;
