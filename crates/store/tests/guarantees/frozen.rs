//! Promise 4, kept by the database itself: whoever has a database tool cannot break it by accident.

use keystead_domain::RoleId;

use crate::harness::Harness;
use crate::people::own;

#[tokio::test]
async fn what_is_frozen_cannot_be_updated_by_any_sql() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    harness.key(&user, "key").await;
    for column in [
        "id = randomblob(16)",
        "organization_id = randomblob(16)",
        "creator_id = randomblob(16)",
        "token_hash = randomblob(32)",
        "masked_token = 'ks_aaaa…bbbb'",
        "allow_impersonation = 1",
        "request_id = randomblob(16)",
        "created_at = 0",
        "expires_at = NULL",
        "expires_at = 0, name = 'hidden among others'",
    ] {
        let refused = harness.raw(&format!("UPDATE api_keys SET {column}")).await;
        assert!(refused.unwrap_err().to_string().contains("never change"), "{column}");
    }
    harness.raw("UPDATE api_keys SET name = 'n', description = 'd', last_used_at = 1").await.unwrap();
}

/// Puts every key there once more, but under this id.
pub(crate) fn copied(id: &str, on_conflict: &str) -> String {
    // All that a key has no default for, but its id.
    let rest = "organization_id, creator_id, token_hash, masked_token, name, description, search_text, allow_impersonation, \
                created_at";
    format!("INSERT INTO api_keys (id, {rest}) SELECT {id}, {rest} FROM api_keys WHERE true {on_conflict}")
}

#[tokio::test]
async fn a_revocation_cannot_be_undone_by_any_sql() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    assert!(harness.revoke(&own(&user), key.id).await);
    for sql in [
        "UPDATE api_keys SET revoked_at = NULL",
        "UPDATE api_keys SET revoked_at = 9",
        "DELETE FROM api_keys",
        &copied("id", "ON CONFLICT (id) DO UPDATE SET revoked_at = NULL"),
        &copied("randomblob(16)", "ON CONFLICT (token_hash) DO UPDATE SET revoked_at = NULL"),
    ] {
        let refused = harness.raw(sql).await.unwrap_err().to_string();
        assert!(
            ["cannot be undone", "never deleted", "there is such a key"]
                .iter()
                .any(|why| refused.contains(why)),
            "{sql}: {refused}"
        );
    }
    assert_eq!(harness.number("SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL").await, 0);
}

#[tokio::test]
async fn the_audit_log_can_only_be_appended_to() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let before = harness.audit(&organization).await;
    for sql in [
        "UPDATE audit_events SET details = '{}'",
        "DELETE FROM audit_events",
        "INSERT INTO audit_events SELECT * FROM audit_events WHERE true ON CONFLICT (organization_id, sequence) DO UPDATE SET at = 0",
        "INSERT INTO audit_events SELECT organization_id, 99, at, user_id, via, via_id, address, action, target, details, link \
         FROM audit_events LIMIT 1",
    ] {
        assert!(harness.raw(sql).await.is_err(), "{sql}");
    }
    assert_eq!(harness.audit(&organization).await, before);
}

#[tokio::test]
async fn ids_hashes_and_whole_seconds_are_checked_by_the_database() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    harness.key(&user, "key").await;
    let copy = |id: &str, hash: &str, expires: &str| {
        format!(
            "INSERT INTO api_keys (id, organization_id, creator_id, token_hash, masked_token, name, description, search_text, \
             allow_impersonation, created_at, expires_at) SELECT {id}, organization_id, creator_id, {hash}, '', 'n', '', '', 0, 0, \
             {expires} FROM api_keys LIMIT 1"
        )
    };
    for sql in [
        copy("randomblob(15)", "randomblob(32)", "NULL"),
        copy("randomblob(16)", "randomblob(31)", "NULL"),
        copy("randomblob(16)", "CAST('a hash in hexadecimal, not 32 by' AS TEXT)", "NULL"),
        copy("randomblob(16)", "randomblob(32)", "1500"),
        copy("randomblob(16)", "randomblob(32)", "'tomorrow'"),
    ] {
        assert!(harness.raw(&sql).await.is_err(), "{sql}");
    }
    harness.raw(&copy("randomblob(16)", "randomblob(32)", "2000")).await.unwrap();
}
