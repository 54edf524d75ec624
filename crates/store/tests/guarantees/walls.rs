//! Promise 6: nothing of another organization is read, changed, or known to exist.

use keystead_domain::{Description, KeyEdit, KeyFilter, KeyName, PageRequest, RoleId, User};
use keystead_store::Recorded;

use crate::harness::{Harness, now};
use crate::people::{all, disguised, grant, new_key_for, own, roles};

/// Two people in two organizations. The second also stands as the first's organization would name them.
async fn strangers(harness: &Harness) -> (User, User, User) {
    let ada = harness.somebody().await;
    let bob = harness.somebody().await;
    let disguised = disguised(&bob, ada.organization);
    (ada, bob, disguised)
}

#[tokio::test]
async fn a_key_is_found_by_nobody_of_another_organization() {
    let harness = Harness::new().await;
    let (ada, bob, disguised) = strangers(&harness).await;
    let key = harness.key(&bob, "bobs").await;
    let filter = KeyFilter::default();
    for scope in [own(&ada), all(&ada), own(&disguised)] {
        assert_eq!(harness.store.key(&scope, key.id).await.unwrap(), None);
        let page = PageRequest { first: 100, after: None };
        assert!(harness.store.keys(&scope, &filter, &page, now()).await.unwrap().keys.is_empty());
        assert_eq!(harness.store.count_keys(&scope, &filter, now()).await.unwrap(), 0);
        assert!(!harness.revoke(&scope, key.id).await);
    }
    assert!(harness.store.key(&own(&bob), key.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_key_that_was_read_through_one_scope_is_not_changed_through_another() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let eve = harness.user(&organization, "eve@example.com", RoleId::MEMBER).await;
    let bob = harness.somebody().await;
    let key = harness.key(&ada, "adas").await;
    let edit =
        KeyEdit { name: KeyName::parse("stolen").unwrap(), description: Description::parse("").unwrap() };
    let told = harness.told().len();
    for scope in [own(&bob), all(&bob), own(&eve)] {
        let mut change = harness.begin().await;
        let key = change.key(&own(&ada), key.id).await.unwrap().unwrap();
        assert!(change.update_key(&scope, &key, &edit).await.is_err());
        assert!(change.revoke_key(&scope, &key).await.is_err());
    }
    assert_eq!(harness.told().len(), told);
    assert_eq!(harness.store.key(&own(&ada), key.id).await.unwrap().unwrap().name, key.name);
}

#[tokio::test]
async fn a_key_and_its_creator_are_always_of_one_organization() {
    let harness = Harness::new().await;
    let (_, _, disguised) = strangers(&harness).await;
    let mut change = harness.begin().await;
    let key = harness.new_key("smuggled", None);
    assert!(change.create_key(&new_key_for(&disguised), &key).await.is_err());
}

#[tokio::test]
async fn a_user_is_not_changed_under_the_name_of_another_organization() {
    let harness = Harness::new().await;
    let (_, bob, disguised) = strangers(&harness).await;
    let before = harness.load().await;
    for _ in 0..2 {
        let mut change = harness.begin().await;
        assert!(
            change.set_assignments(&grant(&disguised), &disguised.assignments, &roles([])).await.is_err()
        );
        assert!(
            change
                .set_assignments(&grant(&disguised), &disguised.assignments, &roles([RoleId::ADMINISTRATOR]))
                .await
                .is_err()
        );
        assert!(change.set_active(&grant(&disguised), false).await.is_err());
        assert!(change.start_session(harness.id(), &disguised, &[1; 32]).await.is_err());
        change.commit().await.unwrap();
    }
    assert_eq!(harness.load().await, before);
    assert_eq!(harness.number("SELECT COUNT(*) FROM user_roles").await, 2, "{bob:?} kept theirs");
    assert_eq!(harness.number("SELECT COUNT(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn an_audit_log_shows_the_events_of_its_organization_only() {
    let harness = Harness::new().await;
    let one = harness.organization("One").await;
    let two = harness.organization("Two").await;
    harness.user(&two, "bob@example.com", RoleId::MEMBER).await;
    assert_eq!(harness.audit(&one).await.len(), 1);
    assert!(harness.audit(&one).await.iter().all(|(event, _)| event.organization == one.id));
    assert_eq!(harness.audit(&two).await.len(), 2);
}

#[tokio::test]
async fn forms_of_different_people_that_have_the_same_one_time_id_make_a_key_each() {
    let harness = Harness::new().await;
    let (ada, bob, _) = strangers(&harness).await;
    for user in [&ada, &bob] {
        let mut key = harness.new_key("key", None);
        key.request_id = Some([9; 16]);
        assert_eq!(harness.create(user, &key).await.unwrap(), Recorded::New);
    }
}
