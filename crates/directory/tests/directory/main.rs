//! What the directory guarantees, one module for each way to look at it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod allocation;
mod model;
mod readers;
mod rules;

use jiff::{SignedDuration, Timestamp};
use keystead_directory::{Directory, Refusal};
use keystead_domain::{Change, Email, KeyId, KeyRecord, OrganizationId, PersonName, Role, User, UserId};
use keystead_token::{Prefix, Token, TokenHash};

/// Nearly all tests play on this day.
fn at(second: i64) -> Timestamp {
    let midnight: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    midnight + SignedDuration::from_secs(second)
}

/// The `n`-th test token. It opens nothing.
fn token(n: u64) -> Token {
    let mut secret = [0x5a; 32];
    secret[..8].copy_from_slice(&n.to_be_bytes());
    Token::mint(&Prefix::key_default(), &secret)
}

fn user_id(n: u128) -> UserId {
    UserId::from_u128(n)
}

/// A key whose id and flag follow from its hash, so that a reader can tell parts of two keys from one whole.
fn record(token: &Token, creator: UserId) -> KeyRecord {
    let hash = token.hash();
    KeyRecord {
        id: key_id(hash),
        hash,
        creator,
        allow_impersonation: is_impersonation(hash),
        expires_at: None,
        last_used_at: None,
    }
}

fn key_id(hash: TokenHash) -> KeyId {
    KeyId::from_slice(&hash.as_bytes()[16..]).unwrap()
}

fn is_impersonation(hash: TokenHash) -> bool {
    hash.as_bytes()[15] & 1 == 1
}

fn user(id: UserId, name: &str, active: bool, role: Role) -> User {
    let email = Email::from_stored(format!("{id}@example.com"));
    let name = PersonName::from_stored(name.to_owned());
    User::new(id, OrganizationId::from_u128(1), email, name, active, at(0), vec![role])
}

/// A directory with one active user, [`user_id`]`(1)`, and these of their keys.
fn directory_with<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> Directory {
    let directory = Directory::new();
    directory.apply(1, Change::User(user(user_id(1), "Ada", true, Role::Member)));
    for token in tokens {
        directory.apply(1, Change::Key(record(token, user_id(1))));
    }
    directory
}

fn refusal(directory: &Directory, token: &Token, now: Timestamp) -> Option<Refusal> {
    directory.verify(token.checked(), now).err()
}
