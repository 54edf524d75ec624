//! Who asks: for each node two that make and revoke keys and one that checks them, and an operator.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use keystead_test_hosts::{Kind, Outcome};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::random::Random;
use crate::site::{Key, Site};
use crate::world::{PEOPLE, World};

/// Clients that make and revoke keys, for each node.
const WRITERS: usize = 2;
/// Keys that are left alone, so that there are some that must be accepted.
const LEFT_ALONE: usize = 60;
/// A permission that the operator takes away from people.
const PERMISSION: &str = "iam:write";

/// Clients at work, on a thread of their own; dropped, they stop.
pub(crate) struct Clients {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts them where this thread is.
pub(crate) fn start(site: &Arc<Site>, world: &World, seed: u64) -> Clients {
    let (stop, mut stopped) = watch::channel(false);
    let site = Arc::clone(site);
    let nodes = world.urls().len();
    let thread = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut clients = JoinSet::new();
            let mut client = 0;
            let mut new = || {
                client += 1;
                (Arc::clone(&site), client, Random::new(seed ^ (u64::from(client) << 32)))
            };
            for node in 0..nodes {
                for _ in 0..WRITERS {
                    let (site, client, random) = new();
                    clients.spawn(write(site, client, node, random));
                }
                let (site, client, random) = new();
                clients.spawn(check(site, client, node, random));
            }
            let (site, client, random) = new();
            clients.spawn(operate(site, client, random));
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => {}
                Some(ended) = clients.join_next() => ended.expect("a client goes on until it is stopped"),
            }
        });
        // What is still on its way counts as never answered.
        runtime.shutdown_background();
    });
    Clients { stop, thread: Some(thread) }
}

impl Drop for Clients {
    fn drop(&mut self) {
        _ = self.stop.send(true);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "a client failed");
    }
}

/// Makes and revokes keys of an organization, mostly on its own node.
async fn write(site: Arc<Site>, client: u32, home: usize, mut random: Random) {
    let nodes = site.nodes.len();
    loop {
        sleep(random.millis(20, 80)).await;
        if site.is_quiet() {
            continue;
        }
        let mut node = || if random.percent(75) { home } else { random.below(nodes) };
        let (makes, revokes) = (node(), node());
        let Some(key) = site.create(client, makes, home).await else { continue };
        // One that was just made, or one that lived for a while.
        if random.percent(50) {
            site.revoke(client, revokes, key).await;
        } else {
            site.is_alive(key);
        }
        if let Some(key) = site.take_alive(LEFT_ALONE, &mut random) {
            site.revoke(client, revokes, key).await;
        }
    }
}

/// Checks keys on its node.
async fn check(site: Arc<Site>, client: u32, node: usize, mut random: Random) {
    loop {
        sleep(random.millis(5, 35)).await;
        if let Some(key) = site.any(&mut random) {
            site.verify(client, node, &key).await;
        }
    }
}

/// Adds people, and then deactivates them or takes their role away, by commands.
async fn operate(site: Arc<Site>, client: u32, mut random: Random) {
    let program = &site.program;
    for person in 0.. {
        sleep(random.millis(1_000, 3_000)).await;
        let email = format!("person{person}@example.com");
        let is_role = random.percent(50);
        let role = if is_role { "administrator" } else { "member" };
        let add = ["user", "add", &email, "--role", role, "--organization", PEOPLE];
        if program.run(&add).await.is_none() {
            continue;
        }
        let number = site.new_number();
        let asked = site.recorder.ask(client, OPERATOR, number, Kind::Create { by: None, expires: None });
        let make = ["key", "create", "--user", &email, "--name", "key", "--expires", "never"];
        let Some(token) = program.run(&make).await else { continue };
        asked.answered(Outcome::Accepted);
        let permission = is_role.then_some(PERMISSION);
        let key = Arc::new(Key { number, organization: 0, id: String::new(), token, permission });
        for node in 0..site.nodes.len() {
            site.verify(client, node, &key).await;
        }
        let asked = site.recorder.ask(client, OPERATOR, number, Kind::Revoke);
        let demote = ["user", "set-roles", &email, "member"];
        let deactivate = ["user", "deactivate", &email];
        let done = program.run(if is_role { &demote } else { &deactivate }).await;
        match done {
            Some(_) => asked.answered(Outcome::Accepted),
            None => drop(asked),
        }
        site.has_died(client, key);
    }
}

/// How histories name the nodes that commands are.
pub(crate) const OPERATOR: u32 = 9;
