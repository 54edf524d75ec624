//! What a session depends on: its key, by id, as verification by token knows it (promises 3 and 7).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use keystead_directory::{Directory, Refusal};
use keystead_domain::{Change, KeyId, KeyRecord, RoleId};
use keystead_token::Token;

use crate::{
    at, change_of, directory_with, expired_at, organization, organization_id, record, token, user, user_id,
};

/// An impersonation key of the first user, whose sessions were ended so often.
fn impersonation(token: &Token, epoch: u32) -> KeyRecord {
    KeyRecord { allow_impersonation: true, session_epoch: epoch, ..record(token, user_id(1)) }
}

fn epoch(directory: &Directory, id: KeyId, now: Timestamp) -> Result<u32, Refusal> {
    directory.impersonation_key(id, now).map(|(creator, epoch)| {
        assert_eq!(creator.id, user_id(1));
        epoch
    })
}

#[test]
fn an_impersonation_key_is_found_by_its_id_with_its_creator_as_of_now() {
    let token = token(1);
    let directory = directory_with([]);
    let key = impersonation(&token, 7);
    directory.apply(2, Change::Key(key));
    let (creator, epoch) = directory.impersonation_key(key.id, at(0)).unwrap();
    assert!(Arc::ptr_eq(&creator, &directory.user(user_id(1)).unwrap()));
    assert_eq!(epoch, 7);
    directory.apply(3, Change::User(user(user_id(1), "Ada", true, RoleId::ADMINISTRATOR)));
    let (creator, _) = directory.impersonation_key(key.id, at(0)).unwrap();
    assert!(
        creator.is_administrator() && directory.take_last_used().is_empty(),
        "a session is no use of its key"
    );
}

#[test]
fn a_plain_key_is_no_impersonation_key_and_neither_is_one_that_is_not_there() {
    let token = token(1);
    let directory = directory_with([]);
    let plain = KeyRecord { allow_impersonation: false, session_epoch: 3, ..record(&token, user_id(1)) };
    directory.apply(2, Change::Key(plain));
    assert!(directory.verify(token.checked(), at(0)).is_ok());
    assert_eq!(epoch(&directory, plain.id, at(0)), Err(Refusal::Unknown));
    assert_eq!(epoch(&directory, KeyId::from_u128(9), at(0)), Err(Refusal::Unknown));
}

#[test]
fn it_expires_at_the_very_nanosecond_at_which_its_token_does() {
    let token = token(1);
    let directory = directory_with([]);
    let key = KeyRecord { expires_at: Some(at(60)), ..impersonation(&token, 0) };
    directory.apply(2, Change::Key(key));
    assert_eq!(epoch(&directory, key.id, at(60) - SignedDuration::from_nanos(1)), Ok(0));
    for later in [at(60), at(61), Timestamp::MAX] {
        assert_eq!(epoch(&directory, key.id, later), Err(expired_at(at(60))));
    }
}

#[test]
fn ending_its_sessions_raises_the_number_and_a_late_copy_of_the_key_does_not_lower_it() {
    let token = token(1);
    let directory = directory_with([]);
    let key = impersonation(&token, 0);
    directory.apply(2, Change::Key(key));
    for (sequence, raised) in [(3, 1), (4, 2), (5, u32::MAX)] {
        directory.apply(sequence, Change::Key(impersonation(&token, raised)));
        assert_eq!(epoch(&directory, key.id, at(0)), Ok(raised));
        assert!(directory.verify(token.checked(), at(0)).is_ok(), "the key goes on working");
    }
    directory.apply(4, Change::Key(key));
    assert_eq!(epoch(&directory, key.id, at(0)), Ok(u32::MAX), "a replay");
    assert_eq!(directory.keys(), 1);
}

#[test]
fn a_revoked_one_is_gone_for_good() {
    let [revoked, other] = [1, 2].map(token);
    let directory = directory_with([]);
    for token in [&revoked, &other] {
        directory.apply(2, Change::Key(impersonation(token, 0)));
    }
    directory.apply(3, Change::KeyRevoked(revoked.hash()));
    assert_eq!(epoch(&directory, impersonation(&revoked, 0).id, at(0)), Err(Refusal::Unknown));
    directory.apply(2, Change::Key(impersonation(&revoked, 0)));
    assert_eq!(epoch(&directory, impersonation(&revoked, 0).id, at(0)), Err(Refusal::Unknown), "a replay");
    assert_eq!(epoch(&directory, impersonation(&other, 0).id, at(0)), Ok(0));
}

#[test]
fn it_works_as_long_as_its_creator_may_act() {
    let token = token(1);
    let directory = directory_with([]);
    let key = KeyRecord { expires_at: Some(at(50)), ..impersonation(&token, 0) };
    directory.apply(2, Change::Key(key));
    let ada = |active| Change::User(user(user_id(1), "Ada", active, RoleId::MEMBER));
    let archived = || {
        let mut record = organization(1);
        record.organization.archived_at = Some(at(0));
        record
    };
    let steps = [
        (ada(false), false),
        (ada(true), true),
        (change_of(archived()), false),
        (change_of(organization(1)), true),
        (Change::UserGone(user_id(1)), false),
    ];
    for (sequence, (change, works)) in (3..).zip(steps) {
        directory.apply(sequence, change);
        let expected = if works { Ok(0) } else { Err(Refusal::CreatorInactive) };
        assert_eq!(epoch(&directory, key.id, at(0)), expected, "change {sequence}");
    }
    assert_eq!(
        epoch(&directory, key.id, at(60)),
        Err(Refusal::CreatorInactive),
        "also hides that it expired"
    );
    assert!(directory.organization(organization_id(1)).is_some());
}

#[test]
fn a_node_that_may_have_missed_a_revocation_knows_no_impersonation_key() {
    let token = token(1);
    let directory = directory_with([]);
    let key = impersonation(&token, 0);
    directory.apply(2, Change::Key(key));
    directory.suspend();
    for id in [key.id, KeyId::from_u128(9)] {
        assert_eq!(epoch(&directory, id, at(0)), Err(Refusal::Unavailable));
    }
}

/// The first load tells all under one number, and a key perhaps before its creator.
#[test]
fn it_is_known_after_a_first_load_whatever_came_first() {
    let token = token(1);
    let key = impersonation(&token, 4);
    let loading = Directory::new([]);
    loading.reserve(10);
    loading.apply(0, Change::Key(key));
    assert_eq!(epoch(&loading, key.id, at(0)), Err(Refusal::CreatorInactive));
    loading.apply(0, change_of(organization(1)));
    loading.apply(0, Change::User(user(user_id(1), "Ada", true, RoleId::MEMBER)));
    loading.loaded(99);
    assert_eq!(epoch(&loading, key.id, at(0)), Ok(4));
}
