//! The audit log as people read it: what a filter lets through, within the organization, and nothing else (promises 6 and 10).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::{
    Action, AuditCursor, AuditFilter, AuditPageRequest, Checkpoint, End, Event, SigningKey, Trace, ViaKind,
};
use keystead_domain::{AuditScope, Operator, Organization, hex};
use keystead_store::{OpenError, signing_seed};

use crate::harness::{Harness, now, seconds};

fn scope(organization: &Organization) -> AuditScope {
    Operator.audit_log_of(organization.id)
}

/// A log in which users, actions, ways in, targets and instants come in every combination; the clock goes back once.
async fn mixed(harness: &Harness) -> (Organization, Vec<Event>) {
    let organization = harness.organization("One").await;
    let users = [harness.id(), harness.id()];
    let targets = [[7; 16], [8; 16]];
    let actions = [Action::KeyCreated, Action::KeyRevoked, Action::UserUpdated];
    let mut sql = String::new();
    for sequence in 2..=120_usize {
        let at = now().as_millisecond() + i64::try_from(sequence % 60).unwrap() * 1_000;
        let user: keystead_domain::UserId = users[sequence % 2];
        let via = ViaKind::ALL[sequence % 3].name();
        writeln!(
            sql,
            "INSERT INTO audit_events VALUES (x'{}', {sequence}, {at}, x'{}', '{via}', NULL, NULL, '{}', x'{}', '{{}}', x'{}');",
            hex::encode(organization.id.as_bytes()),
            hex::encode(user.as_bytes()),
            actions[sequence / 2 % 3].name(),
            hex::encode(&targets[sequence / 7 % 2]),
            "00".repeat(32),
        )
        .unwrap();
    }
    harness.raw(&sql).await.unwrap();
    let events = harness.audit(&organization).await;
    (organization, events.into_iter().map(|(event, _)| event).collect())
}

fn lets_through(filter: &AuditFilter, event: &Event) -> bool {
    filter.user.is_none_or(|user| event.user == Some(user))
        && (filter.actions.is_empty() || filter.actions.iter().any(|action| action.name() == event.action))
        && filter.target.is_none_or(|target| event.target == Some(target))
        && filter.via.is_none_or(|via| via.name() == event.via)
        && filter.from.is_none_or(|from| event.at >= from)
        && filter.to.is_none_or(|to| event.at < to)
}

async fn numbers_by_page(harness: &Harness, scope: &AuditScope, filter: &AuditFilter, page: u32) -> Vec<i64> {
    let mut numbers = Vec::new();
    let mut after = None;
    loop {
        let request = AuditPageRequest { first: page, after };
        let mut events = harness.store.audit_page(scope, filter, &request).await.unwrap();
        let page = usize::try_from(page).unwrap();
        let more = events.len() > page;
        events.truncate(page);
        numbers.extend(events.iter().map(|event| event.sequence));
        match events.last() {
            Some(last) if more => after = Some(AuditCursor { sequence: last.sequence }),
            _ => return numbers,
        }
    }
}

#[tokio::test]
async fn every_combination_of_filters_lists_what_it_lets_through_newest_first() {
    let harness = Harness::new().await;
    let (organization, events) = mixed(&harness).await;
    let scope = scope(&organization);
    let user = events[3].user;
    let mid = |seconds| Some(now() + SignedDuration::from_secs(seconds));
    let mut combinations = 0;
    for user in [None, user] {
        for actions in [
            vec![],
            vec![Action::KeyRevoked],
            vec![Action::UserUpdated, Action::KeyCreated],
            vec![Action::RoleCreated],
        ] {
            for target in [None, Some([7; 16]), Some([9; 16])] {
                for via in [None, Some(ViaKind::Key)] {
                    for (from, to) in
                        [(None, None), (mid(10), None), (mid(10), mid(30)), (None, mid(5)), (mid(500), None)]
                    {
                        let filter = AuditFilter { user, actions: actions.clone(), target, via, from, to };
                        let mut expected: Vec<_> = events
                            .iter()
                            .filter(|event| lets_through(&filter, event))
                            .map(|event| event.sequence)
                            .collect();
                        let copied =
                            harness.store.audit_copy(&scope, &filter, 0, i64::MAX, 1_000).await.unwrap();
                        let copied: Vec<_> = copied.iter().map(|(event, _)| event.sequence).collect();
                        assert_eq!(copied, expected, "{filter:?}");
                        expected.reverse();
                        assert_eq!(
                            numbers_by_page(&harness, &scope, &filter, 100).await,
                            expected,
                            "{filter:?}"
                        );
                        assert_eq!(
                            numbers_by_page(&harness, &scope, &filter, 7).await,
                            expected,
                            "{filter:?}"
                        );
                        combinations += 1;
                    }
                }
            }
        }
    }
    assert_eq!(combinations, 2 * 4 * 3 * 2 * 5);
}

#[tokio::test]
async fn a_copy_holds_what_lies_between_two_numbers() {
    let harness = Harness::new().await;
    let (organization, _) = mixed(&harness).await;
    let all = AuditFilter::default();
    let part = harness.store.audit_copy(&scope(&organization), &all, 10, 90, 30).await.unwrap();
    let numbers: Vec<_> = part.iter().map(|(event, _)| event.sequence).collect();
    assert_eq!(numbers, (11..=40).collect::<Vec<_>>());
    let end = harness.store.audit_copy(&scope(&organization), &all, 85, 90, 30).await.unwrap();
    assert_eq!(end.last().map(|(event, _)| event.sequence), Some(90));
}

#[tokio::test]
async fn nothing_of_another_organization_is_listed_named_or_counted() {
    let harness = Harness::new().await;
    let ours = harness.organization("Ours").await;
    let theirs = harness.somebody().await;
    let key = harness.key(&theirs, "theirs").await;
    let scope = scope(&ours);
    for filter in [
        AuditFilter::default(),
        AuditFilter { user: Some(theirs.id), ..AuditFilter::default() },
        AuditFilter { target: Some(*key.id.as_bytes()), ..AuditFilter::default() },
        AuditFilter { actions: vec![Action::KeyCreated], ..AuditFilter::default() },
        AuditFilter { from: Some(Timestamp::UNIX_EPOCH), ..AuditFilter::default() },
    ] {
        let numbers = numbers_by_page(&harness, &scope, &filter, 100).await;
        assert!(numbers.len() <= 1, "only that ours was made: {filter:?} {numbers:?}");
    }
    let names =
        harness.store.audit_names(&scope, &[*theirs.id.as_bytes(), *key.id.as_bytes()]).await.unwrap();
    assert_eq!((names.user(theirs.id.as_bytes()), names.key(key.id.as_bytes())), (None, None));
    assert_eq!(harness.store.audit_user(&scope, &theirs.email).await.unwrap(), None);
    let their_scope = Operator.audit_log_of(theirs.organization);
    assert_eq!(harness.store.audit_user(&their_scope, &theirs.email).await.unwrap(), Some(theirs.id));
    let names =
        harness.store.audit_names(&their_scope, &[*theirs.id.as_bytes(), *key.id.as_bytes()]).await.unwrap();
    assert_eq!(names.key(key.id.as_bytes()), Some("theirs"));
    assert_eq!(names.user(theirs.id.as_bytes()).map(|user| user.deleted), Some(false));
}

#[tokio::test]
async fn a_log_is_told_to_have_grown_once_that_is_committed() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    assert_eq!(harness.store.audited().take(), BTreeSet::from([organization.id]));
    let mut change = harness.begin().await;
    change.record_audit_export(&scope(&organization), serde_json::json!({})).await.unwrap();
    drop(change);
    harness.begin().await.commit().await.unwrap();
    assert_eq!(harness.store.audited().take(), BTreeSet::new(), "it was rolled back");

    assert_eq!(harness.store.unshipped_audit_logs(Operator).await.unwrap(), [(organization.id, 0)]);
    let mut change = harness.begin().await;
    change.set_shipped(Operator, organization.id, 1).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(harness.store.unshipped_audit_logs(Operator).await.unwrap(), []);
    assert_eq!(harness.store.shipped(Operator, organization.id).await.unwrap(), 1);
}

#[tokio::test]
async fn a_checkpoint_is_kept_as_it_was_signed_and_never_replaced() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let (scope, key) = (scope(&organization), SigningKey::from_seed(&[1; 32]));
    assert_eq!(harness.store.unsigned_audit_logs(Operator).await.unwrap(), [organization.id]);
    let end = harness.store.audit_end(&scope).await.unwrap();
    let checkpoint = Checkpoint::sign(&key, organization.id, &end, seconds(0));
    let later = Checkpoint::sign(&key, organization.id, &End { link: [0; 32], ..end }, seconds(9));
    for checkpoint in [&checkpoint, &later] {
        let mut change = harness.store.begin(Trace::operator(now())).await.unwrap();
        change.keep_checkpoint(checkpoint).await.unwrap();
        change.commit().await.unwrap();
    }
    assert_eq!(harness.store.unsigned_audit_logs(Operator).await.unwrap(), []);
    assert_eq!(harness.store.last_checkpoint(&scope, i64::MAX).await.unwrap(), Some(checkpoint));
    let all = harness.store.checkpoints(&scope, 0, 10).await.unwrap();
    assert_eq!(all, [(checkpoint, Some(end.link))]);
    for sql in ["UPDATE audit_checkpoints SET at = 0", "DELETE FROM audit_checkpoints"] {
        assert!(harness.raw(sql).await.is_err(), "{sql}");
    }
    harness.raw_unprotected("UPDATE audit_checkpoints SET signature = x'00', at = 9223372036854775807").await;
    let tampered = harness.store.last_checkpoint(&scope, i64::MAX).await.unwrap().unwrap();
    assert!(tampered.check_signature(&[key.public()]).is_err(), "and it can be read");
}

#[test]
fn the_signing_key_is_made_once_for_its_owner_alone_and_refused_when_others_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let public = |seed: &[u8; 32]| format!("public of {}", seed[0]);
    let seed = |fresh| signing_seed(folder.path(), || Some([fresh; 32]), public);
    assert_eq!(seed(1).unwrap(), [1; 32]);
    assert_eq!(seed(2).unwrap(), [1; 32], "kept");
    let path = folder.path().join("audit-signing.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = std::fs::read_to_string(folder.path().join("audit-signing.pub")).unwrap();
    assert_eq!(shown, "public of 1\n");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(seed(3), Err(OpenError::SigningKey { .. })));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&path, "too short\n").unwrap();
    assert!(matches!(seed(4), Err(OpenError::SigningKey { .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(signing_seed(folder.path(), || None, public), Err(OpenError::SigningKey { .. })));
}
