//! Promise 4 against what only SQLite's dialect can say: `OR REPLACE` deletes rows without being asked to.

use keystead_domain::RoleId;
use tempfile::TempDir;

use crate::frozen::copied;
use crate::harness::Harness;
use crate::people::own;

#[tokio::test]
async fn a_revocation_cannot_be_undone_by_replacing_rows() {
    let folder = TempDir::new().unwrap();
    let harness = Harness::on_sqlite(folder.path()).await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    assert!(harness.revoke(&own(&user), key.id).await);
    for sql in [
        "UPDATE OR REPLACE api_keys SET revoked_at = NULL",
        "UPDATE OR REPLACE api_keys SET name = 'x', revoked_at = NULL",
        &copied("id", "").replace("INSERT", "INSERT OR REPLACE"),
        &copied("randomblob(16)", "").replace("INSERT", "INSERT OR REPLACE"),
    ] {
        let refused = harness.raw(sql).await.unwrap_err().to_string();
        let reasons = ["cannot be undone", "there is such a key"];
        assert!(reasons.iter().any(|why| refused.contains(why)), "{sql}: {refused}");
    }
    assert_eq!(harness.number("SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL").await, 0);
}

#[tokio::test]
async fn no_event_is_replaced_and_no_ended_session_brought_back() {
    let folder = TempDir::new().unwrap();
    let harness = Harness::on_sqlite(folder.path()).await;
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::ADMINISTRATOR).await;
    let key = harness.impersonation_key(&ada, "embed").await;
    harness.end_sessions(&ada, &key).await;
    let before = harness.audit(&organization).await;
    for sql in [
        "INSERT OR REPLACE INTO audit_events SELECT * FROM audit_events",
        "UPDATE OR REPLACE api_keys SET name = 'x', session_epoch = 0",
    ] {
        assert!(harness.raw(sql).await.is_err(), "{sql}");
    }
    assert_eq!(harness.audit(&organization).await, before);
    assert_eq!(harness.number("SELECT session_epoch FROM api_keys").await, 1);
}
