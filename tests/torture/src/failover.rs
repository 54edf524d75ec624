//! The database's host is lost, and its standby takes its place.

use std::thread::sleep;
use std::time::{Duration, Instant};

use keystead_test_hosts::{Kind, Outcome, Recorder, Replication};

use crate::world::{DATABASES, World};

/// How long commits are made that will be lost.
const LOST_FOR: Duration = Duration::from_millis(1_500);
/// How long nodes may take to find out.
const FOUND_WITHIN: Duration = Duration::from_secs(30);
/// How long clients go on asking a store that is halted.
const HALTED_FOR: Duration = Duration::from_secs(5);

/// What was lost, by the history's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss {
    /// All that was answered before is in the database.
    pub(crate) from: Duration,
    /// What was asked later was asked of what is left.
    pub(crate) crashed: Duration,
    /// The store said that it was halted.
    pub(crate) halted: Duration,
}

/// Fails over to a standby that has all commits, and gives that a standby of its own. What happened, in words.
pub(crate) fn to_synchronous_standby(world: &mut World) -> String {
    let (old, new) = (world.database_host(), DATABASES[1 - world.database]);
    // Fenced before anything else: nobody hears it again.
    world.hosts.isolate(old);
    take_over(world);
    world.hosts.heal();
    let place = world.hosts.place(old);
    let standby = world.primary().standby_at(place, Replication::Synchronous);
    world.standby = Some(standby);
    format!("the database failed over from {old} to {new}")
}

/// Fails over to a standby that had not got the last commits, and returns when the store is halted.
pub(crate) fn losing_commits(world: &mut World, recorder: &Recorder) -> Loss {
    // Until now, what was answered is on the standby.
    let from = recorder.now();
    world.primary().set("synchronous_standby_names", "");
    world.standby.as_mut().expect("a standby").unfollow();
    let (since, unfollowed) = (Instant::now(), recorder.now());
    while since.elapsed() < LOST_FOR || !has_changed_since(recorder, unfollowed) {
        assert!(since.elapsed() < FOUND_WITHIN, "nobody changed anything that could be lost");
        sleep(Duration::from_millis(20));
    }
    world.primary().crash();
    let crashed = recorder.now();
    take_over(world);
    let (since, url) = (Instant::now(), world.program().url.clone());
    while world.primary().sql(&url, "SELECT 1 FROM feed WHERE halted IS NOT NULL").is_empty() {
        assert!(
            since.elapsed() < FOUND_WITHIN,
            "no node found in {FOUND_WITHIN:?} that commits were lost: {}",
            world.ends_of_logs()
        );
        sleep(Duration::from_millis(20));
    }
    let halted = recorder.now();
    sleep(HALTED_FOR);
    Loss { from, crashed, halted }
}

/// Whether something was changed that was asked for after an instant.
fn has_changed_since(recorder: &Recorder, instant: Duration) -> bool {
    recorder.history().iter().any(|operation| {
        let is_done = operation.answer.is_some_and(|(_, outcome)| outcome == Outcome::Accepted);
        operation.kind != Kind::Verify && is_done && operation.start > instant
    })
}

/// The standby is the primary from now on, and has its address. The old one is gone with its data.
fn take_over(world: &mut World) {
    world.primary = None;
    let mut standby = world.standby.take().expect("a standby");
    standby.promote();
    world.database = 1 - world.database;
    let host = world.database_host();
    world.hosts.give_shared_address(host);
    world.primary = Some(standby);
}
