//! Promise 10: every change leaves one trace, and the log tells when somebody tampered with it.

use keystead_domain::audit::{Event, verify_chain};
use keystead_domain::{Description, KeyEdit, KeyName, Organization, RoleId};
use keystead_store::LinkKind;

use crate::harness::{Harness, now, seconds};
use crate::people::{grant, new_key_for, own, roles};

fn verify(log: &[(Event, [u8; 32])]) -> Result<(), i64> {
    verify_chain(log.iter().map(|(event, link)| (event, *link)))
}

#[tokio::test]
async fn every_change_appends_one_event_and_the_chain_verifies() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let key = harness.key(&user, "key").await;

    let mut change = harness.begin().await;
    let read = change.key(&own(&user), key.id).await.unwrap().unwrap();
    let edit = KeyEdit {
        name: KeyName::parse("renamed").unwrap(),
        description: Description::parse("noted").unwrap(),
    };
    change.update_key(&own(&user), &read, &edit).await.unwrap();
    change.commit().await.unwrap();
    assert!(harness.revoke(&own(&user), key.id).await);

    let session = harness.id();
    let mut change = harness.begin().await;
    change.start_session(session, &user, &[1; 32]).await.unwrap();
    change.end_session(session, &user).await.unwrap();
    change.end_session(session, &user).await.unwrap();
    change.create_user_link(&grant(&user), LinkKind::SignIn, &[2; 32], seconds(60)).await.unwrap();
    change.set_assignments(&grant(&user), &user.assignments, &roles([RoleId::ADMINISTRATOR])).await.unwrap();
    change.set_active(&grant(&user), false).await.unwrap();
    change.set_active(&grant(&user), true).await.unwrap();
    change.commit().await.unwrap();

    let log = harness.audit(&organization).await;
    let actions: Vec<_> = log.iter().map(|(event, _)| event.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "organization.created",
            "user.created",
            "key.created",
            "key.updated",
            "key.revoked",
            "session.started",
            "session.ended",
            "sign_in_link.created",
            "user.roles_set",
            "user.deactivated",
            "user.reactivated",
        ]
    );
    assert_eq!(verify(&log), Ok(()));
    let updated: serde_json::Value = serde_json::from_str(&log[3].0.details).unwrap();
    assert_eq!(updated["before"]["name"], "key");
    assert_eq!(updated["after"]["name"], "renamed");
    assert_eq!(log[3].0.target, Some(*key.id.as_bytes()));
    assert_eq!(log[3].0.at, now());
    assert_eq!(log[5].0.user, Some(user.id), "a sign-in is traced to whom it turned out to be");
}

#[tokio::test]
async fn a_change_that_was_rolled_back_leaves_neither_itself_nor_a_trace() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let before = (harness.audit(&organization).await, harness.told().len(), harness.load().await);
    let mut change = harness.begin().await;
    let key = harness.new_key("never", None);
    change.create_key(&new_key_for(&user), &key).await.unwrap();
    change.set_active(&grant(&user), false).await.unwrap();
    drop(change);
    harness.begin().await.commit().await.unwrap();
    assert_eq!((harness.audit(&organization).await, harness.told().len(), harness.load().await), before);
}

#[tokio::test]
async fn a_form_sent_twice_leaves_one_trace() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    for _ in 0..2 {
        let mut key = harness.new_key("key", None);
        key.request_id = Some([1; 16]);
        harness.create(&user, &key).await.unwrap();
    }
    assert_eq!(harness.audit(&organization).await.len(), 3);
}

async fn log_of_six(harness: &Harness) -> Organization {
    let organization = harness.organization("One").await;
    for i in 2..=6 {
        harness.user(&organization, &format!("user{i}@example.com"), RoleId::MEMBER).await;
    }
    organization
}

#[tokio::test]
async fn an_edit_of_the_database_file_is_found() {
    for (tampering, found) in [
        ("UPDATE audit_events SET details = '{}' WHERE sequence = 3", 3),
        ("UPDATE audit_events SET at = at + 1 WHERE sequence = 2", 2),
        ("UPDATE audit_events SET user_id = randomblob(16) WHERE sequence = 4", 4),
        ("UPDATE audit_events SET user_id = randomblob(15), via_id = x'00' WHERE sequence = 4", 4),
        ("UPDATE audit_events SET link = randomblob(32) WHERE sequence = 5", 5),
        ("DELETE FROM audit_events WHERE sequence = 2", 2),
        (
            "DELETE FROM audit_events WHERE sequence = 2; UPDATE audit_events SET sequence = sequence - 1 WHERE sequence > 2",
            2,
        ),
        (
            "UPDATE audit_events SET sequence = 99 WHERE sequence = 3; UPDATE audit_events SET sequence = 3 WHERE sequence = 4; \
             UPDATE audit_events SET sequence = 4 WHERE sequence = 99",
            3,
        ),
    ] {
        let harness = Harness::new().await;
        let organization = log_of_six(&harness).await;
        assert_eq!(verify(&harness.audit(&organization).await), Ok(()));
        harness.raw_unprotected(tampering).await;
        assert_eq!(verify(&harness.audit(&organization).await), Err(found), "{tampering}");
    }
}

#[tokio::test]
async fn the_log_is_read_in_pages() {
    let harness = Harness::new().await;
    let organization = log_of_six(&harness).await;
    let all = harness.audit(&organization).await;
    assert_eq!(all.iter().map(|(event, _)| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let page = harness.audit_page(&organization, 2, 3).await;
    assert_eq!(page, all[2..5]);
}
