//! The directory against a plain map, under any sequence of changes and verifications.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use keystead_directory::{Directory, Refusal};
use keystead_domain::{
    Change, KeyId, KeyRecord, OrganizationId, OrganizationRecord, OrganizationState, Permission, RoleId,
    Standing, User, UserId, UserRecord,
};
use keystead_token::Token;
use proptest::prelude::*;

use crate::organizations::{Settings, assigned, record_of, reports};
use crate::{at, change_of, organization_id, record, token, user, user_id};

const KEYS: usize = 60;
const USERS: usize = 4;

/// Keys that all fall into the same shard, since their hashes begin alike: a few dozen make its table grow again and again.
static TOKENS: LazyLock<Vec<Token>> =
    LazyLock::new(|| (0..).map(token).filter(|token| token.hash().as_bytes()[0] < 4).take(KEYS).collect());

#[derive(Debug, Clone)]
enum Step {
    Key(usize),
    Revoke(usize),
    /// All sessions that the key has minted.
    EndSessions(usize),
    User {
        user: usize,
        active: bool,
        administrator: bool,
        member: bool,
    },
    /// The second organization is not known until this comes.
    Organization {
        organization: u128,
        settings: Settings,
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
        3 => (0..KEYS).prop_map(Step::EndSessions),
        2 => (0..USERS, any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(user, active, administrator, member)| Step::User { user, active, administrator, member }),
        2 => (1_u128..=2, any::<[bool; 4]>()).prop_map(|(organization, settings)| Step::Organization {
            organization,
            settings: Settings::from(settings),
        }),
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
    /// How often the sessions of each key were ended.
    epochs: HashMap<usize, u32>,
    users: HashMap<UserId, UserRecord>,
    organizations: HashMap<OrganizationId, OrganizationRecord>,
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

/// Half of the users are of each organization.
fn organization_of(user: usize) -> OrganizationId {
    organization_id(user as u128 % 2 + 1)
}

/// What a verification tells: the key, its flag, and what its creator may do.
type Told = (KeyId, bool, [bool; 2]);

fn powers(user: &User) -> [bool; 2] {
    [&Permission::IAM_WRITE, &reports()].map(|permission| user.may(permission))
}

impl Model {
    /// A user as they would be were they resolved anew.
    fn user(&self, id: UserId) -> Option<User> {
        let record = self.users.get(&id)?.clone();
        Some(match self.organizations.get(&record.organization) {
            Some(organization) => User::new(record, &OrganizationState::new(organization.clone(), &[])),
            None => User::of_unknown_organization(record),
        })
    }

    /// A key as a change tells it.
    fn key(&self, n: usize) -> KeyRecord {
        KeyRecord { session_epoch: self.epochs.get(&n).copied().unwrap_or(0), ..key(n) }
    }

    /// What a session of a key depends on.
    fn impersonation(&self, n: usize, now: Timestamp) -> Result<([bool; 2], u32), Refusal> {
        let key = self.key(n);
        if !key.allow_impersonation || !self.keys.contains_key(&n) {
            return Err(Refusal::Unknown);
        }
        let user = self.user(creator(n)).filter(User::may_act).ok_or(Refusal::CreatorInactive)?;
        match key.expires_at.filter(|at| now >= *at) {
            Some(at) => Err(Refusal::Expired { at, organization: user.organization }),
            None => Ok((powers(&user), key.session_epoch)),
        }
    }

    fn verify(&mut self, n: usize, now: Timestamp) -> Result<Told, Refusal> {
        let user = self.user(creator(n)).filter(User::may_act);
        let last_used = self.keys.get_mut(&n).ok_or(Refusal::Unknown)?;
        let user = user.ok_or(Refusal::CreatorInactive)?;
        let key = key(n);
        if let Some(at) = key.expires_at.filter(|at| now >= *at) {
            return Err(Refusal::Expired { at, organization: user.organization });
        }
        if last_used.is_none_or(|last| last < now) {
            *last_used = Some(now);
            let latest = self.used.entry(key.id).or_insert(now);
            *latest = now.max(*latest);
        }
        Ok((key.id, key.allow_impersonation, powers(&user)))
    }
}

fn verify(directory: &Directory, n: usize, now: Timestamp) -> Result<Told, Refusal> {
    let verified = directory.verify(TOKENS[n].checked(), now)?;
    assert_eq!(verified.user().id, creator(n));
    Ok((verified.key, verified.allow_impersonation, powers(verified.user())))
}

fn impersonation(directory: &Directory, n: usize, now: Timestamp) -> Result<([bool; 2], u32), Refusal> {
    let (creator, epoch) = directory.impersonation_key(key(n).id, now)?;
    Ok((powers(&creator), epoch))
}

type State = (Arc<UserRecord>, Standing, [bool; 2], usize);

fn state(user: &User) -> State {
    (Arc::clone(user.record()), user.standing(), powers(user), user.groups().len())
}

proptest! {
    #[test]
    fn the_directory_equals_a_plain_map(steps in prop::collection::vec(step(), 1..400)) {
        let directory = crate::directory();
        let mut model = Model::default();
        model.organizations.insert(organization_id(1), crate::organization(1));
        for (sequence, step) in (1..).zip(steps) {
            match step {
                Step::Key(n) => {
                    model.keys.entry(n).or_default();
                    directory.apply(sequence, Change::Key(model.key(n)));
                }
                Step::Revoke(n) => {
                    model.keys.remove(&n);
                    directory.apply(sequence, Change::KeyRevoked(TOKENS[n].hash()));
                }
                Step::EndSessions(n) => {
                    if model.keys.contains_key(&n) {
                        *model.epochs.entry(n).or_default() += 1;
                        directory.apply(sequence, Change::Key(model.key(n)));
                    }
                }
                Step::Organization { organization, settings } => {
                    let record = record_of(organization, settings);
                    model.organizations.insert(record.organization.id, record.clone());
                    directory.apply(sequence, change_of(record));
                }
                Step::User { user: n, active, administrator, member } => {
                    let user = user(user_id(n as u128), "Ada", active, RoleId::ADMINISTRATOR);
                    let user = assigned(user, organization_of(n), administrator, member);
                    model.users.insert(user.id, user.clone());
                    directory.apply(sequence, Change::User(user));
                }
                Step::UserGone(n) => {
                    model.users.remove(&user_id(n as u128));
                    directory.apply(sequence, Change::UserGone(user_id(n as u128)));
                }
                Step::Verify { key, second } => {
                    prop_assert_eq!(verify(&directory, key, at(second)), model.verify(key, at(second)));
                    let told = impersonation(&directory, key, at(second));
                    prop_assert_eq!(told, model.impersonation(key, at(second)));
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
            prop_assert_eq!(impersonation(&directory, n, at(0)), model.impersonation(n, at(0)));
        }
        for n in 0..USERS {
            let id = user_id(n as u128);
            prop_assert_eq!(directory.user(id).as_deref().map(state), model.user(id).as_ref().map(state));
        }
        prop_assert_eq!((directory.keys(), directory.users()), (model.keys.len(), model.users.len()));
    }
}
