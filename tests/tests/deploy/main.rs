//! What is in `deploy/` is what its readers take, keeps what docs/deployment.md says, and loses no request.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers fail as tests do")]

mod compose;
mod container;
mod docs;
mod helm;
mod rolling;
mod systemd;
