//! What the directory guarantees, one module for each way to look at it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod allocation;
mod connections;
mod impersonators;
mod model;
mod organizations;
mod readers;
mod rules;

use jiff::{SignedDuration, Timestamp};
use keystead_directory::{Directory, Refusal};
use keystead_domain::{
    Assignment, Assignments, Change, Email, EmailAccess, KeyId, KeyPolicy, KeyRecord, Organization,
    OrganizationId, OrganizationName, OrganizationRecord, PersonName, RoleId, UserId, UserRecord,
};
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
        session_epoch: 0,
        last_used_at: None,
    }
}

fn key_id(hash: TokenHash) -> KeyId {
    KeyId::from_slice(&hash.as_bytes()[16..]).unwrap()
}

fn is_impersonation(hash: TokenHash) -> bool {
    hash.as_bytes()[15] & 1 == 1
}

fn organization_id(n: u128) -> OrganizationId {
    OrganizationId::from_u128(n)
}

/// What is told of what has expired in the first organization.
fn expired_at(at: Timestamp) -> Refusal {
    Refusal::Expired { at, organization: organization_id(1) }
}

/// The `n`-th organization, which has no roles, groups or rules of its own and admits everybody.
fn organization(n: u128) -> OrganizationRecord {
    OrganizationRecord {
        organization: Organization {
            id: organization_id(n),
            name: OrganizationName::from_stored(format!("Organization {n}")),
            created_at: at(0),
            archived_at: None,
        },
        policy: KeyPolicy::default(),
        email_access: EmailAccess::default(),
        roles: Vec::new(),
        groups: Vec::new(),
    }
}

fn change_of(record: OrganizationRecord) -> Change {
    Change::Organization(Box::new(record))
}

/// A user of the first organization.
fn user(id: UserId, name: &str, active: bool, role: RoleId) -> UserRecord {
    UserRecord {
        id,
        organization: organization_id(1),
        email: Email::from_stored(format!("{id}@example.com")),
        name: PersonName::from_stored(name.to_owned()),
        active,
        created_at: at(0),
        assignments: Assignments::from_iter([Assignment::everywhere(role)]),
        groups: Vec::new(),
    }
}

/// A directory that knows the first organization and nobody.
fn directory() -> Directory {
    let directory = Directory::new([]);
    directory.apply(1, change_of(organization(1)));
    directory
}

/// A directory with one active user, [`user_id`]`(1)`, and these of their keys.
fn directory_with<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> Directory {
    let directory = directory();
    directory.apply(1, Change::User(user(user_id(1), "Ada", true, RoleId::MEMBER)));
    for token in tokens {
        directory.apply(1, Change::Key(record(token, user_id(1))));
    }
    directory
}

fn refusal(directory: &Directory, token: &Token, now: Timestamp) -> Option<Refusal> {
    directory.verify(token.checked(), now).err()
}
