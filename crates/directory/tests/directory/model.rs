//! The directory against a plain map, under any sequence of changes and verifications.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use keystead_directory::{Directory, Refusal};
use keystead_domain::{Change, KeyId, KeyRecord, Permission, Role, User, UserId};
use keystead_token::Token;
use proptest::prelude::*;

use crate::{at, record, token, user, user_id};

const KEYS: usize = 60;
const USERS: usize = 4;

/// Keys that all fall into the same shard, since their hashes begin alike: a few dozen make its table grow again and again.
static TOKENS: LazyLock<Vec<Token>> =
    LazyLock::new(|| (0..).map(token).filter(|token| token.hash().as_bytes()[0] < 4).take(KEYS).collect());

#[derive(Debug, Clone)]
enum Step {
    Key(usize),
    Revoke(usize),
    User {
        user: usize,
        active: bool,
        administrator: bool,
    },
    UserGone(usize),
    Verify {
        key: usize,
        second: i64,
    },
    TakeLastUsed,
    /// What was taken could not be written.
    FailLastUsed,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..KEYS).prop_map(Step::Key),
        3 => (0..KEYS).prop_map(Step::Revoke),
        2 => (0..USERS, any::<bool>(), any::<bool>())
            .prop_map(|(user, active, administrator)| Step::User { user, active, administrator }),
        1 => (0..USERS).prop_map(Step::UserGone),
        9 => (0..KEYS, 0_i64..100).prop_map(|(key, second)| Step::Verify { key, second }),
        1 => Just(Step::TakeLastUsed),
        1 => Just(Step::FailLastUsed),
    ]
}

#[derive(Default)]
struct Model {
    /// Live keys, with their last use.
    keys: HashMap<usize, Option<Timestamp>>,
    users: HashMap<UserId, User>,
    used: HashMap<KeyId, Timestamp>,
}

/// The frozen facts of a key follow from its number.
fn key(n: usize) -> KeyRecord {
    let expires_at = n.is_multiple_of(3).then(|| at(50));
    KeyRecord { expires_at, ..record(&TOKENS[n], creator(n)) }
}

fn creator(n: usize) -> UserId {
    user_id((n % USERS) as u128)
}

impl Model {
    fn verify(&mut self, n: usize, now: Timestamp) -> Result<(KeyId, bool, bool), Refusal> {
        let last_used = self.keys.get_mut(&n).ok_or(Refusal::Unknown)?;
        let user = self.users.get(&creator(n)).filter(|user| user.active).ok_or(Refusal::CreatorInactive)?;
        let key = key(n);
        if let Some(at) = key.expires_at.filter(|at| now >= *at) {
            return Err(Refusal::Expired { at });
        }
        if last_used.is_none_or(|last| last < now) {
            *last_used = Some(now);
            let latest = self.used.entry(key.id).or_insert(now);
            *latest = now.max(*latest);
        }
        Ok((key.id, key.allow_impersonation, user.may(&Permission::IAM_WRITE)))
    }
}

fn verify(directory: &Directory, n: usize, now: Timestamp) -> Result<(KeyId, bool, bool), Refusal> {
    let verified = directory.verify(TOKENS[n].checked(), now)?;
    assert_eq!(verified.user().id, creator(n));
    Ok((verified.key, verified.allow_impersonation, verified.user().may(&Permission::IAM_WRITE)))
}

proptest! {
    #[test]
    fn the_directory_equals_a_plain_map(steps in prop::collection::vec(step(), 1..400)) {
        let directory = Directory::new();
        let mut model = Model::default();
        for (sequence, step) in (1..).zip(steps) {
            match step {
                Step::Key(n) => {
                    model.keys.entry(n).or_default();
                    directory.apply(sequence, Change::Key(key(n)));
                }
                Step::Revoke(n) => {
                    model.keys.remove(&n);
                    directory.apply(sequence, Change::KeyRevoked(TOKENS[n].hash()));
                }
                Step::User { user: n, active, administrator } => {
                    let role = if administrator { Role::Administrator } else { Role::Member };
                    let user = user(user_id(n as u128), "Ada", active, role);
                    model.users.insert(user.id, user.clone());
                    directory.apply(sequence, Change::User(user));
                }
                Step::UserGone(n) => {
                    model.users.remove(&user_id(n as u128));
                    directory.apply(sequence, Change::UserGone(user_id(n as u128)));
                }
                Step::Verify { key, second } => {
                    prop_assert_eq!(verify(&directory, key, at(second)), model.verify(key, at(second)));
                }
                Step::TakeLastUsed => {
                    let taken = directory.take_last_used();
                    prop_assert_eq!(taken.len(), model.used.len(), "each key once");
                    prop_assert_eq!(taken.into_iter().collect::<HashMap<_, _>>(), std::mem::take(&mut model.used));
                }
                Step::FailLastUsed => directory.put_back_last_used(&directory.take_last_used()),
            }
        }
        for n in 0..KEYS {
            prop_assert_eq!(verify(&directory, n, at(0)), model.verify(n, at(0)));
        }
        for n in 0..USERS {
            let id = user_id(n as u128);
            prop_assert_eq!(directory.user(id).map(Arc::unwrap_or_clone), model.users.get(&id).cloned());
        }
        prop_assert_eq!((directory.keys(), directory.users()), (model.keys.len(), model.users.len()));
    }
}
