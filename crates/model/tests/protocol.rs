//! Promise 3 over many nodes: it holds in every state, and not without any one of what keeps it.

#![expect(
    clippy::print_stdout,
    reason = "how many states were visited, and how a guard is missed, is worth reading"
)]

use keystead_model::properties::{GAPLESS, HALTED, NOT_UNLEARNT, REVOKED_MEANS_REVOKED};
use keystead_model::{Bounds, Cluster, Guards, Standby};

/// Nodes that ask for leases as often as is said, and a revocation.
fn cluster(standby: Standby, renewals: &[u8], writes: u8) -> Cluster {
    let renewals = renewals.to_vec();
    let bounds = Bounds { renewals, writes, crashes: 0, prunes: false, forgets: false };
    Cluster { guards: Guards::ALL, standby, bounds }
}

fn holds(name: &str, cluster: &Cluster) {
    let started = std::time::Instant::now();
    let checked = cluster.check();
    println!("{name}: {} states in {:.1?}", checked.states, started.elapsed());
    assert!(checked.broken.is_empty(), "{name}: {:#?}", checked.broken);
    assert!(checked.impossible.is_empty(), "{name}: nothing shows {:?}", checked.impossible);
}

/// Without a guard, a property is broken. That it holds with all of them, in more states than these, is what the first tests show.
#[track_caller]
fn breaks(property: &'static str, cluster: &Cluster, without: impl FnOnce(&mut Guards)) {
    let mut guards = Guards::ALL;
    without(&mut guards);
    assert_ne!(guards, Guards::ALL);
    let how = Cluster { guards, ..cluster.clone() }.breaks(property);
    assert!(how.is_some(), "{property}: holds without it");
    println!("not any more that {property}: {how:?}");
}

#[test]
fn two_nodes_keep_promise_3_through_lost_messages_pauses_crashes_and_rows_that_are_forgotten() {
    let mut cluster = cluster(Standby::None, &[1, 2], 0);
    holds("two nodes that renew", &cluster);
    cluster.bounds = Bounds { renewals: vec![0, 2], writes: 1, crashes: 1, prunes: true, forgets: true };
    holds("a node that follows, crashes and is forgotten", &cluster);
}

#[test]
fn three_nodes_keep_promise_3() {
    holds("three nodes, an asynchronous standby", &cluster(Standby::Asynchronous, &[0, 1, 1], 0));
}

#[test]
fn promise_3_holds_through_a_fail_over_to_a_synchronous_standby() {
    let mut cluster = cluster(Standby::Synchronous, &[0, 2], 1);
    cluster.bounds.crashes = 1;
    holds("a synchronous standby", &cluster);
}

#[test]
fn a_fail_over_that_loses_commits_revives_no_key_of_a_revocation_that_it_kept_or_that_a_node_had_applied() {
    holds("an asynchronous standby, two nodes", &cluster(Standby::Asynchronous, &[0, 2], 1));
}

#[test]
fn a_revocation_waits_for_nodes_that_may_be_without_it() {
    breaks(REVOKED_MEANS_REVOKED, &cluster(Standby::None, &[0, 1], 0), |guards| {
        guards.waits_for_nodes = false;
    });
}

#[test]
fn a_node_that_joins_while_a_revocation_commits_is_waited_for() {
    let cluster = cluster(Standby::None, &[0, 1], 0);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.reads_nodes_after_commit = false);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.row_before_asking = false);
}

#[test]
fn a_node_with_a_slow_clock_is_waited_for() {
    let cluster = cluster(Standby::None, &[0, 1], 0);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.allows_for_drift = false);
}

#[test]
fn a_node_whose_answer_was_late_does_not_answer_for_longer_than_it_is_waited_for() {
    let cluster = cluster(Standby::None, &[0, 1], 0);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.lease_counts_from_before_sending = false);
}

#[test]
fn a_node_that_renews_without_applying_answers_nothing() {
    let cluster = cluster(Standby::None, &[0, 1], 0);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.applies_before_lease = false);
}

#[test]
fn a_node_whose_machine_slept_does_not_answer_by_an_old_lease() {
    let cluster = cluster(Standby::None, &[0, 1], 0);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.clock_runs_through_suspend = false);
}

#[test]
fn a_verification_that_is_paused_does_not_answer_by_a_lease_that_came_after_what_it_read() {
    let cluster = cluster(Standby::None, &[0, 1], 0);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.lease_before_key = false);
}

#[test]
fn a_number_that_is_taken_before_another_is_committed_before_it() {
    let cluster = cluster(Standby::None, &[0, 1], 1);
    breaks(GAPLESS, &cluster, |guards| guards.numbers_under_lock = false);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.numbers_under_lock = false);
}

#[test]
fn a_node_that_is_too_far_behind_skips_nothing() {
    let mut cluster = cluster(Standby::None, &[0, 1], 1);
    cluster.bounds.prunes = true;
    breaks(GAPLESS, &cluster, |guards| guards.loads_after_gap = false);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.loads_after_gap = false);
}

#[test]
fn a_node_notices_that_another_change_took_the_number_of_one_that_was_lost() {
    let cluster = cluster(Standby::Asynchronous, &[0, 1], 1);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.compares_marks = false);
}

#[test]
fn a_node_that_saw_that_changes_were_lost_refuses_even_if_it_cannot_say_so() {
    let cluster = cluster(Standby::Asynchronous, &[0, 1], 0);
    breaks(NOT_UNLEARNT, &cluster, |guards| guards.keeps_refusing = false);
}

#[test]
fn a_halted_store_gives_no_lease() {
    let cluster = cluster(Standby::Asynchronous, &[0, 1], 0);
    breaks(HALTED, &cluster, |guards| guards.obeys_halt = false);
}

#[test]
fn rows_that_a_fail_over_took_back_are_not_believed() {
    let cluster = cluster(Standby::Asynchronous, &[0, 1], 0);
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.doubts_new_connection = false);
    // Nor by a node that looks for the first time.
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.doubts_first_connection = false);
}

#[test]
fn a_node_is_not_forgotten_while_it_may_answer() {
    let mut cluster = cluster(Standby::None, &[0, 1], 0);
    cluster.bounds.forgets = true;
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.forgets_ended_only = false);
}

#[test]
fn a_node_that_was_forgotten_and_comes_back_is_not_taken_for_silent() {
    let mut cluster = cluster(Standby::None, &[0, 2], 0);
    cluster.bounds.forgets = true;
    breaks(REVOKED_MEANS_REVOKED, &cluster, |guards| guards.counts_never_repeat = false);
}
