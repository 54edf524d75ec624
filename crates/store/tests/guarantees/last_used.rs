//! When a key was last used.

use crate::harness::{Harness, seconds};
use crate::people::own;

#[tokio::test]
async fn last_used_only_goes_forward_and_is_no_change_that_anybody_made() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    let (told, events) = (harness.told().len(), harness.number("SELECT COUNT(*) FROM audit_events").await);
    for (written, expected) in [(10, 10), (5, 10), (10, 10), (11, 11)] {
        let mut change = harness.begin().await;
        change.set_last_used(&[(key.id, seconds(written)), (harness.id(), seconds(1))]).await.unwrap();
        change.commit().await.unwrap();
        let read = harness.store.key(&own(&user), key.id).await.unwrap().unwrap();
        assert_eq!(read.last_used_at, Some(seconds(expected)));
    }
    assert_eq!(harness.told().len(), told);
    assert_eq!(harness.number("SELECT COUNT(*) FROM audit_events").await, events);
}
