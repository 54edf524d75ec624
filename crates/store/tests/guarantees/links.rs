//! Links that work once.

use std::sync::Arc;

use futures_util::future::join_all;
use keystead_domain::audit::Trace;
use keystead_store::{LinkKind, Purpose};

use crate::harness::{Harness, now, seconds};
use crate::people::grant;

async fn use_link(harness: &Harness, hash: &[u8; 32], at: jiff::Timestamp) -> Option<Purpose> {
    let mut change = harness.store.begin(Trace::visitor("sign_in", None, at)).await.unwrap();
    let purpose = change.use_link(hash).await.unwrap();
    change.commit().await.unwrap();
    purpose
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_opened_50_times_at_once_works_once() {
    let harness = Arc::new(Harness::new().await);
    let user = harness.somebody().await;
    let mut change = harness.begin().await;
    change.create_user_link(&grant(&user), LinkKind::SignIn, &[1; 32], seconds(60)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(
        harness.store.link(&[1; 32], now()).await.unwrap(),
        Some(Purpose::User(LinkKind::SignIn, user.id))
    );

    let opened = (0..50).map(|_| {
        let harness = Arc::clone(&harness);
        tokio::spawn(async move { use_link(&harness, &[1; 32], now()).await })
    });
    let worked: Vec<_> = join_all(opened).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(worked, [Purpose::User(LinkKind::SignIn, user.id)]);
    assert_eq!(harness.store.link(&[1; 32], now()).await.unwrap(), None);
}

#[tokio::test]
async fn a_link_works_until_it_runs_out_and_not_at_that_moment() {
    let harness = Harness::new().await;
    let mut change = harness.begin().await;
    change.create_set_up_link(&[1; 32], seconds(60)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(harness.store.link(&[1; 32], seconds(60)).await.unwrap(), None);
    assert_eq!(use_link(&harness, &[1; 32], seconds(60)).await, None);
    assert_eq!(use_link(&harness, &[2; 32], seconds(59)).await, None, "one that never was");
    assert_eq!(use_link(&harness, &[1; 32], seconds(59)).await, Some(Purpose::SetUp));
}

#[tokio::test]
async fn a_link_whose_use_was_rolled_back_still_works() {
    let harness = Harness::new().await;
    let mut change = harness.begin().await;
    change.create_set_up_link(&[1; 32], seconds(60)).await.unwrap();
    change.commit().await.unwrap();
    let mut change = harness.begin().await;
    assert_eq!(change.use_link(&[1; 32]).await.unwrap(), Some(Purpose::SetUp));
    drop(change);
    assert_eq!(use_link(&harness, &[1; 32], now()).await, Some(Purpose::SetUp));
}

#[tokio::test]
async fn a_new_set_up_link_ends_the_one_before_and_deactivation_ends_sign_in_links() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let mut change = harness.begin().await;
    change.create_set_up_link(&[1; 32], seconds(60)).await.unwrap();
    change.create_set_up_link(&[2; 32], seconds(60)).await.unwrap();
    change.create_user_link(&grant(&user), LinkKind::SignIn, &[3; 32], seconds(60)).await.unwrap();
    change.set_active(&grant(&user), false).await.unwrap();
    change.set_active(&grant(&user), true).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(use_link(&harness, &[1; 32], now()).await, None);
    assert_eq!(use_link(&harness, &[3; 32], now()).await, None);
    assert_eq!(use_link(&harness, &[2; 32], now()).await, Some(Purpose::SetUp));
}
