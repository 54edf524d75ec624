//! What clients know: the nodes, the keys, and what was answered so far.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keystead_test_hosts::{KeyId, Kind, Outcome, Recorder};

use crate::cli::Program;
use crate::http::{Answer, Http, Made};
use crate::random::Random;
use crate::world::World;

/// Keys that are remembered after their revocation, to see whether they come back.
const REMEMBERED: usize = 400;

/// A key, and how it is checked.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) number: KeyId,
    /// Whose it is.
    pub(crate) organization: usize,
    /// Its id in Keystead; empty where nobody needs it.
    pub(crate) id: String,
    pub(crate) token: String,
    /// What its creator must hold for it to count as accepted.
    pub(crate) permission: Option<&'static str>,
}

/// An organization, by a key of its administrator's.
pub(crate) struct Organization {
    pub(crate) key: KeyId,
    pub(crate) token: String,
}

#[derive(Default)]
struct Keys {
    live: Vec<Arc<Key>>,
    dead: Vec<Arc<Key>>,
}

pub(crate) struct Site {
    pub(crate) recorder: Recorder,
    /// The nodes' addresses.
    pub(crate) nodes: Vec<String>,
    /// As many as there are nodes: a log each, so that one need not wait for another's.
    pub(crate) organizations: Vec<Organization>,
    pub(crate) program: Program,
    http: Http,
    keys: Mutex<Keys>,
    next: AtomicU64,
    odd: Mutex<Vec<String>>,
    is_quiet: AtomicBool,
}

impl Site {
    /// Of a world that has just begun, with its first keys.
    pub(crate) fn new(world: &World) -> Self {
        let recorder = Recorder::new();
        let mut organizations = Vec::new();
        for (number, token) in (0..).zip(world.administrators()) {
            let key = KeyId(number);
            recorder.ask(0, 0, key, Kind::Create { by: None, expires: None }).answered(Outcome::Accepted);
            organizations.push(Organization { key, token: token.clone() });
        }
        let next = AtomicU64::new(u64::try_from(organizations.len()).expect("64 bits"));
        Self {
            recorder,
            nodes: world.urls(),
            organizations,
            program: world.program().clone(),
            http: Http::new(),
            keys: Mutex::default(),
            next,
            odd: Mutex::default(),
            is_quiet: AtomicBool::new(false),
        }
    }

    pub(crate) fn new_number(&self) -> KeyId {
        KeyId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether clients leave the keys as they are for the moment.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::Relaxed)
    }

    pub(crate) fn be_quiet(&self, quiet: bool) {
        self.is_quiet.store(quiet, Ordering::Relaxed);
    }

    /// Makes a key in an organization.
    pub(crate) async fn create(&self, client: u32, node: usize, organization: usize) -> Option<Arc<Key>> {
        let number = self.new_number();
        let Organization { key, token } = &self.organizations[organization];
        let kind = Kind::Create { by: Some(*key), expires: None };
        let asked = self.recorder.ask(client, name(node), number, kind);
        match self.http.create(&self.nodes[node], token, &format!("key {}", number.0)).await {
            Answer::Accepted(made) => {
                asked.answered(Outcome::Accepted);
                let Made { id, token } = made;
                Some(Arc::new(Key { number, organization, id, token, permission: None }))
            }
            Answer::Denied => {
                asked.answered(Outcome::Denied);
                None
            }
            Answer::Unknown => None,
            Answer::Odd(what) => self.is_odd("creation", &what),
        }
    }

    /// Whether a key is accepted, as far as that was said.
    pub(crate) async fn verify(&self, client: u32, node: usize, key: &Key) {
        let asked = self.recorder.ask(client, name(node), key.number, Kind::Verify);
        match self.http.verify(&self.nodes[node], &key.token, key.permission).await {
            Answer::Accepted(()) => asked.answered(Outcome::Accepted),
            Answer::Denied => asked.answered(Outcome::Denied),
            Answer::Unknown => {}
            Answer::Odd(what) => _ = self.is_odd::<()>("verification", &what),
        }
    }

    /// Revokes a key, then asks all nodes at once. Nobody waits for what they say.
    pub(crate) async fn revoke(self: &Arc<Self>, client: u32, node: usize, key: Arc<Key>) {
        let asked = self.recorder.ask(client, name(node), key.number, Kind::Revoke);
        let token = &self.organizations[key.organization].token;
        match self.http.revoke(&self.nodes[node], token, &key.id).await {
            Answer::Accepted(()) => asked.answered(Outcome::Accepted),
            Answer::Denied => asked.answered(Outcome::Denied),
            Answer::Unknown => drop(asked),
            Answer::Odd(what) => _ = self.is_odd::<()>("revocation", &what),
        }
        self.has_died(client, key);
    }

    /// Asks all nodes about a key that was revoked, or may have been, and remembers it.
    pub(crate) fn has_died(self: &Arc<Self>, client: u32, key: Arc<Key>) {
        for node in 0..self.nodes.len() {
            let (site, key) = (Arc::clone(self), Arc::clone(&key));
            tokio::spawn(async move { site.verify(client, node, &key).await });
        }
        let mut keys = self.keys();
        if keys.dead.len() == REMEMBERED {
            keys.dead.remove(0);
        }
        keys.dead.push(key);
    }

    pub(crate) fn is_alive(&self, key: Arc<Key>) {
        self.keys().live.push(key);
    }

    /// Takes any key of those that live, if there are more than so many.
    pub(crate) fn take_alive(&self, more_than: usize, random: &mut Random) -> Option<Arc<Key>> {
        let live = &mut self.keys().live;
        (live.len() > more_than).then(|| live.swap_remove(random.below(live.len())))
    }

    /// Any key: one that lives, one of those that died last, or one that died long ago.
    pub(crate) fn any(&self, random: &mut Random) -> Option<Arc<Key>> {
        let keys = self.keys();
        let dead = keys.dead.as_slice();
        let those = match random.below(4) {
            0 | 1 => keys.live.as_slice(),
            2 => &dead[dead.len().saturating_sub(10)..],
            _ => dead,
        };
        (!those.is_empty()).then(|| Arc::clone(&those[random.below(those.len())]))
    }

    /// Answers that there should not have been.
    pub(crate) fn odd(&self) -> Vec<String> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_odd<T>(&self, asked: &str, what: &str) -> Option<T> {
        let at = self.recorder.now().as_secs_f64();
        let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        odd.push(format!("{at:.3} s: a {asked} was answered by {what}"));
        None
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node as histories name it.
fn name(node: usize) -> u32 {
    u32::try_from(node).expect("few nodes")
}
