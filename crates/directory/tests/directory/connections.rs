//! What an access token depends on: the connection, by id, and the user behind it (promises 1 and 3).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use keystead_directory::{Directory, Refusal};
use keystead_domain::{Change, ConnectionId, ConnectionRecord, RoleId, UserId};

use crate::{at, change_of, directory_with, expired_at, organization, user, user_id};

fn id(n: u128) -> ConnectionId {
    ConnectionId::from_u128(n)
}

fn connection(n: u128, user: UserId) -> Change {
    Change::Connection(ConnectionRecord { id: id(n), user, ends_at: at(60) })
}

fn ada(active: bool, role: RoleId) -> Change {
    Change::User(user(user_id(1), "Ada", active, role))
}

fn refusal(directory: &Directory, n: u128, now: Timestamp) -> Option<Refusal> {
    directory.connection(id(n), now).err()
}

#[test]
fn a_connection_is_found_by_its_id_with_its_user_as_of_now() {
    let directory = directory_with([]);
    assert_eq!(refusal(&directory, 5, at(0)), Some(Refusal::Unknown));
    directory.apply(2, connection(5, user_id(1)));
    let found = directory.connection(id(5), at(0)).unwrap();
    assert!(Arc::ptr_eq(&found, &directory.user(user_id(1)).unwrap()));
    assert_eq!(refusal(&directory, 6, at(0)), Some(Refusal::Unknown));
    directory.apply(3, ada(true, RoleId::ADMINISTRATOR));
    assert!(directory.connection(id(5), at(0)).unwrap().is_administrator());
    directory.apply(4, ada(true, RoleId::MEMBER));
    assert!(!directory.connection(id(5), at(0)).unwrap().is_administrator());
}

#[test]
fn it_ends_at_the_very_nanosecond() {
    let directory = directory_with([]);
    directory.apply(2, connection(5, user_id(1)));
    assert_eq!(refusal(&directory, 5, at(60) - SignedDuration::from_nanos(1)), None);
    for later in [at(60), at(61), Timestamp::MAX] {
        assert_eq!(refusal(&directory, 5, later), Some(expired_at(at(60))));
    }
}

#[test]
fn one_that_was_ended_is_gone_for_good_and_no_other() {
    let directory = directory_with([]);
    directory.apply(2, connection(5, user_id(1)));
    directory.apply(3, connection(6, user_id(1)));
    directory.apply(4, Change::ConnectionEnded(id(5)));
    assert_eq!(refusal(&directory, 5, at(0)), Some(Refusal::Unknown));
    directory.apply(2, connection(5, user_id(1)));
    assert_eq!(refusal(&directory, 5, at(0)), Some(Refusal::Unknown), "a replay");
    directory.apply(5, Change::ConnectionEnded(id(5)));
    directory.apply(6, Change::ConnectionEnded(id(9)));
    assert_eq!((refusal(&directory, 6, at(0)), directory.sequence()), (None, 6));
}

#[test]
fn it_works_as_long_as_its_user_may_act() {
    let directory = directory_with([]);
    directory.apply(2, connection(5, user_id(1)));
    let archived = || {
        let mut record = organization(1);
        record.organization.archived_at = Some(at(0));
        record
    };
    let steps = [
        (ada(false, RoleId::MEMBER), false),
        (ada(true, RoleId::MEMBER), true),
        (change_of(archived()), false),
        (change_of(organization(1)), true),
        (Change::UserGone(user_id(1)), false),
    ];
    for (sequence, (change, works)) in (3..).zip(steps) {
        directory.apply(sequence, change);
        let expected = (!works).then_some(Refusal::CreatorInactive);
        assert_eq!(refusal(&directory, 5, at(0)), expected, "change {sequence}");
    }
    assert_eq!(
        refusal(&directory, 5, at(60)),
        Some(Refusal::CreatorInactive),
        "also hides that it has run out"
    );
}

#[test]
fn a_node_that_may_have_missed_something_knows_no_connection() {
    let directory = directory_with([]);
    directory.apply(2, connection(5, user_id(1)));
    directory.suspend();
    for n in [5, 9] {
        assert_eq!(refusal(&directory, n, at(0)), Some(Refusal::Unavailable));
    }
}

/// The first load tells all under one number, and a connection perhaps before its user.
#[test]
fn it_is_known_after_a_first_load_whatever_came_first() {
    let loading = Directory::new([]);
    loading.apply(0, connection(5, user_id(1)));
    assert_eq!(refusal(&loading, 5, at(0)), Some(Refusal::CreatorInactive));
    loading.apply(0, change_of(organization(1)));
    loading.apply(0, ada(true, RoleId::MEMBER));
    loading.loaded(99);
    assert_eq!(refusal(&loading, 5, at(0)), None);
}
