//! The bug classes of this field, each as a test that goes red when the bug is there. `SECURITY.md` has the table.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers fail as tests do")]

mod accounts;
mod authorization;
mod bad_input;
mod callers;
mod clock;
mod csrf;
mod escalation;
mod graphql;
mod impersonation;
mod issuing;
mod mass_assignment;
mod mcp;
mod oauth;
mod pages;
mod passwords;
mod paths;
mod plumbing;
mod routes;
mod sessions;
mod sign_in;
mod sources;
mod states;
mod targets;
mod verify;
mod walls;
