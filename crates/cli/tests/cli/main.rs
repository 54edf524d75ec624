//! The real `keystead`, run as people and service managers run it. Waits are for what a process does, never for time to pass.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helper stops at the first failure, as a test does"
)]

mod audit;
mod backup;
mod commands;
mod configuration;
mod demo;
mod draining;
mod errors;
mod impersonation;
mod mail;
mod mcp;
mod nodes;
mod organizations;
mod replay;
mod restore;
mod roles;
mod secrets;
mod serving;
mod socket;
mod store_copy;
mod support;
mod upgrade;
mod users;
