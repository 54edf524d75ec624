//! The keys that sign are those of all nodes, and of nobody who has only the database.

use std::sync::Arc;

use futures_util::future::join_all;
use keystead_app::{Entropy, OpenError, SessionRefusal};
use keystead_domain::{Actor, SigningRing, hex};
use keystead_test_hosts::Postgres;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::world::{A_LEASE, Key, Node, Nodes, SECRET, in_time, until};

/// What tells all nodes that there are other keys.
const ANNOUNCE: &str = "UPDATE feed SET sequence = sequence + 1; INSERT INTO changes (sequence, kind, entity_id) \
     SELECT sequence, 'signing_keys', decode(repeat('00', 16), 'hex') FROM feed;";

async fn with_key(count: usize) -> (Nodes, Key) {
    let (nodes, key, _) = with_key_and_actor(count).await;
    (nodes, key)
}

async fn with_key_and_actor(count: usize) -> (Nodes, Key, Actor) {
    let nodes = Nodes::new(count).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key_that(&actor, true).await;
    (nodes, key, actor)
}

fn sql(nodes: &Nodes, statements: &str) -> String {
    Postgres::shared_fast().sql(&nodes.url, statements)
}

fn ids(node: &Node) -> Vec<String> {
    node.app.signing_keys().into_iter().map(|key| key.id).collect()
}

/// Does several things at once: none begins before all are about to change something.
async fn at_once<T>(nodes: &Nodes, things: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut other = PgConnection::connect(&nodes.url).await.unwrap();
    let mut turn = other.begin().await.unwrap();
    sqlx::query("SELECT sequence FROM feed FOR UPDATE").execute(&mut *turn).await.unwrap();
    let count = i64::try_from(things.len()).unwrap();
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let release = async {
        let mut look = PgConnection::connect(&nodes.url).await.unwrap();
        while sqlx::query(waiting).fetch_one(&mut look).await.unwrap().get::<i64, _>(0) < count {
            tokio::task::yield_now().await;
        }
        turn.commit().await.unwrap();
    };
    let things = Box::pin(join_all(things));
    in_time(async { tokio::join!(things, Box::pin(release)).0 }).await
}

#[tokio::test]
async fn a_session_that_one_node_minted_counts_on_every_other_and_on_one_that_comes_later() {
    let (mut nodes, key) = with_key(2).await;
    let token = nodes.all[0].mint(&key).await;
    assert_eq!(nodes.verify_session(&token), [Ok(()); 2]);
    nodes.start().await;
    assert_eq!(nodes.verify_session(&token), [Ok(()); 3]);
    assert_eq!(nodes.verify_session(&nodes.all[2].mint(&key).await), [Ok(()); 3]);
    let published: Vec<_> = nodes.all.iter().map(|node| node.app.jwks().to_string()).collect();
    assert!(published.iter().all(|keys| *keys == published[0]), "{published:?}");
}

#[tokio::test]
async fn a_rotation_on_one_node_is_known_on_all_when_it_returns() {
    let (nodes, key) = with_key(3).await;
    let before = nodes.all[0].mint(&key).await;
    for round in 0..10 {
        let rotated = in_time(nodes.all[round % 3].app.rotate_signing_keys(false)).await.unwrap();
        for node in &nodes.all {
            assert_eq!(node.app.signing_keys(), rotated, "{round}");
            let token = node.mint(&key).await;
            assert_eq!(nodes.verify_session(&token), [Ok(()); 3], "{round}");
        }
    }
    assert_eq!(nodes.verify_session(&before), [Ok(()); 3]);
    let version = sql(&nodes, "SELECT version FROM sealed WHERE name = 'session-signing.keys'");
    assert_eq!(version.trim(), "11");
}

#[tokio::test]
async fn keys_that_were_discarded_on_one_node_count_on_none_when_it_returns() {
    let (nodes, key) = with_key(3).await;
    for round in 0..10 {
        let old = nodes.all[round % 3].mint(&key).await;
        in_time(nodes.all[(round + 1) % 3].app.rotate_signing_keys(true)).await.unwrap();
        assert_eq!(nodes.verify_session(&old), [Err(SessionRefusal::Ended); 3], "{round}");
        let new = nodes.all[(round + 2) % 3].mint(&key).await;
        assert_eq!(nodes.verify_session(&new), [Ok(()); 3], "{round}");
    }
}

#[tokio::test]
async fn discarding_keys_returns_only_when_a_node_that_is_cut_off_can_answer_no_more() {
    let (nodes, key) = with_key(2).await;
    let old = nodes.all[1].mint(&key).await;
    nodes.all[1].link.cut();
    let discarding = tokio::spawn({
        let app = Arc::clone(&nodes.all[0].app);
        async move { app.rotate_signing_keys(true).await }
    });
    until(|| nodes.all[0].verify_session(&old) == Err(SessionRefusal::Ended)).await;
    assert_eq!(nodes.all[1].verify_session(&old), Ok(()), "its lease counts as long as no time passes");
    assert!(!discarding.is_finished());
    nodes.advance(A_LEASE);
    in_time(discarding).await.unwrap().unwrap();
    assert_eq!(nodes.all[1].verify_session(&old), Err(SessionRefusal::Unavailable));
    nodes.all[1].link.mend();
    until(|| {
        assert_ne!(nodes.all[1].verify_session(&old), Ok(()), "it answered before it knew");
        nodes.all[1].verify(&key.token).is_ok()
    })
    .await;
    assert_eq!(nodes.all[1].verify_session(&old), Err(SessionRefusal::Ended));
}

#[tokio::test]
async fn nodes_that_start_at_once_have_the_same_keys() {
    let mut nodes = Nodes::new(1).await;
    nodes.all.remove(0).app.close().await.unwrap();
    sql(&nodes, "DELETE FROM sealed");
    let started = at_once(&nodes, (0..3).map(|number| nodes.open(SECRET, number)).collect()).await;
    let started: Vec<_> = started.into_iter().map(Result::unwrap).collect();
    for node in &started {
        assert_eq!(ids(node), ids(&started[0]));
        assert_eq!(node.app.audit_public_key().to_string(), started[0].app.audit_public_key().to_string());
    }
}

#[tokio::test]
async fn rotations_of_several_nodes_at_once_all_count() {
    let (nodes, key) = with_key(3).await;
    let (token, before) = (nodes.all[0].mint(&key).await, ids(&nodes.all[0]));
    let rotations = nodes.all.iter().map(|node| node.app.rotate_signing_keys(false)).collect();
    for rotated in at_once(&nodes, rotations).await {
        rotated.unwrap();
    }
    let after = ids(&nodes.all[0]);
    assert_eq!((after.len(), &after[3..]), (5, &[before[1].clone(), before[0].clone()][..]));
    assert!(nodes.all.iter().all(|node| ids(node) == after));
    assert_eq!(nodes.verify_session(&token), [Ok(()); 3]);
}

#[tokio::test]
async fn several_nodes_that_find_the_keys_too_old_rotate_them_once() {
    let (nodes, key) = with_key(3).await;
    for round in 0..3 {
        let before = ids(&nodes.all[0]);
        nodes.advance(SigningRing::ROTATE_AFTER);
        until(|| nodes.verify(&key.token) == [Ok(()); 3]).await;
        let maintained = nodes.all.iter().map(|node| node.app.maintain_sessions()).collect();
        for maintained in at_once(&nodes, maintained).await {
            maintained.unwrap();
        }
        for node in &nodes.all {
            let after = ids(node);
            assert_eq!((after.len(), &after[0], &after[2]), (3, &before[1], &before[0]), "{round}");
        }
    }
}

#[tokio::test]
async fn a_node_with_another_secret_does_not_start() {
    let nodes = Nodes::new(1).await;
    let refused = nodes.open("another secret that is long enough as well", 1).await;
    assert!(matches!(refused, Err(OpenError::OtherSecret)));
    assert!(nodes.open(SECRET, 1).await.is_ok());
}

#[tokio::test]
async fn the_database_shows_no_key_that_signs_and_not_what_they_are_sealed_with() {
    let (nodes, _) = with_key(1).await;
    in_time(nodes.all[0].app.rotate_signing_keys(false)).await.unwrap();
    let dump = sql(&nodes, "SET xmlbinary TO hex; SELECT database_to_xml(true, false, '')").to_lowercase();
    assert!(dump.contains("session-signing.keys") && dump.contains("audit-signing.key"));
    // All that the node drew, and so each seed, as bytes and as the digits that are sealed.
    let (drawn, now, mut signs) = (Entropy::seeded(0), nodes.all[0].clock.now(), 0);
    for _ in 0..200 {
        let seed = drawn.bytes::<32>().unwrap();
        let (ring, digits) = (SigningRing::new([seed, [0; 32]], now).list(), hex::encode(&seed));
        signs += usize::from(ids(&nodes.all[0]).contains(&ring[0].id));
        assert!(!dump.contains(&digits) && !dump.contains(&hex::encode(digits.as_bytes())));
    }
    assert_eq!(signs, 3, "seeds of keys were looked for");
    assert!(!dump.contains(SECRET) && !dump.contains(&hex::encode(SECRET.as_bytes())));
}

#[tokio::test]
async fn what_is_sealed_opens_only_as_what_it_was_sealed_as() {
    let nodes = Nodes::new(1).await;
    let kept = "CREATE TABLE kept AS SELECT * FROM sealed; ALTER TABLE sealed DISABLE TRIGGER USER;";
    sql(&nodes, kept);
    let put = "DELETE FROM sealed; INSERT INTO sealed SELECT";
    for (change, moved) in [
        (
            "moved to another name",
            "CASE name WHEN 'audit-signing.key' THEN 'session-signing.keys' ELSE 'audit-signing.key' END, version, content",
        ),
        ("made a later version", "name, version + 1, content"),
        (
            "turned in one bit",
            "name, version, set_byte(content, length(content) - 20, get_byte(content, length(content) - 20) # 1)",
        ),
        ("cut", "name, version, substring(content FOR 20)"),
        ("emptied", "name, version, ''::bytea"),
    ] {
        sql(&nodes, &format!("{put} {moved} FROM kept"));
        assert!(matches!(nodes.open(SECRET, 1).await, Err(OpenError::OtherSecret)), "{change}");
    }
    sql(&nodes, &format!("{put} * FROM kept"));
    assert_eq!(ids(&nodes.open(SECRET, 1).await.unwrap()), ids(&nodes.all[0]));
}

#[tokio::test]
async fn a_node_that_cannot_read_the_new_keys_answers_nothing() {
    let (nodes, key) = with_key(2).await;
    let token = nodes.all[0].mint(&key).await;
    sql(&nodes, "CREATE TABLE kept AS SELECT * FROM sealed WHERE name = 'session-signing.keys'");
    sql(&nodes, &format!("UPDATE sealed SET version = 2 WHERE name = 'session-signing.keys'; {ANNOUNCE}"));
    until(|| nodes.verify_session(&token) == [Err(SessionRefusal::Unavailable); 2]).await;
    sql(
        &nodes,
        "DELETE FROM sealed WHERE name = 'session-signing.keys'; INSERT INTO sealed SELECT * FROM kept",
    );
    until(|| nodes.verify_session(&token) == [Ok(()); 2]).await;
}

#[tokio::test]
async fn keys_that_were_discarded_do_not_come_back_to_a_node_that_runs() {
    let (nodes, key) = with_key(2).await;
    let old = nodes.all[0].mint(&key).await;
    sql(&nodes, "CREATE TABLE kept AS SELECT * FROM sealed WHERE name = 'session-signing.keys'");
    in_time(nodes.all[0].app.rotate_signing_keys(true)).await.unwrap();
    let back =
        "DELETE FROM sealed WHERE name = 'session-signing.keys'; INSERT INTO sealed SELECT * FROM kept;";
    let known = nodes.all[0].app.directory().sequence();
    sql(&nodes, &format!("{back} {ANNOUNCE}"));
    until(|| nodes.all.iter().all(|node| node.app.directory().sequence() > known)).await;
    assert_eq!(nodes.verify_session(&old), [Err(SessionRefusal::Ended); 2]);
}

#[tokio::test]
async fn a_node_that_was_away_too_long_to_go_on_has_the_keys_of_now() {
    let (nodes, key, actor) = with_key_and_actor(2).await;
    let old = nodes.all[1].mint(&key).await;
    nodes.all[1].link.cut();
    nodes.advance(A_LEASE);
    until(|| nodes.all[0].verify(&key.token).is_ok()).await;
    in_time(nodes.all[0].app.rotate_signing_keys(true)).await.unwrap();
    let new = nodes.all[0].mint(&key).await;
    // What comes after it is all that is left of the feed.
    nodes.all[0].create_key(&actor).await;
    sql(&nodes, "DELETE FROM changes WHERE sequence < (SELECT sequence FROM feed)");
    nodes.all[1].link.mend();
    until(|| nodes.all[1].verify_session(&new).is_ok()).await;
    assert_eq!(nodes.all[1].verify_session(&old), Err(SessionRefusal::Ended));
}

#[tokio::test]
async fn a_node_writes_no_file() {
    let (nodes, key) = with_key(2).await;
    in_time(nodes.all[0].app.rotate_signing_keys(true)).await.unwrap();
    nodes.all[1].mint(&key).await;
    nodes.all[1].app.close().await.unwrap();
    assert!(!nodes.folder().exists());
}
