//! Nodes that lack one guard of promise 3 are caught: what the torture would miss, it would not show to be absent either.
//!
//! It takes a build of its own, in which bugs are planted: `cargo xtask torture --planted` makes it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers fail and print as tests do"
)]

use std::path::Path;
use std::time::Duration;

use keystead_torture::{Bug, Plan, run_planted};

/// Clients see a key accepted after its revocation has returned.
fn is_caught(bug: Bug) {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let program = target.join("planted/debug/keystead");
    assert!(
        Path::exists(&program),
        "{} is not there: run `cargo xtask torture --planted`",
        program.display()
    );
    // Most need a few seconds; a lease that counts from its answer one or two minutes, by chance, so that this is nearly never too short.
    let lasts = Duration::from_mins(12);
    let report = run_planted(&Plan { program, seed: u64::from(std::process::id()), lasts }, bug);
    let Some(finding) = report.findings.iter().find(|finding| finding.is_revoked_and_accepted()) else {
        panic!("nothing was found:\n{report}");
    };
    println!(
        "{}: found after {} episodes and {:.0} s: {finding}",
        bug.name(),
        report.episodes.len(),
        report.took.as_secs_f64()
    );
}

#[test]
fn nodes_that_wait_for_no_acknowledgement_are_caught() {
    is_caught(Bug::NoAcknowledgementWait);
}

#[test]
fn nodes_whose_feed_has_the_numbers_of_a_plain_sequence_are_caught() {
    is_caught(Bug::PlainSequence);
}

#[test]
fn nodes_that_count_a_lease_from_the_answer_are_caught() {
    is_caught(Bug::LeaseFromAnswer);
}

#[test]
fn nodes_whose_clock_stands_still_while_they_are_stopped_are_caught() {
    is_caught(Bug::ClockStandsStill);
}

#[test]
fn nodes_that_fill_a_cache_late_are_caught() {
    is_caught(Bug::LateFill);
}
