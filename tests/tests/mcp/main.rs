//! `/mcp`, asked in the protocol's own words.

mod client;
mod listen;
mod protocol;
mod resources;
mod tools;
