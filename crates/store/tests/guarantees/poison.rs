//! The store's own data is input too: a row that cannot be read fails itself, and nothing else.

use std::path::Path;

use keystead_domain::{Change, KeyFilter, PageRequest, RoleId};

use crate::harness::{Harness, now, seconds};
use crate::people::{all, grant};

/// Values that the schema's types let in when its checks are off.
const BLOBS: [&str; 4] = ["x''", "x'00'", "zeroblob(17)", "zeroblob(100000)"];
const TEXTS: [&str; 3] = ["''", "CAST(x'fffe00c0' AS TEXT)", "CAST(zeroblob(100000) AS TEXT)"];
const INTEGERS: [&str; 4] = ["-9223372036854775808", "9223372036854775807", "2", "-1"];

/// Puts garbage into one column of the row of a name, in a copy of the store.
async fn poisoned(original: &Path, table: &str, column: &str, garbage: &str) -> Harness {
    let harness = Harness::copy_of(original).await;
    harness.raw_unprotected(&format!("UPDATE {table} SET {column} = {garbage} WHERE name LIKE 'bob%'")).await;
    harness.reopened().await
}

#[tokio::test]
async fn garbage_in_any_column_of_a_key_or_user_refuses_at_most_that_one_and_never_stops_the_start() {
    let original = tempfile::tempdir().unwrap();
    let harness = Harness::in_folder(original.path()).await;
    let organization = harness.organization("One").await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let user = harness.user(&organization, &format!("{name}@example.com"), RoleId::MEMBER).await;
        let key = harness.new_key(name, Some(seconds(1000)));
        harness.create(&user, &key).await.unwrap();
        people.push((user, key));
    }
    harness.store.close().await;
    drop(harness);

    let (blob, text, integer) = (&BLOBS[..], &TEXTS[..], &INTEGERS[..]);
    let keys = [
        ("id", blob),
        ("organization_id", blob),
        ("creator_id", blob),
        ("token_hash", blob),
        ("masked_token", text),
        ("name", text),
        ("description", text),
        ("search_text", text),
        ("allow_impersonation", integer),
        ("request_id", blob),
        ("created_at", integer),
        ("expires_at", integer),
        ("last_used_at", integer),
        ("revoked_at", integer),
        ("session_epoch", integer),
        ("last_minted_at", integer),
    ];
    let users = [
        ("id", blob),
        ("organization_id", blob),
        ("email", text),
        ("email_folded", text),
        ("name", text),
        ("password_hash", text),
        ("active", integer),
        ("created_at", integer),
    ];
    let cases =
        keys.map(|column| ("api_keys", column)).into_iter().chain(users.map(|column| ("users", column)));
    for (table, (column, garbage)) in cases {
        for garbage in garbage {
            let harness = poisoned(original.path(), table, column, garbage).await;
            let (_, known) = harness.load().await;
            let page = PageRequest { first: 100, after: None };
            let list =
                harness.store.keys(&all(&people[0].0), &KeyFilter::default(), &page, now()).await.unwrap();
            for (user, key) in [&people[0], &people[2]] {
                let case = format!("{table}.{column} = {garbage}");
                assert!(known.keys.contains_key(key.hash.as_bytes()), "{case}");
                assert!(known.users.contains_key(&user.id), "{case}");
                assert!(list.keys.iter().any(|listed| listed.id == key.id), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_does_not_exist_gives_nothing_and_takes_nothing() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    harness.raw("INSERT INTO user_roles (user_id, role) SELECT id, 'emperor' FROM users").await.unwrap();
    let (_, known) = harness.load().await;
    assert_eq!(known.user(user.id).permissions(), user.permissions());
}

#[tokio::test]
async fn whoever_cannot_be_read_can_still_be_deactivated_and_their_keys_revoked() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.key(&user, "key").await;
    harness.raw_unprotected("UPDATE users SET created_at = 9223372036854775807").await;
    harness.raw_unprotected("UPDATE api_keys SET token_hash = x'00'").await;
    assert!(harness.revoke(&all(&user), key.id).await);
    let mut change = harness.begin().await;
    change.set_active(&grant(&user), false).await.unwrap();
    change.commit().await.unwrap();
    let told = harness.told();
    let (_, last) = told.last().unwrap();
    assert!(matches!(last, Change::UserGone(id) if *id == user.id), "{last:?}");
}
