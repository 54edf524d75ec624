//! The checker of histories finds what is wrong, and only that.
#![expect(clippy::panic, reason = "helpers fail as tests do")]

use std::collections::BTreeSet;
use std::time::Duration;

use keystead_test_hosts::{KeyId, Kind, Operation, Outcome, Recorder, Summary, Violation, check};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const CREATE: Kind = Kind::Create { by: None, expires: None };
const LEASE: u64 = 3;

fn operation(kind: Kind, start: u64, answer: Option<(u64, Outcome)>) -> Operation {
    let answer = answer.map(|(at, outcome)| (Duration::from_secs(at), outcome));
    Operation { client: 0, node: 0, key: KeyId(1), kind, start: Duration::from_secs(start), answer }
}

fn accepted(kind: Kind, start: u64, end: u64) -> Operation {
    operation(kind, start, Some((end, Outcome::Accepted)))
}

fn denied(kind: Kind, start: u64, end: u64) -> Operation {
    operation(kind, start, Some((end, Outcome::Denied)))
}

fn found(history: &[Operation]) -> Vec<Violation> {
    check(history, Duration::from_secs(LEASE))
}

#[test]
fn a_life_without_faults_is_right() {
    let history = [
        accepted(CREATE, 0, 1),
        accepted(Kind::Verify, 2, 3),
        accepted(Kind::Revoke, 4, 9),
        // One node has applied it already, another one has not yet.
        denied(Kind::Verify, 5, 6),
        accepted(Kind::Verify, 7, 8),
        denied(Kind::Verify, 10, 11),
        denied(Kind::Revoke, 12, 13),
    ];
    assert_eq!(found(&history), []);
}

#[test]
fn a_key_accepted_after_its_revocation_returned_is_found() {
    let revoked = accepted(Kind::Revoke, 2, 4);
    let late = accepted(Kind::Verify, 5, 6);
    let history = [accepted(CREATE, 0, 1), revoked, accepted(Kind::Verify, 4, 8), late];
    assert_eq!(found(&history), [Violation::AcceptedAfterRevocation { revoked, accepted: late }]);
}

#[test]
fn a_key_accepted_after_its_expiry_is_found() {
    let created = accepted(Kind::Create { by: None, expires: Some(Duration::from_secs(5)) }, 0, 1);
    let late = accepted(Kind::Verify, 6, 7);
    let history = [created, accepted(Kind::Verify, 5, 9), denied(Kind::Verify, 4, 5), late];
    assert_eq!(found(&history), [Violation::AcceptedAfterExpiry { created, accepted: late }]);
}

#[test]
fn an_acknowledged_key_that_is_denied_before_any_revocation_began_is_lost() {
    let created = accepted(CREATE, 0, 2);
    let lost = denied(Kind::Verify, 3, 4);
    // It may not be everywhere at 2; a revocation has begun at 6.
    let history = [
        created,
        denied(Kind::Verify, 2, 2),
        lost,
        operation(Kind::Revoke, 6, None),
        denied(Kind::Verify, 3, 6),
    ];
    assert_eq!(found(&history), [Violation::Lost { created, denied: lost }]);
}

#[test]
fn a_revocation_that_was_not_answered_may_be_done_at_any_time_or_never() {
    let unknown = operation(Kind::Revoke, 2, None);
    let history = [accepted(CREATE, 0, 1), unknown, accepted(Kind::Verify, 90, 91)];
    assert_eq!(found(&history), []);
    let history = [&history[..], &[denied(Kind::Verify, 92, 93)]].concat();
    assert_eq!(found(&history), []);
}

#[test]
fn a_key_accepted_longer_than_a_lease_after_its_death_was_seen_is_revived() {
    let death = denied(Kind::Verify, 3, 4);
    let late = accepted(Kind::Verify, 4 + LEASE + 1, 20);
    let in_time = accepted(Kind::Verify, 4 + LEASE, 20);
    let history = [accepted(CREATE, 0, 1), operation(Kind::Revoke, 2, None), death, in_time, late];
    assert_eq!(found(&history), [Violation::Revived { denied: death, accepted: late }]);
}

#[test]
fn a_revoked_key_that_mints_another_is_found() {
    let revoked = accepted(Kind::Revoke, 2, 3);
    let mint = Kind::Create { by: Some(KeyId(1)), expires: None };
    let minted = Operation { key: KeyId(2), ..accepted(mint, 4, 5) };
    let lost = Operation { key: KeyId(2), ..denied(Kind::Verify, 6, 7) };
    let history = [accepted(CREATE, 0, 1), revoked, minted, lost];
    assert_eq!(
        found(&history),
        [
            Violation::AcceptedAfterRevocation { revoked, accepted: minted },
            Violation::Lost { created: minted, denied: lost }
        ]
    );
}

#[test]
fn a_key_whose_creation_was_not_answered_is_nobodys() {
    let history = [operation(CREATE, 0, None), denied(Kind::Verify, 3, 4)];
    assert_eq!(found(&history), []);
}

#[test]
fn a_recorder_keeps_answers_and_what_was_given_up() {
    let recorder = Recorder::new();
    let other = recorder.clone();
    recorder.ask(1, 0, KeyId(7), CREATE).answered(Outcome::Accepted);
    let verification = other.ask(2, 1, KeyId(7), Kind::Verify);
    drop(recorder.ask(1, 0, KeyId(7), Kind::Revoke));
    verification.answered(Outcome::Accepted);
    let history = recorder.history();
    let kinds: Vec<Kind> = history.iter().map(|operation| operation.kind).collect();
    assert_eq!(kinds, [CREATE, Kind::Revoke, Kind::Verify]);
    assert_eq!(history[1].answer, None);
    assert!(history[2].start <= history[1].start);
    assert!(history[2].answer.is_some_and(|(end, _)| end >= history[1].start));
    let summary = Summary::of(&history);
    assert_eq!(summary, Summary { created: 1, valid: 1, unknown: 1, ..Summary::default() });
    assert!(summary.to_string().starts_with("3 operations: 1 keys created"), "{summary}");
}

/// The end of what did not end.
const NEVER: u64 = 1000;

/// Whether there is a moment of death that explains all that is seen of one key, by trying every one.
fn explained(history: &[Operation]) -> bool {
    let seconds = |operation: &Operation| {
        (operation.start.as_secs(), operation.answer.map_or(NEVER, |(end, _)| end.as_secs()))
    };
    let created = history.iter().find(|operation| matches!(operation.kind, Kind::Create { .. }));
    let created = created.unwrap_or_else(|| panic!("a creation"));
    let Kind::Create { expires, .. } = created.kind else { unreachable!() };
    let expires = expires.map(|at| at.as_secs());
    if created.answer.is_none() {
        return true;
    }
    let everywhere_from = seconds(created).1;
    let is = |operation: &&Operation, wanted| operation.answer.is_some_and(|(_, outcome)| outcome == wanted);
    let effective =
        |operation: &&Operation| operation.kind == Kind::Revoke && !is(operation, Outcome::Denied);
    let revocations: Vec<(u64, u64)> = history.iter().filter(effective).map(seconds).collect();

    (0..=NEVER).any(|death| {
        let is_revoked_then = revocations.iter().any(|(start, end)| (*start..=*end).contains(&death));
        let lives_on =
            death == NEVER && expires.is_none() && revocations.iter().all(|(_, end)| *end == NEVER);
        let too_late =
            revocations.iter().any(|(_, end)| *end < death) || expires.is_some_and(|at| at < death);
        if too_late || !(is_revoked_then || expires == Some(death) || lives_on) {
            return false;
        }
        let accepts = |now: u64| {
            let returned = revocations.iter().any(|(_, end)| *end < now);
            let is_expired = expires.is_some_and(|at| at < now);
            now <= death.saturating_add(LEASE) && !returned && !is_expired
        };
        let denies = |now: u64| now >= death || now <= everywhere_from;
        history.iter().filter(|operation| !effective(operation)).all(|operation| {
            let (start, end) = seconds(operation);
            match (operation.kind, operation.answer) {
                (Kind::Create { .. }, _) | (_, None) => true,
                (_, Some((_, Outcome::Accepted))) => (start..=end).any(accepts),
                (_, Some((_, Outcome::Denied))) => (start..=end).any(denies),
            }
        })
    })
}

fn histories() -> impl Strategy<Value = Vec<Operation>> {
    let outcome =
        prop_oneof![4 => Just(Some(Outcome::Accepted)), 4 => Just(Some(Outcome::Denied)), 1 => Just(None)];
    let kind = prop_oneof![4 => Just(Kind::Verify), 1 => Just(Kind::Revoke)];
    let others = vec((kind, 0..12_u64, 0..5_u64, outcome), 0..6);
    let created = (0..3_u64, prop::bool::weighted(0.95), option::weighted(0.2, 2..12_u64));
    (created, others).prop_map(|((end, is_answered, expires), others)| {
        let create = Kind::Create { by: None, expires: expires.map(Duration::from_secs) };
        let mut history = vec![operation(create, 0, is_answered.then_some((end, Outcome::Accepted)))];
        history.extend(others.into_iter().map(|(kind, start, takes, outcome)| {
            operation(kind, start, outcome.map(|outcome| (start + takes, outcome)))
        }));
        history
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn exactly_the_histories_that_no_death_explains_are_found(history in histories()) {
        prop_assert_eq!(found(&history).is_empty(), explained(&history));
    }

    #[test]
    fn keys_do_not_hide_each_others_violations(one in histories(), other in histories()) {
        let other: Vec<Operation> = other.into_iter().map(|seen| Operation { key: KeyId(2), ..seen }).collect();
        let both = [one.as_slice(), other.as_slice()].concat();
        let ends = |found: Vec<Violation>| found.iter().map(Violation::at).collect::<BTreeSet<_>>();
        let expected = &ends(found(&one)) | &ends(found(&other));
        prop_assert_eq!(ends(found(&both)), expected);
        prop_assert_eq!(found(&both).len(), found(&one).len() + found(&other).len());
    }
}
