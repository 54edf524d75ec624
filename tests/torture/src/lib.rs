//! Three nodes on three hosts with a PostgreSQL that they share and its standby, on the real programs. Something is always failing,
//! one thing after another, while clients on another host make, check and revoke keys on all nodes. What they were answered is checked for
//! what no history may show: above all a key that was accepted by a verification which began after its revocation had returned.
//!
//! A seed chooses what fails in which order. It does not choose what happens at the same instant, so that a failure may need
//! more than one run to come again.

#![expect(
    clippy::expect_used,
    clippy::must_use_candidate,
    clippy::panic,
    reason = "it fails as the tests do that it is for"
)]

mod cli;
mod clients;
mod failover;
mod http;
mod nemesis;
mod planted;
mod random;
mod report;
mod site;
mod verdict;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use nemesis::{Episode, Fault};
pub use planted::Bug;
pub use report::Report;
pub use verdict::Finding;

use nemesis::Nemesis;
use site::Site;
use world::World;

/// How long a lease is here: short, so that much happens in little time.
const LEASE: Duration = Duration::from_secs(1);

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The `keystead` program.
    pub program: PathBuf,
    /// Chooses what fails, and in which order.
    pub seed: u64,
    /// No fault begins after that.
    pub lasts: Duration,
}

/// Runs until the plan's time is over, then fails over to a standby that lacks the last commits, and looks at what the clients saw.
pub fn run(plan: &Plan) -> Report {
    in_a_world(&World::of(plan), plan.seed, |nemesis| {
        let ends = Instant::now() + plan.lasts;
        while Instant::now() < ends {
            nemesis.episode();
        }
        nemesis.lose_commits();
    })
}

/// Runs a build in which this bug is planted, with faults that are aimed at it, until the clients have seen it or the plan's time is over.
pub fn run_planted(plan: &Plan, bug: Bug) -> Report {
    in_a_world(&World::with_bug(plan, bug), plan.seed, |nemesis| {
        let ends = Instant::now() + plan.lasts;
        while Instant::now() < ends && !nemesis.has_found() {
            nemesis.strike(bug.aimed_at());
        }
    })
}

/// Does this while clients are at work, on a thread that is among them.
fn in_a_world(
    start: &(impl Fn() -> World + Sync),
    seed: u64,
    torture: impl Fn(&mut Nemesis) + Sync,
) -> Report {
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            let began = Instant::now();
            let world = start();
            let site = Arc::new(Site::new(&world));
            let clients = clients::start(&site, &world, seed);
            let mut nemesis = Nemesis::new(world, Arc::clone(&site), seed);
            torture(&mut nemesis);
            drop(clients);
            nemesis.report(seed, began.elapsed())
        });
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
