//! What may happen once happens once, however often it is asked for at the same time.

use std::sync::Arc;

use futures_util::future::join_all;
use keystead_domain::{Change, RoleId};
use keystead_store::Recorded;

use crate::harness::Harness;
use crate::people::{own, people};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_form_sent_20_times_at_once_makes_one_key() {
    let harness = Arc::new(Harness::new().await);
    let user = Arc::new(harness.somebody().await);
    let requests = (0..20).map(|_| {
        let (harness, user) = (Arc::clone(&harness), Arc::clone(&user));
        tokio::spawn(async move {
            let mut key = harness.new_key("key", None);
            key.request_id = Some([5; 16]);
            (key.id, harness.create(&user, &key).await.unwrap())
        })
    });
    let outcomes: Vec<_> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    let made: Vec<_> =
        outcomes.iter().filter(|(_, recorded)| *recorded == Recorded::New).map(|(id, _)| *id).collect();
    assert_eq!(made.len(), 1);
    for (id, recorded) in outcomes {
        assert!(id == made[0] || recorded == Recorded::Before(made[0]));
    }
    assert_eq!(harness.number("SELECT COUNT(*) FROM api_keys").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_revocations_at_once_one_finds_the_key() {
    let harness = Arc::new(Harness::new().await);
    let user = Arc::new(harness.somebody().await);
    let key = harness.key(&user, "key").await;
    let revocations = (0..10).map(|_| {
        let (harness, user) = (Arc::clone(&harness), Arc::clone(&user));
        tokio::spawn(async move { harness.revoke(&own(&user), key.id).await })
    });
    let found = join_all(revocations).await.into_iter().filter(|found| *found.as_ref().unwrap()).count();
    assert_eq!(found, 1);
    let told = harness.told();
    assert_eq!(told.iter().filter(|(_, change)| matches!(change, Change::KeyRevoked(_))).count(), 1);
}

#[tokio::test]
async fn an_address_is_one_user_of_an_organization_whatever_its_case() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let mut change = harness.begin().await;
    let again = harness.new_user("ADA@Example.com", RoleId::MEMBER);
    assert!(!change.create_user(&people(&organization), &again).await.unwrap());
    change.commit().await.unwrap();
    assert_eq!(harness.number("SELECT COUNT(*) FROM users").await, 1);
}
