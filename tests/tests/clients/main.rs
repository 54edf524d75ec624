//! The clients in `clients/`, built and checked as they would be published, run their own tests against the real binary; and the
//! examples of their pages work as printed.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail as tests do")]

mod fixture;
mod folder;
mod pages;
mod python;
mod typescript;
