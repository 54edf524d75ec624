//! That a verification allocates nothing, whatever it answers.

use keystead_directory::Refusal;
use keystead_domain::{Change, KeyRecord};

use crate::{at, directory_with, expired_at, record, refusal, token, user_id};

#[test]
fn a_verification_allocates_nothing_whatever_it_answers() {
    let [live, expired, orphan, unknown] = [1, 2, 3, 4].map(token);
    let directory = directory_with([&live]);
    directory.apply(2, Change::Key(KeyRecord { expires_at: Some(at(5)), ..record(&expired, user_id(1)) }));
    directory.apply(3, Change::Key(record(&orphan, user_id(2))));
    // The first read of a thread is noted by arc-swap, once.
    assert_eq!(refusal(&directory, &live, at(9)), None);
    let cases = [
        (&live, None),
        (&expired, Some(expired_at(at(5)))),
        (&orphan, Some(Refusal::CreatorInactive)),
        (&unknown, Some(Refusal::Unknown)),
    ];
    for (token, expected) in cases {
        let now = at(10);
        let mut answer = None;
        let allocations = allocation_counter::measure(|| answer = refusal(&directory, token, now));
        assert_eq!((answer, allocations.count_total), (expected, 0));
    }
}

/// A signature is checked before this is asked, which allocates; the question itself does not.
#[test]
fn asking_for_a_sessions_key_allocates_nothing() {
    let token = token(1);
    let directory = directory_with([]);
    let key = KeyRecord { allow_impersonation: true, ..record(&token, user_id(1)) };
    directory.apply(2, Change::Key(key));
    assert!(directory.impersonation_key(key.id, at(0)).is_ok());
    let mut answer = None;
    let allocations =
        allocation_counter::measure(|| answer = directory.impersonation_key(key.id, at(1)).ok());
    assert_eq!((answer.map(|(_, epoch)| epoch), allocations.count_total), (Some(0), 0));
}
