//! `/mcp`, asked in the protocol's own words.

mod client;
mod protocol;
mod tools;
