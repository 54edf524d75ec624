//! The real `keystead`, run as people and service managers run it. Waits are for what a process does, never for time to pass.
//!
//! Each store is on the database that `KEYSTEAD_TEST_DATABASE` chooses, but for what is about a folder ([`sqlite`]) or many nodes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helper stops at the first failure, as a test does"
)]

mod audit;
mod commands;
mod configuration;
mod draining;
mod errors;
mod impersonation;
mod mail;
mod mcp;
mod nodes;
mod organizations;
mod roles;
mod secrets;
mod serving;
mod sqlite;
mod support;
mod upgrade;
mod users;
