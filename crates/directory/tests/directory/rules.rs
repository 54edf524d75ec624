//! The rules, one at a time, on one thread.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use keystead_directory::Refusal;
use keystead_domain::{Change, KeyRecord, Permission, RoleId};
use keystead_token::Token;

use crate::{at, directory, directory_with, expired_at, key_id, record, refusal, token, user, user_id};

#[test]
fn a_live_key_is_accepted_with_its_creator_and_its_flags() {
    let token = token(1);
    let expires_at = Some(at(100));
    let directory = directory_with([]);
    let record = KeyRecord { expires_at, allow_impersonation: true, ..record(&token, user_id(1)) };
    directory.apply(2, Change::Key(record));
    let verified = directory.verify(token.checked(), at(1)).unwrap();
    assert_eq!((verified.key, verified.allow_impersonation), (record.id, true));
    assert_eq!(verified.expires_at, expires_at);
    assert_eq!(verified.user().id, user_id(1));
    assert!(Arc::ptr_eq(&verified.into_user(), &directory.user(user_id(1)).unwrap()));
}

#[test]
fn a_key_expires_at_the_very_microsecond() {
    let token = token(1);
    let directory = directory_with([]);
    let instant = at(60) + SignedDuration::from_micros(500_001);
    let record = KeyRecord { expires_at: Some(instant), ..record(&token, user_id(1)) };
    directory.apply(2, Change::Key(record));
    assert_eq!(refusal(&directory, &token, instant - SignedDuration::from_micros(1)), None);
    for later in [instant, at(61), Timestamp::MAX] {
        assert_eq!(refusal(&directory, &token, later), Some(expired_at(instant)));
    }
}

#[test]
fn an_expiry_before_1970_has_passed_and_one_after_2106_has_not() {
    let [past, future, never] = [1, 2, 3].map(token);
    let directory = directory_with([&never]);
    let expiring = |token: &Token, at| KeyRecord { expires_at: Some(at), ..record(token, user_id(1)) };
    directory.apply(2, Change::Key(expiring(&past, Timestamp::MIN)));
    directory.apply(3, Change::Key(expiring(&future, Timestamp::MAX)));
    let after_2106: Timestamp = "2200-01-01T00:00:00Z".parse().unwrap();
    for now in [at(0), after_2106] {
        assert_eq!(refusal(&directory, &past, now), Some(expired_at(Timestamp::MIN)));
        assert_eq!(refusal(&directory, &future, now), None);
        assert_eq!(refusal(&directory, &never, now), None);
    }
}

#[test]
fn a_key_of_an_unknown_user_is_refused_until_the_user_comes() {
    let token = token(1);
    let directory = directory();
    directory.apply(1, Change::Key(record(&token, user_id(9))));
    assert_eq!(refusal(&directory, &token, at(0)), Some(Refusal::CreatorInactive));
    assert_eq!((directory.keys(), directory.users()), (1, 0));
    directory.apply(2, Change::User(user(user_id(9), "Ada", true, RoleId::MEMBER)));
    assert_eq!(refusal(&directory, &token, at(0)), None);
    assert_eq!(directory.users(), 1);
}

#[test]
fn a_deactivated_or_deleted_creator_hides_even_that_a_key_expired() {
    let token = token(1);
    let directory = directory_with([]);
    let record = KeyRecord { expires_at: Some(at(5)), ..record(&token, user_id(1)) };
    directory.apply(2, Change::Key(record));
    directory.apply(3, Change::User(user(user_id(1), "Ada", false, RoleId::MEMBER)));
    for now in [at(0), at(5)] {
        assert_eq!(refusal(&directory, &token, now), Some(Refusal::CreatorInactive));
    }
    assert!(!directory.user(user_id(1)).unwrap().active);

    directory.apply(4, Change::User(user(user_id(1), "Ada", true, RoleId::MEMBER)));
    assert_eq!(refusal(&directory, &token, at(0)), None);
    directory.apply(5, Change::UserGone(user_id(1)));
    assert_eq!(refusal(&directory, &token, at(0)), Some(Refusal::CreatorInactive));
    assert!(directory.user(user_id(1)).is_none());
}

#[test]
fn a_permission_that_was_taken_away_is_gone_from_the_creators_keys() {
    let token = token(1);
    let directory = directory_with([&token]);
    let may = || {
        let verified = directory.verify(token.checked(), at(0)).unwrap();
        verified.user().may(&Permission::KEYS_READ_ALL)
    };
    assert!(!may());
    directory.apply(2, Change::User(user(user_id(1), "Ada", true, RoleId::ADMINISTRATOR)));
    assert!(may());
    directory.apply(3, Change::User(user(user_id(1), "Ada", true, RoleId::MEMBER)));
    assert!(!may());
}

#[test]
fn every_one_of_many_users_keeps_their_place() {
    let count: u32 = 5_000;
    let directory = directory();
    let tokens: Vec<Token> = (0..count).map(|n| token(n.into())).collect();
    for (n, token) in (1..).zip(&tokens) {
        directory.apply(1, Change::Key(record(token, user_id(n))));
    }
    for n in 1..=count {
        directory.apply(2, Change::User(user(user_id(n.into()), "Ada", n % 3 != 0, RoleId::MEMBER)));
    }
    for (n, token) in (1..).zip(&tokens) {
        match directory.verify(token.checked(), at(0)) {
            Ok(verified) => assert_eq!((verified.user().id, n % 3 != 0), (user_id(n), true)),
            Err(refusal) => assert_eq!((refusal, n % 3), (Refusal::CreatorInactive, 0)),
        }
    }
}

#[test]
fn while_suspended_everything_is_refused() {
    let [kept, unknown] = [1, 3].map(token);
    let directory = directory_with([&kept]);
    directory.suspend();
    for token in [&kept, &unknown] {
        assert_eq!(refusal(&directory, token, at(0)), Some(Refusal::Unavailable));
    }
    assert_eq!(directory.take_last_used(), []);
}

#[test]
fn a_replayed_change_does_not_bring_a_revoked_key_or_a_lost_role_back() {
    let token = token(1);
    let directory = directory_with([&token]);
    directory.apply(7, Change::KeyRevoked(token.hash()));
    directory.apply(8, Change::UserGone(user_id(1)));
    directory.apply(6, Change::Key(record(&token, user_id(1))));
    directory.apply(6, Change::User(user(user_id(1), "Ada", true, RoleId::ADMINISTRATOR)));
    assert_eq!(refusal(&directory, &token, at(0)), Some(Refusal::Unknown));
    assert!(directory.user(user_id(1)).is_none());
    assert_eq!(directory.sequence(), 8);
}

#[test]
fn last_used_goes_forward_only_and_is_handed_out_once() {
    let token = token(1);
    let directory = directory_with([]);
    let record = KeyRecord { last_used_at: Some(at(10)), ..record(&token, user_id(1)) };
    directory.apply(2, Change::Key(record));
    let use_at = |second| assert_eq!(refusal(&directory, &token, at(second)), None);
    use_at(10);
    use_at(4);
    assert_eq!(directory.take_last_used(), [], "the store knows of a later use");
    for second in [12, 15, 11] {
        use_at(second);
    }
    assert_eq!(directory.take_last_used(), [(record.id, at(15))]);
    assert_eq!(directory.take_last_used(), []);
    use_at(15);
    assert_eq!(directory.take_last_used(), [], "to the second");
}

#[test]
fn a_refused_verification_is_no_use() {
    let token = token(1);
    let directory = directory_with([]);
    let record = KeyRecord { expires_at: Some(at(5)), ..record(&token, user_id(1)) };
    directory.apply(2, Change::Key(record));
    assert!(refusal(&directory, &token, at(5)).is_some());
    assert_eq!(directory.take_last_used(), []);
}

#[test]
fn a_use_that_could_not_be_written_comes_back_but_not_over_a_later_one() {
    let [early, late] = [1, 2].map(token);
    let directory = directory_with([&early, &late]);
    for token in [&early, &late] {
        assert_eq!(refusal(&directory, token, at(1)), None);
    }
    let taken = directory.take_last_used();
    assert_eq!(taken.len(), 2);
    assert_eq!(refusal(&directory, &late, at(2)), None);
    directory.put_back_last_used(&taken);
    let mut again = directory.take_last_used();
    again.sort_by_key(|(_, at)| *at);
    assert_eq!(again, [(key_id(early.hash()), at(1)), (key_id(late.hash()), at(2))]);
}

#[test]
fn the_last_use_of_a_key_that_was_revoked_is_still_handed_out() {
    let token = token(1);
    let directory = directory_with([&token]);
    assert_eq!(refusal(&directory, &token, at(3)), None);
    directory.apply(2, Change::KeyRevoked(token.hash()));
    assert_eq!(directory.take_last_used(), [(key_id(token.hash()), at(3))]);
}

#[test]
fn a_key_takes_at_most_100_bytes_and_gives_them_back_when_it_is_revoked() {
    let tokens: Vec<Token> = (0..20_000).map(token).collect();
    let directory = directory_with(&tokens);
    let full = directory.memory_bytes();
    assert_eq!(directory.keys(), tokens.len());
    assert!(full <= 100 * tokens.len(), "{full} bytes");
    for token in &tokens {
        directory.apply(2, Change::KeyRevoked(token.hash()));
    }
    assert_eq!(directory.keys(), 0);
    assert!(directory.memory_bytes() < full / 2, "{} of {full} bytes", directory.memory_bytes());
}

#[test]
fn what_was_reserved_is_filled_without_another_copy_and_loses_no_key() {
    let early = token(0);
    let directory = directory_with([&early]);
    directory.reserve(20_000);
    let reserved = directory.memory_bytes();
    for n in 1..20_000 {
        let token = token(n);
        directory.apply(2, Change::Key(record(&token, user_id(1))));
    }
    assert_eq!(directory.memory_bytes(), reserved);
    assert_eq!(directory.keys(), 20_000);
    assert_eq!(refusal(&directory, &early, at(1)), None);
    directory.reserve(0);
    assert_eq!(directory.memory_bytes(), reserved, "less is never made of it");
}
