//! What fails, one thing after another.

use std::fmt;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::failover::Loss;
use crate::random::Random;
use crate::report::Report;
use crate::site::Site;
use crate::verdict::{Finding, judge};
use crate::world::{NODES, WITH_OWN_CLOCK, World};
use crate::{LEASE, failover};

/// How long an answer takes that a node is stopped before.
const ON_ITS_WAY: Duration = Duration::from_millis(120);

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A node and the database hear nothing of each other.
    Cut,
    /// One of them does not hear the other.
    CutOneWay,
    /// A third of their packets are lost.
    Loss,
    /// Packets from the database to a node are late.
    Delay,
    /// A node is stopped for longer than a lease while it waits for what the database has answered, and goes on without the database.
    LateAnswer,
    /// A node hears nobody, and nobody hears it.
    Isolation,
    /// A node's process is stopped for longer than a lease, and goes on.
    Stop,
    /// The same, and it goes on without its database.
    StopAndCut,
    /// A node is killed and started again.
    Kill,
    /// The wall clock of a node is shifted by hours.
    Clock,
    /// The database is stopped in order and started again.
    Restart,
    /// All the database's processes are killed.
    Crash,
    /// All the database's processes stand still.
    Freeze,
    /// The database's host is lost, and its synchronous standby takes its place.
    FailOver,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Cut,
        Self::CutOneWay,
        Self::Loss,
        Self::Delay,
        Self::LateAnswer,
        Self::Isolation,
        Self::Stop,
        Self::StopAndCut,
        Self::Kill,
        Self::Clock,
        Self::Restart,
        Self::Crash,
        Self::Freeze,
        Self::FailOver,
    ];
}

/// One thing that failed, and when, on the history's clock.
#[derive(Debug, Clone)]
pub struct Episode {
    /// What, and whom it hit.
    pub what: String,
    /// When it began.
    pub began: Duration,
    /// When it was over.
    pub healed: Duration,
    /// When all nodes were ready again.
    pub ready: Duration,
}

impl fmt::Display for Episode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, began, healed, ready } = self;
        let [began, healed, ready] = [began, healed, ready].map(Duration::as_secs_f64);
        write!(f, "{began:8.3} to {healed:8.3} s, ready at {ready:8.3} s: {what}")
    }
}

pub(crate) struct Nemesis {
    world: World,
    site: Arc<Site>,
    random: Random,
    /// What is left of this round through all of them.
    faults: Vec<Fault>,
    episodes: Vec<Episode>,
    loss: Option<Loss>,
}

impl Nemesis {
    pub(crate) fn new(world: World, site: Arc<Site>, seed: u64) -> Self {
        Self { world, site, random: Random::new(seed), faults: Vec::new(), episodes: Vec::new(), loss: None }
    }

    /// The next fault: each once in a random order, then again in another.
    pub(crate) fn episode(&mut self) {
        if self.faults.is_empty() {
            self.faults = Fault::ALL.to_vec();
            self.random.shuffle(&mut self.faults);
        }
        let fault = self.faults.pop().expect("there are faults");
        self.strike(fault);
    }

    /// Lets it fail, heals it, and returns when all nodes are ready again.
    pub(crate) fn strike(&mut self, fault: Fault) {
        let began = self.site.recorder.now();
        let what = self.fail(fault);
        let healed = self.site.recorder.now();
        self.world.heal();
        let ready = self.site.recorder.now();
        self.episodes.push(Episode { what, began, healed, ready });
        sleep(self.random.millis(200, 600));
    }

    /// What failed for a while, in words.
    fn fail(&mut self, fault: Fault) -> String {
        let Self { world, site, random, .. } = self;
        let node = random.below(NODES.len());
        let (name, database) = (NODES[node], world.database_host());
        // So that leases run out.
        let long = random.millis(1_300, 2_800);
        match fault {
            Fault::Cut => {
                world.hosts.cut(name, database);
                sleep(long);
                format!("{name} and the database were cut off from each other")
            }
            Fault::CutOneWay => {
                let ways = [(name, database), (database, name)];
                let (from, to) = ways[random.below(2)];
                world.hosts.cut_one_way(from, to);
                sleep(long);
                format!("nothing came from {from} to {to}")
            }
            Fault::Loss => {
                world.hosts.lose(name, database, 33);
                world.hosts.lose(database, name, 33);
                sleep(long);
                format!("a third of the packets between {name} and the database were lost")
            }
            Fault::Delay => {
                let by = random.millis(20, 200);
                world.hosts.delay(database, name, by);
                sleep(long * 2);
                format!("packets from the database to {name} took {by:?}")
            }
            Fault::LateAnswer => {
                // With nothing to read, the next answer is all that the node waits for.
                site.be_quiet(true);
                world.hosts.delay(database, name, ON_ITS_WAY);
                sleep(LEASE);
                world.wait_for_answer(node);
                world.stop_node(node, true);
                site.be_quiet(false);
                sleep(ON_ITS_WAY * 2);
                world.hosts.cut(name, database);
                // A lease in all, and soon enough for the node not to give up the question that it asked.
                sleep(LEASE * 7 / 10);
                world.stop_node(node, false);
                sleep(LEASE);
                format!("{name} was stopped while it waited for an answer, and went on without the database")
            }
            Fault::Isolation => {
                world.hosts.isolate(name);
                sleep(long);
                format!("{name} was cut off from everybody")
            }
            Fault::Stop => {
                world.stop_node(node, true);
                sleep(long);
                format!("{name} was stopped and went on")
            }
            Fault::StopAndCut => {
                world.stop_node(node, true);
                sleep(long);
                world.hosts.cut(name, database);
                world.stop_node(node, false);
                sleep(LEASE);
                format!("{name} was stopped and went on without the database")
            }
            Fault::Kill => {
                world.kill_node(node);
                // Its lease may not have ended when it is there again.
                if random.percent(50) {
                    sleep(long);
                }
                format!("{name} was killed and started again")
            }
            Fault::Clock => {
                let hours = [-3, -2, 2, 3][random.below(4)];
                world.shift_clock(60 * hours);
                sleep(long + LEASE);
                format!("the wall clock of {} was {hours} h off", NODES[WITH_OWN_CLOCK])
            }
            Fault::Restart => {
                world.primary().stop();
                sleep(random.millis(0, 1_500));
                world.primary().start_again();
                "the database was restarted".to_owned()
            }
            Fault::Crash => {
                world.primary().crash();
                sleep(random.millis(0, 1_500));
                world.primary().start_again();
                "the database crashed".to_owned()
            }
            Fault::Freeze => {
                world.primary().pause();
                sleep(long);
                "the database stood still".to_owned()
            }
            Fault::FailOver => failover::to_synchronous_standby(world),
        }
    }

    /// Fails over to a standby that lacks the last commits. That is the end of the store: nobody serves it any more.
    pub(crate) fn lose_commits(&mut self) {
        let began = self.site.recorder.now();
        let loss = failover::losing_commits(&mut self.world, &self.site.recorder);
        let healed = self.site.recorder.now();
        let what = "the database failed over and lost its last commits".to_owned();
        self.episodes.push(Episode { what, began, healed, ready: healed });
        self.loss = Some(loss);
    }

    /// Whether clients saw a key accepted after its revocation had returned.
    pub(crate) fn has_found(&self) -> bool {
        self.findings().iter().any(Finding::is_revoked_and_accepted)
    }

    fn findings(&self) -> Vec<Finding> {
        judge(&self.site.recorder.history(), self.loss.as_ref())
    }

    /// What came of it all.
    pub(crate) fn report(self, seed: u64, took: Duration) -> Report {
        let findings = self.findings();
        let odd = self.site.odd();
        let history = self.site.recorder.history();
        let is_wrong = !findings.is_empty() || !odd.is_empty();
        let logs = (is_wrong && self.world.program().bug.is_none()).then(|| self.world.keep_logs());
        Report::new(seed, took, self.episodes, &history, findings, odd, logs)
    }
}
