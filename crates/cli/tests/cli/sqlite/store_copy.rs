//! `keystead store copy`: all of a store goes over, once, whole, and with what it signs by.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use super::backup::kill_once_there;
use crate::nodes::Shared;
use crate::support::{Place, err, graphql, out, post};

/// A store of the newest schema that has something in almost every table.
const FULL: &str = include_str!("../../../../store/tests/schemas/0006.sql");
const IMPERSONATION: [&str; 6] =
    ["serve", "--listen", "127.0.0.1:0", "--impersonation", "--public-url", "https://keys.example.com"];

async fn connection(folder: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/keystead.db?mode=rwc", folder.display());
    AnyConnection::connect(&url).await.unwrap()
}

/// Runs statements on the store in a folder, past Keystead.
async fn sql(folder: &Path, statements: &str) {
    let mut connection = connection(folder).await;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Every row of every table of the store in a folder, as text, but for the feed's.
async fn rows(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut connection = connection(folder).await;
    let tables = "SELECT name, (SELECT group_concat('quote(' || c.name || ')', ' || '','' || ') FROM pragma_table_info(m.name) c) \
                  FROM sqlite_schema m WHERE type = 'table' AND name NOT IN ('_sqlx_migrations', 'changes', 'feed')";
    let mut all = BTreeMap::new();
    for table in sqlx::query(tables).fetch_all(&mut connection).await.unwrap() {
        let (name, columns): (String, String) = (table.get(0), table.get(1));
        let select = AssertSqlSafe(format!("SELECT {columns} FROM {name} ORDER BY 1"));
        let found = sqlx::query(select).fetch_all(&mut connection).await.unwrap();
        all.insert(name, found.iter().map(|row| row.get(0)).collect());
    }
    all
}

/// The command that copies one to the other.
fn args<'a>(from: &'a str, to: &'a str) -> [&'a str; 6] {
    ["store", "copy", "--from", from, "--to", to]
}

const FOLDER: &str = "sqlite:keystead-data";

/// A store with something in every table.
async fn full_store(place: &Place) {
    fs::create_dir(place.store()).unwrap();
    sql(&place.store(), FULL).await;
    let more = "INSERT INTO session_users SELECT s.id, u.id FROM sessions s, users u LIMIT 2;
                INSERT INTO audit_shipped SELECT id, 1 FROM organizations;";
    sql(&place.store(), more).await;
    place.ok(&["audit", "checkpoint"]);
}

#[tokio::test]
async fn a_store_that_is_copied_there_and_back_is_the_same_in_every_row() {
    let (shared, place) = (Shared::new(), Place::new());
    full_store(&place).await;
    let before = rows(&place.store()).await;
    assert!(before.values().all(|rows| !rows.is_empty()), "{before:?}");
    let file = fs::read(place.store().join("keystead.db")).unwrap();

    let output = shared.command(&place, &args(FOLDER, &shared.url)).output().unwrap();
    let (there, told) = (out(&output), err(&output));
    assert!(output.status.success(), "{told}");
    assert!(told.contains("Copied 2 of 2 rows of session_users.\n"), "{told}");
    assert!(told.contains("Compared 2 of 2 rows of session_users.\n"), "{told}");
    assert_eq!(there.lines().count(), before.len() + 1, "a line for each table: {there}");
    for (table, rows) in &before {
        assert!(there.contains(&format!("{table}: {} rows, SHA-256 ", rows.len())), "{there}");
        let count = shared.postgres.sql(&shared.url, &format!("SELECT COUNT(*) FROM {table}"));
        assert_eq!(count.trim(), rows.len().to_string(), "{table}");
    }
    assert_eq!(shared.nodes(), "", "nobody serves from it yet");

    let back = shared.ok(&place, &args(&shared.url, "sqlite:back"));
    assert_eq!(back, there, "the same digests");
    assert_eq!(rows(&place.path().join("back")).await, before);
    assert!(fs::read(place.store().join("keystead.db")).unwrap() == file, "not a byte was changed");
    for name in ["session-signing.keys", "audit-signing.key"] {
        let read = |folder: &str| fs::read(place.path().join(folder).join(name)).unwrap();
        assert_eq!(read("back"), read("keystead-data"), "{name}");
    }
    let status = shared.ok(&place, &["issuing", "status"]);
    assert!(status.contains("Stopped for a test."), "the operator's switch goes along: {status}");
}

#[test]
fn keys_sessions_and_audit_logs_go_on_in_the_copy() {
    let (shared, place) = (Shared::new(), Place::with_ada());
    let token = place.token();
    let link = place.ok(&["user", "sign-in-link", "ada@example.com"]);
    let server = crate::support::Server::start(&mut place.command(&IMPERSONATION));
    let create = "mutation { createApiKey(input: {name: \"embed\", allowImpersonation: true}) { token } }";
    let key = graphql(&server.url, &token, create)["createApiKey"]["token"].as_str().unwrap().to_owned();
    let mint =
        format!("mutation {{ impersonateUser(accessToken: \"{key}\", userEmail: \"ada@example.com\") }}");
    let body = serde_json::json!({ "query": mint }).to_string();
    let session = post(&server.url, "/graphql", "application/json", &body);
    let session = session["data"]["impersonateUser"].as_str().unwrap();
    server.stop();
    fs::write(place.path().join("kept.jsonl"), place.ok(&["audit", "checkpoint"])).unwrap();
    let public_key = place.ok(&["audit", "public-key"]);
    shared.ok(&place, &args(FOLDER, &shared.url));

    let verified = shared.ok(&place, &["audit", "verify", "--checkpoint", "kept.jsonl"]);
    assert!(verified.starts_with("OK  "), "{verified}");
    assert_eq!(shared.ok(&place, &["audit", "public-key"]), public_key);
    let nodes = ["a", "b"].map(|name| {
        let mut command = shared.command(&place, &IMPERSONATION);
        crate::support::Server::start(command.args(["--node-name", name]))
    });
    let code = link.trim_end().rsplit_once("/sign-in/").unwrap().1;
    for node in &nodes {
        for good in [&*token, &*key, session] {
            assert_eq!(node.get("/verify", good), 200);
        }
        assert_eq!(node.get(&format!("/sign-in/{code}"), ""), 200);
    }
    let listed = shared.ok(&place, &["key", "list", "--user", "ada@example.com", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = listed.as_array().unwrap().iter().find(|key| key["name"] == "embed").unwrap()["id"].as_str();
    shared.ok(&place, &["key", "revoke", id.unwrap()]);
    for node in &nodes {
        assert_eq!([&*token, &*key, session].map(|token| node.get("/verify", token)), [200, 401, 401]);
    }
    assert!(shared.ok(&place, &["audit", "verify", "--checkpoint", "kept.jsonl"]).starts_with("OK  "));
}

#[tokio::test]
async fn a_copy_that_is_killed_goes_on_and_neither_doubles_nor_loses_a_row() {
    let (shared, place) = (Shared::new(), Place::with_ada());
    let keys = "INSERT INTO api_keys (id, organization_id, creator_id, token_hash, masked_token, name, description, search_text, \
                allow_impersonation, created_at) \
                WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000) \
                SELECT randomblob(16), organization_id, id, randomblob(32), '', 'key ' || n, '', '', 0, n FROM n, users";
    sql(&place.store(), keys).await;
    let other = Place::with_ada();
    let from_other = format!("sqlite:{}", other.store().display());
    let count = || -> u64 {
        let count = shared.postgres.try_sql(&shared.url, "SELECT COUNT(*) FROM api_keys");
        count.ok().and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    };
    let mut killed = Vec::new();
    loop {
        let before = count();
        let command = shared.command(&place, &args(FOLDER, &shared.url));
        if !kill_once_there(command, || count() > before + 2_000) {
            break;
        }
        killed.push(count());
        for command in [&["user", "list"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let refused = shared.fails(&place, command);
            assert!(refused.contains("the copy into this store is not complete"), "{refused}");
        }
        let refused = shared.fails(&place, &args(&from_other, &shared.url));
        assert!(refused.contains("a part of a copy of another store"), "{refused}");
    }
    assert!(!killed.is_empty() && killed[0] < 20_000, "killed in the middle: {killed:?}");
    let tidy = shared.fails(&place, &args(FOLDER, &shared.url));
    assert!(tidy.contains("there is a store already"), "{tidy}");
    shared.ok(&place, &args(&shared.url, "sqlite:back"));
    assert_eq!(rows(&place.path().join("back")).await, rows(&place.store()).await);
}

#[tokio::test]
async fn a_row_that_was_damaged_on_the_way_is_found_and_the_copy_serves_nobody() {
    let (shared, place) = (Shared::new(), Place::new());
    full_store(&place).await;
    // PostgreSQL has no such character: the copy stops there.
    sql(
        &place.store(),
        "UPDATE audit_shipped SET sequence = 2; UPDATE oauth_clients SET name = 'a' || char(0)",
    )
    .await;
    let stopped = shared.fails(&place, &args(FOLDER, &shared.url));
    assert!(stopped.contains("the database refused"), "{stopped}");
    sql(&place.store(), "UPDATE oauth_clients SET name = 'a'").await;
    let damages = [
        (
            "users",
            "UPDATE users SET name = name || '.' WHERE email LIKE 'ada@%'",
            "UPDATE users SET name = rtrim(name, '.')",
        ),
        (
            "user_roles",
            "CREATE TABLE kept AS SELECT * FROM user_roles ORDER BY user_id LIMIT 1; \
             DELETE FROM user_roles WHERE user_id IN (SELECT user_id FROM kept)",
            "INSERT INTO user_roles SELECT * FROM kept",
        ),
    ];
    for (table, damage, repair) in damages {
        shared.postgres.sql(&shared.url, damage);
        let found = shared.fails(&place, &args(FOLDER, &shared.url));
        assert!(found.contains(&format!("not what was copied: in {table}, the row ")), "{found}");
        assert!(shared.fails(&place, &["user", "list"]).contains("is not complete"));
        shared.postgres.sql(&shared.url, repair);
    }
    shared.ok(&place, &args(FOLDER, &shared.url));
    shared.ok(&place, &["user", "list"]);
}

#[tokio::test]
async fn a_copy_goes_onto_nothing_and_is_of_nothing_that_is_served() {
    let (shared, place) = (Shared::new(), Place::with_ada());
    let server = place.serve(&[]);
    assert!(shared.fails(&place, &args(FOLDER, &shared.url)).contains("in use by another Keystead"));
    server.stop();
    shared.ok(&place, &args(FOLDER, &shared.url));

    let theirs = Place::with_ada();
    let there = format!("sqlite:{}", theirs.store().display());
    let before = rows(&theirs.store()).await;
    assert!(shared.fails(&place, &args(FOLDER, &there)).contains("there is a store already"));
    assert_eq!(rows(&theirs.store()).await, before);
    assert!(shared.fails(&place, &args(FOLDER, FOLDER)).contains("in use by another Keystead"));

    let node = shared.serve(&place, "a");
    let refused = shared.fails(&place, &args(&shared.url, "sqlite:back"));
    assert!(refused.contains("nodes serve from the store to copy: a"), "{refused}");
    assert!(!refused.contains(&shared.url));
    assert!(!place.path().join("back").exists(), "nothing is left behind");
    node.stop_by("-KILL");
    // Its lease ends, and it does not hold anything up.
    shared.ok(&place, &args(&shared.url, "sqlite:back"));

    let empty = Shared::new();
    assert!(shared.fails(&place, &args(&empty.url, "sqlite:none")).contains("there is no store to copy"));
    assert!(shared.fails(&place, &args("sqlite:none", &empty.url)).contains("there is no store to copy"));
    assert!(!place.path().join("none").exists());
    let old = Place::new();
    fs::create_dir(old.store()).unwrap();
    sql(&old.store(), include_str!("../../../../store/tests/schemas/0005.sql")).await;
    let refused = shared.fails(&old, &args(FOLDER, &empty.url));
    assert!(refused.contains("of an older Keystead (schema 5"), "{refused}");
}
