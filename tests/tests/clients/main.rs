//! The clients in `clients/`, built and checked as they would be published, run their own tests against the real binary.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail as tests do")]

mod fixture;
mod folder;
mod python;
mod typescript;
