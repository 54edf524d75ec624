//! Readers that hammer while the one writer changes, grows and replaces tables.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;

use jiff::Timestamp;
use keystead_directory::Refusal;
use keystead_domain::{Change, KeyId, Permission, RoleId};
use keystead_token::Token;

use crate::organizations::{assigned, group, own_role};
use crate::{
    at, change_of, directory_with, is_impersonation, key_id, organization, organization_id, record, token,
    user, user_id,
};

const READERS: u64 = 3;

fn flags(count: usize) -> Vec<AtomicBool> {
    std::iter::repeat_with(AtomicBool::default).take(count).collect()
}

/// Calls `read` with ever new numbers on several threads while `write` runs, and at least once after it has ended.
fn hammer(write: impl FnOnce() + Send, read: impl Fn(u64) + Sync) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..READERS {
            let (done, read) = (&done, &read);
            scope.spawn(move || {
                let mut random = 0x9e37_79b9_7f4a_7c15 + reader;
                loop {
                    let was_done = done.load(Ordering::SeqCst);
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    read(random);
                    if was_done {
                        return;
                    }
                }
            });
        }
        let writer = scope.spawn(write);
        let result = writer.join();
        done.store(true, Ordering::SeqCst);
        result.unwrap();
    });
}

/// Promise 3, and that a key is seen whole or not at all: keys come and go at a front that readers look around.
#[test]
fn once_apply_has_returned_no_later_verification_accepts_a_revoked_key_or_misses_a_live_one() {
    const LIVE: usize = 700;
    let tokens: Vec<Token> = (0..8_000).map(token).collect();
    let directory = directory_with([]);
    let [added, revoking, revoked] = [(); 3].map(|()| flags(tokens.len()));
    let front = AtomicU64::new(0);
    let write = || {
        for (n, token) in tokens.iter().enumerate() {
            directory.apply(2, Change::Key(record(token, user_id(1))));
            added[n].store(true, Ordering::SeqCst);
            front.store(n as u64, Ordering::SeqCst);
            // First ever more keys, so that tables grow, then as many as before, so that the dead are left behind.
            if let Some(old) = n.checked_sub(if n < tokens.len() / 2 { tokens.len() / 4 } else { LIVE }) {
                for old in (0..=old).rev().take_while(|old| !revoked[*old].load(Ordering::SeqCst)) {
                    revoking[old].store(true, Ordering::SeqCst);
                    directory.apply(2, Change::KeyRevoked(tokens[old].hash()));
                    revoked[old].store(true, Ordering::SeqCst);
                }
            }
        }
    };
    hammer(write, |random| {
        let front = front.load(Ordering::SeqCst);
        let near = front.saturating_sub(random % 8);
        let candidates = [near + 1, near, near.saturating_sub(LIVE as u64), random % tokens.len() as u64];
        for n in candidates.map(|n| usize::try_from(n).unwrap()) {
            let Some(token) = tokens.get(n) else { continue };
            let (was_added, was_revoked) =
                (added[n].load(Ordering::SeqCst), revoked[n].load(Ordering::SeqCst));
            match directory.verify(token.checked(), at(0)) {
                Ok(verified) => {
                    assert!(!was_revoked, "key {n} was revoked before");
                    assert_eq!(verified.key, key_id(token.hash()));
                    assert_eq!(verified.allow_impersonation, is_impersonation(token.hash()));
                    assert_eq!(verified.expires_at, None);
                    assert_eq!(verified.user().id, user_id(1));
                }
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::Unknown);
                    assert!(!was_added || revoking[n].load(Ordering::SeqCst), "key {n} is live");
                }
            }
        }
    });
    assert_eq!(directory.keys(), LIVE);
}

/// Promise 1: the user's number is in their name, and what they may do follows from it.
#[test]
fn once_apply_has_returned_every_later_verification_sees_the_creator_as_of_then_and_in_one_piece() {
    let token = token(1);
    let directory = directory_with([&token]);
    let is_active = |version: u64| !version.is_multiple_of(3);
    let is_administrator = |version: u64| version.is_multiple_of(2);
    let applied = AtomicU64::new(0);
    let begun = AtomicU64::new(0);
    directory.apply(2, Change::User(user(user_id(1), "0", is_active(0), RoleId::ADMINISTRATOR)));
    let write = || {
        for version in 1..=20_000 {
            let role = if is_administrator(version) { RoleId::ADMINISTRATOR } else { RoleId::MEMBER };
            begun.store(version, Ordering::SeqCst);
            let changed = user(user_id(1), &version.to_string(), is_active(version), role);
            directory.apply(2, Change::User(changed));
            applied.store(version, Ordering::SeqCst);
        }
    };
    hammer(write, |_| {
        let at_least = applied.load(Ordering::SeqCst);
        let answer = directory.verify(token.checked(), at(0));
        let at_most = begun.load(Ordering::SeqCst);
        match answer {
            Ok(verified) => {
                let version: u64 = verified.user().name.as_str().parse().unwrap();
                assert!((at_least..=at_most).contains(&version));
                assert!(is_active(version) && verified.user().active);
                assert_eq!(verified.user().may(&Permission::IAM_WRITE), is_administrator(version));
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::CreatorInactive);
                assert!((at_least..=at_most).any(|version| !is_active(version)));
            }
        }
    });
}

/// Promise 1: what an organization's version decides of all of its users is seen together, or not yet.
#[test]
fn once_apply_has_returned_every_later_verification_sees_the_organization_as_of_then_and_in_one_piece() {
    const USERS: u64 = 50;
    let tokens: Vec<Token> = (0..USERS).map(token).collect();
    let directory = directory_with([]);
    let is_archived = |version: u64| version.is_multiple_of(3);
    let permission = |version: u64| Permission::parse(&format!("version:{version}")).unwrap();
    // Both its own role and its group tell the version.
    let version_of = |version: u64| {
        let mut record = organization(1);
        record.organization.archived_at = is_archived(version).then(|| at(0));
        record.roles = vec![own_role([permission(version)])];
        record.groups = vec![group(&version.to_string())];
        change_of(record)
    };
    directory.apply(2, version_of(0));
    for (n, token) in tokens.iter().enumerate() {
        let somebody = user(user_id(n as u128), "Somebody", true, RoleId::MEMBER);
        let somebody = assigned(somebody, organization_id(1), false, true);
        directory.apply(2, Change::User(somebody));
        directory.apply(2, Change::Key(record(token, user_id(n as u128))));
    }
    let [applied, begun] = [(); 2].map(|()| AtomicU64::new(0));
    let write = || {
        for version in 1..=2_000 {
            begun.store(version, Ordering::SeqCst);
            directory.apply(2, version_of(version));
            applied.store(version, Ordering::SeqCst);
        }
    };
    hammer(write, |random| {
        let token = &tokens[usize::try_from(random % USERS).unwrap()];
        let at_least = applied.load(Ordering::SeqCst);
        let answer = directory.verify(token.checked(), at(0));
        let at_most = begun.load(Ordering::SeqCst);
        match answer {
            Ok(verified) => {
                let version: u64 = verified.user().groups()[0].name.as_str().parse().unwrap();
                assert!((at_least..=at_most).contains(&version) && !is_archived(version));
                assert_eq!(verified.user().permissions().iter().collect::<Vec<_>>(), [&permission(version)]);
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::CreatorInactive);
                assert!((at_least..=at_most).any(is_archived));
            }
        }
    });
}

/// Promise 9: uses are noted while tables are replaced and while others take what was noted.
#[test]
fn no_last_use_is_lost_while_tables_are_replaced() {
    let tokens: Vec<Token> = (0..500).map(token).collect();
    let others: Vec<Token> = (1_000..7_000).map(token).collect();
    let directory = directory_with(&tokens);
    let accepted: Vec<AtomicI64> = std::iter::repeat_with(AtomicI64::default).take(tokens.len()).collect();
    let clock = AtomicI64::new(1);
    let mut written: HashMap<KeyId, Timestamp> = HashMap::new();
    let mut write_down = |used: Vec<(KeyId, Timestamp)>| {
        for (key, at) in used {
            let last = written.entry(key).or_insert(at);
            *last = at.max(*last);
        }
    };
    let write = || {
        for (n, other) in others.iter().enumerate() {
            directory.apply(2, Change::Key(record(other, user_id(1))));
            clock.fetch_add(1, Ordering::SeqCst);
            if n % 64 == 0 {
                let used = directory.take_last_used();
                if n % 128 == 0 { directory.put_back_last_used(&used) } else { write_down(used) }
            }
        }
    };
    hammer(write, |random| {
        let n = usize::try_from(random % tokens.len() as u64).unwrap();
        let second = clock.load(Ordering::SeqCst);
        assert!(directory.verify(tokens[n].checked(), at(second)).is_ok());
        accepted[n].fetch_max(second, Ordering::SeqCst);
    });
    write_down(directory.take_last_used());
    for (token, accepted) in tokens.iter().zip(accepted) {
        let accepted = accepted.into_inner();
        let expected = (accepted > 0).then(|| at(accepted));
        assert_eq!(written.get(&key_id(token.hash())).copied(), expected);
    }
}
