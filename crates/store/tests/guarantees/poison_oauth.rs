//! What is kept of apps is input too: a row that cannot be read refuses its own app, and neither the start nor anybody else's.

use std::path::Path;

use jiff::SignedDuration;
use keystead_domain::{ConnectionId, RoleId, User};
use keystead_token::Token;

use crate::harness::{Harness, blob as sql_blob, now};
use crate::oauth::apps_of;
use crate::people::grant;

const BLOBS: [&str; 4] = ["x''", "x'00'", "zeroblob(17)", "zeroblob(100000)"];
const TEXTS: [&str; 4] = ["''", "CAST(x'fffe00c0' AS TEXT)", "CAST(zeroblob(100000) AS TEXT)", "'[1, null]'"];
const INTEGERS: [&str; 4] = ["-9223372036854775808", "9223372036854775807", "2", "-1"];

/// An app of somebody's with a refresh token.
struct Kept {
    user: User,
    app: ConnectionId,
    code: Token,
    refresh: Token,
}

/// Two people of one organization with an app each, and a second one of the first's.
async fn three_apps(path: &Path) -> Vec<Kept> {
    let harness = Harness::in_folder(path).await;
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let bob = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
    let mut kept = Vec::new();
    for user in [&ada, &ada, &bob] {
        let app = harness.connect(user).await;
        let refresh = harness.refresh_token(&app, now() + SignedDuration::from_hours(24)).await;
        kept.push(Kept { user: user.clone(), app: app.id, code: app.code, refresh });
    }
    harness.store.close().await;
    kept
}

/// A copy of the store after somebody's tool ran.
async fn damaged(original: &Path, sql: &str) -> Harness {
    let harness = Harness::copy_of(original).await;
    harness.raw_unprotected(sql).await;
    harness.reopened().await
}

/// The app works, its owner sees it, and its tokens are found.
async fn assert_works(harness: &Harness, kept: &Kept, case: &str) {
    let (_, known) = harness.load().await;
    assert_eq!(known.connections.get(&kept.app), Some(&kept.user.id), "{case}");
    assert!(harness.listed(&kept.user).await.contains(&kept.app), "{case}");
    assert!(
        harness.refresh_record(&kept.refresh).await.is_some_and(|record| record.standing.used_at.is_none()),
        "{case}"
    );
    assert!(harness.begin().await.code(&kept.code.hash()).await.unwrap().is_some(), "{case}");
}

#[tokio::test]
async fn garbage_in_any_column_of_an_app_refuses_at_most_that_one_and_what_works_is_seen_by_its_owner() {
    let original = tempfile::tempdir().unwrap();
    let apps = three_apps(original.path()).await;
    let (blob, text, integer) = (&BLOBS[..], &TEXTS[..], &INTEGERS[..]);
    for (column, garbage) in [
        ("id", blob),
        ("organization_id", blob),
        ("user_id", blob),
        ("client_id", text),
        ("client_name", text),
        ("client_host", text),
        ("redirect_uri", text),
        ("code_hash", blob),
        ("challenge", blob),
        ("created_at", integer),
        ("redeemed_at", integer),
        ("redeemed_at", &["NULL"][..]),
        ("last_used_at", integer),
        ("ends_at", integer),
        ("generation", integer),
        ("ended_at", integer),
    ] {
        for garbage in garbage {
            let case = format!("{column} = {garbage}");
            let damaged_id = sql_blob(apps[1].app.as_bytes());
            let sql = format!("UPDATE connections SET {column} = {garbage} WHERE id = {damaged_id}");
            let harness = damaged(original.path(), &sql).await;
            assert_works(&harness, &apps[0], &case).await;
            assert_works(&harness, &apps[2], &case).await;
            let (_, known) = harness.load().await;
            for id in known.connections.keys() {
                let mut listed = harness.listed(&apps[0].user).await;
                listed.extend(harness.listed(&apps[2].user).await);
                let has_run_out = case.starts_with("ends_at");
                assert!(has_run_out || listed.contains(id), "{case}: in force, and nobody sees it");
            }
            // Read as a request does: refused, or found; never more than an error.
            for kept in &apps {
                _ = harness.begin().await.refresh_token(&kept.refresh.hash()).await;
                _ = harness.begin().await.code(&kept.code.hash()).await;
                _ = harness.begin().await.connection_of(&apps_of(&kept.user), kept.app).await;
            }
            // Neither its owner nor the upkeep is held up by it.
            let end = now() + SignedDuration::from_hours(24 * 91);
            let mut change = harness.begin_at(end).await;
            change.set_active(&grant(&apps[0].user), false).await.unwrap();
            change.tidy_connections(end, 100).await.unwrap();
            change.forget_refresh_tokens(100).await.unwrap();
            change.forget_unused_clients(end, end, 100).await.unwrap();
            change.commit().await.unwrap();
            assert!(harness.load().await.1.connections.is_empty(), "{case}: all have ended");
        }
    }
}

#[tokio::test]
async fn garbage_in_a_refresh_token_or_a_client_concerns_no_other() {
    let original = tempfile::tempdir().unwrap();
    let apps = three_apps(original.path()).await;
    let token = sql_blob(apps[1].refresh.hash().as_bytes());
    for (table, place, column, garbage) in [
        ("refresh_tokens", format!("token_hash = {token}"), "token_hash", &BLOBS[..]),
        ("refresh_tokens", format!("token_hash = {token}"), "connection_id", &BLOBS[..]),
        ("refresh_tokens", format!("token_hash = {token}"), "expires_at", &INTEGERS[..]),
        ("refresh_tokens", format!("token_hash = {token}"), "used_at", &INTEGERS[..]),
        ("refresh_tokens", format!("token_hash = {token}"), "generation", &INTEGERS[..]),
        ("refresh_tokens", format!("token_hash = {token}"), "used_at = 1, generation", &INTEGERS[..]),
    ] {
        for garbage in garbage {
            let case = format!("UPDATE {table} SET {column} = {garbage} WHERE {place}");
            let harness = damaged(original.path(), &case).await;
            assert_works(&harness, &apps[0], &case).await;
            assert_works(&harness, &apps[2], &case).await;
            assert_eq!(harness.load().await.1.connections.len(), 3, "{case}");
            let found = harness.begin().await.refresh_token(&apps[1].refresh.hash()).await;
            if let Ok(Some(record)) = found {
                _ = record.standing.on_use(now());
            }
        }
    }
    let original = tempfile::tempdir().unwrap();
    let harness = Harness::in_folder(original.path()).await;
    let clients = [harness.register("one", now(), 9).await, harness.register("two", now(), 9).await];
    harness.store.close().await;
    for (column, garbage) in [
        ("id", &BLOBS[..]),
        ("name", &TEXTS[..]),
        ("redirect_uris", &TEXTS[..]),
        (
            "redirect_uris",
            &["'[]'", "'{}'", "'[\"javascript:alert(1)\"]'", "'[\"http://evil.example/\"]'"][..],
        ),
        ("created_at", &INTEGERS[..]),
        ("allowed_at", &INTEGERS[..]),
    ] {
        for garbage in garbage {
            let id = sql_blob(clients[0].as_bytes());
            let case = format!("UPDATE oauth_clients SET {column} = {garbage} WHERE id = {id}");
            let harness = damaged(original.path(), &case).await;
            assert!(harness.store.registered_client(clients[1]).await.unwrap().is_some(), "{case}");
            if column == "redirect_uris" {
                let read = harness.store.registered_client(clients[0]).await;
                assert!(read.is_err(), "{case}: codes go nowhere that could not be registered");
            }
            harness.register("three", now(), 9).await;
        }
    }
}
