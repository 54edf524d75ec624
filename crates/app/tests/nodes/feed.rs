//! The feed: in commit order, without gaps, and of one history.

use std::sync::Arc;

use jiff::SignedDuration;
use keystead_app::Refusal;
use keystead_domain::{Error, hex};
use keystead_test_hosts::Postgres;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::world::{A_LEASE, Nodes, until};

#[tokio::test]
async fn a_number_that_is_taken_and_not_committed_yet_is_skipped_by_nobody() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    // Somebody takes the next number, revokes by it, and holds the transaction open.
    let mut other = PgConnection::connect(&nodes.url).await.unwrap();
    let mut change = other.begin().await.unwrap();
    let number: i64 = sqlx::query("UPDATE feed SET sequence = sequence + 1 RETURNING sequence")
        .fetch_one(&mut *change)
        .await
        .unwrap()
        .get(0);
    let id = key.id.as_bytes().to_vec();
    sqlx::query("UPDATE api_keys SET revoked_at = 1 WHERE id = $1")
        .bind(&id)
        .execute(&mut *change)
        .await
        .unwrap();
    sqlx::query("INSERT INTO changes (sequence, kind, entity_id) VALUES ($1, 'key', $2)")
        .bind(number)
        .bind(&id)
        .execute(&mut *change)
        .await
        .unwrap();
    let (creating, ()) = tokio::join!(nodes.all[0].create_key(&actor), async {
        assert_eq!(nodes.verify(&key.token), [Ok(()); 2]);
        change.commit().await.unwrap();
    });
    until(|| nodes.verify(&key.token) == [Err(Refusal::Unknown); 2]).await;
    assert_eq!(nodes.verify(&creating.token), [Ok(()); 2], "the next number came after it");
}

#[tokio::test]
async fn a_database_that_lost_what_it_had_committed_is_served_by_nobody() {
    let mut nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    let lose = "DELETE FROM changes WHERE sequence = (SELECT sequence FROM feed); UPDATE feed SET sequence = sequence - 1;";
    Postgres::shared_fast().sql(&nodes.url, lose);
    until(|| nodes.verify(&key.token) == [Err(Refusal::Unavailable); 2]).await;
    // Neither time nor new changes make it whole.
    nodes.advance(A_LEASE);
    Postgres::shared_fast().sql(&nodes.url, "UPDATE feed SET sequence = sequence + 1");
    let halted = || Postgres::shared_fast().sql(&nodes.url, "SELECT halted FROM feed");
    until(|| halted().contains("not in the database any more")).await;
    assert_eq!(nodes.verify(&key.token), [Err(Refusal::Unavailable); 2]);
    // Nor is anything written to what is left of it.
    assert_eq!(nodes.all[0].try_to_create_key(&actor, false).await.err(), Some(Error::Unavailable));
    nodes.all.clear();
}

#[tokio::test]
async fn what_is_left_of_a_history_is_not_loaded_before_its_loss_is_written_down() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    let sql = |statements: &str| Postgres::shared_fast().sql(&nodes.url, statements);
    sql(
        "CREATE TRIGGER no_halt BEFORE UPDATE OF halted ON feed FOR EACH ROW EXECUTE FUNCTION refuse('a full disk')",
    );
    sql(
        "DELETE FROM changes WHERE sequence = (SELECT sequence FROM feed); UPDATE feed SET sequence = sequence - 1;",
    );
    until(|| nodes.verify(&key.token) == [Err(Refusal::Unavailable); 2]).await;
    let renewed = || sql("SELECT COALESCE(SUM(renewals), 0) FROM nodes");
    let before = renewed();
    for _ in 0..100 {
        nodes.advance(A_LEASE);
        tokio::task::yield_now().await;
        assert_eq!(nodes.verify(&key.token), [Err(Refusal::Unavailable); 2]);
    }
    assert_eq!(renewed(), before, "no lease is asked for");
    sql("DROP TRIGGER no_halt ON feed");
    until(|| sql("SELECT halted FROM feed").contains("not in the database any more")).await;
    assert_eq!(nodes.verify(&key.token), [Err(Refusal::Unavailable); 2]);
}

#[tokio::test]
async fn a_database_that_was_restarted_is_written_to_and_followed_again_without_anybody_noticing() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let before = nodes.all[0].create_key(&actor).await;
    Postgres::shared_fast().disconnect(&nodes.url);
    // It is the same server: what it shows of nodes is believed, without waiting for a lease to end.
    let after = nodes.all[0].create_key(&actor).await;
    nodes.all[1].revoke(&actor, &before).await;
    assert!(nodes.verify(&before.token).iter().all(Result::is_err));
    until(|| nodes.verify(&before.token) == [Err(Refusal::Unknown); 2]).await;
    until(|| nodes.verify(&after.token) == [Ok(()); 2]).await;
}

#[tokio::test]
async fn a_server_that_took_over_is_not_believed_until_all_leases_have_ended_that_it_may_not_know_of() {
    let mut nodes = Nodes::new(1).await;
    let actor = nodes.set_up().await;
    let key = nodes.all[0].create_key(&actor).await;
    let revoker = actor.clone();
    // What another server would show that took over without the first node's row; the first cannot be told.
    nodes.all[0].link.cut();
    let sql = |statement: &str| Postgres::shared_fast().sql(&nodes.url, statement);
    sql("DELETE FROM nodes; UPDATE feed SET timeline = '00000000'");
    nodes.start().await;
    let revoking = tokio::spawn({
        let (app, id) = (Arc::clone(&nodes.all[1].app), key.id);
        async move { app.revoke_key(&revoker, id, Some("key")).await }
    });
    until(|| nodes.all[1].verify(&key.token) == Err(Refusal::Unknown)).await;
    assert_eq!(nodes.all[0].verify(&key.token), Ok(()), "it holds a lease");
    // In what time the database answers others many times, it has looked; none passes by which a lease ends.
    let timeline = || Postgres::shared_fast().sql(&nodes.url, "SELECT timeline FROM feed");
    for _ in 0..20 {
        assert_eq!(timeline().trim(), "00000000");
        assert!(!revoking.is_finished());
    }
    nodes.as_time_passes(revoking).await.unwrap().unwrap();
    assert_eq!(nodes.all[0].verify(&key.token), Err(Refusal::Unavailable));
    // From then on it is the one to believe, for whoever comes.
    until(|| timeline().trim() == "00000001").await;
    let other = nodes.all[1].create_key(&actor).await;
    nodes.all[0].link.mend();
    until(|| nodes.all[0].verify(&other.token) == Ok(())).await;
    nodes.start().await;
    nodes.all[2].revoke(&actor, &other).await;
    assert_eq!(nodes.verify(&other.token), [Err(Refusal::Unknown); 3]);
}

#[tokio::test]
async fn a_node_counts_its_renewals_itself_so_that_one_whose_row_was_lost_does_not_look_silent() {
    let nodes = Nodes::new(1).await;
    nodes.set_up().await;
    let renewals = || {
        let said = Postgres::shared_fast().sql(&nodes.url, "SELECT COALESCE(MAX(renewals), 0) FROM nodes");
        said.trim().parse::<i64>().unwrap()
    };
    for _ in 0..3 {
        let before = renewals();
        nodes.advance(A_LEASE);
        until(|| renewals() > before).await;
    }
    let before = renewals();
    Postgres::shared_fast().sql(&nodes.url, "DELETE FROM nodes");
    nodes.advance(A_LEASE);
    until(|| renewals() > 0).await;
    assert!(renewals() > before);
}

#[tokio::test]
async fn a_node_is_forgotten_by_the_clock_of_who_forgets_it_whatever_its_own_wall_clock_says() {
    let nodes = Nodes::new(2).await;
    nodes.set_up().await;
    let sql = |statement: &str| Postgres::shared_fast().sql(&nodes.url, statement);
    sql(
        "INSERT INTO nodes SELECT decode(repeat('ab', 16), 'hex'), 'killed', '0', schema, 0, 9000000000000, 1, 0, 0 FROM nodes LIMIT 1",
    );
    sql("UPDATE nodes SET seen_at = 0 WHERE name = 'node 1'");
    let names = || sql("SELECT string_agg(name, ',' ORDER BY name) FROM nodes").trim().to_owned();
    for minutes in [1, 58] {
        let renewals = || sql("SELECT MIN(renewals) FROM nodes WHERE name <> 'killed'");
        let before = renewals();
        nodes.advance(SignedDuration::from_mins(minutes));
        until(|| renewals() != before).await;
        assert_eq!(names(), "killed,node 0,node 1");
    }
    // A look may be of before the last minute.
    until(|| {
        nodes.advance(SignedDuration::from_mins(1));
        names() == "node 0,node 1"
    })
    .await;
}

#[tokio::test]
async fn a_node_whose_database_is_gone_without_a_word_makes_changes_at_the_one_that_took_over() {
    let nodes = Nodes::new(1).await;
    let actor = nodes.set_up().await;
    nodes.all[0].link.lose();
    // What is on its way when that happens may be given up; what comes later is not held up by it.
    let making = async {
        if nodes.all[0].try_to_create_key(&actor, false).await.is_err() {
            nodes.all[0].create_key(&actor).await;
        }
    };
    nodes.as_time_passes(making).await;
}

#[tokio::test]
async fn a_key_that_cannot_be_read_any_more_is_refused_and_stops_no_node() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let (damaged, whole) = (nodes.all[0].create_key(&actor).await, nodes.all[0].create_key(&actor).await);
    let id = hex::encode(damaged.id.as_bytes());
    let sql = format!(
        "ALTER TABLE api_keys DROP CONSTRAINT api_keys_allow_impersonation_check; SET session_replication_role = replica; UPDATE api_keys SET allow_impersonation = 7 WHERE id = decode('{id}', 'hex'); \
         UPDATE feed SET sequence = sequence + 1; INSERT INTO changes (sequence, kind, entity_id) \
         SELECT sequence, 'key', decode('{id}', 'hex') FROM feed"
    );
    Postgres::shared_fast().sql(&nodes.url, &sql);
    until(|| nodes.verify(&damaged.token) == [Err(Refusal::Unknown); 2]).await;
    assert_eq!(nodes.verify(&whole.token), [Ok(()); 2]);
    let later = nodes.all[1].create_key(&actor).await;
    assert_eq!(nodes.verify(&later.token), [Ok(()); 2]);
}

#[tokio::test]
async fn a_database_whose_disk_is_full_is_written_nothing_by_halves_and_goes_on_when_there_is_room() {
    let nodes = Nodes::new(2).await;
    let actor = nodes.set_up().await;
    let (kept, revoked) = (nodes.all[0].create_key(&actor).await, nodes.all[0].create_key(&actor).await);
    let sql = |statements: &str| Postgres::shared_fast().sql(&nodes.url, statements);
    // What the server answers where a table's file cannot grow.
    sql("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$; \
         CREATE TRIGGER no_room BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION full_disk()");
    let counts = || sql("SELECT (SELECT COUNT(*) FROM api_keys), (SELECT sequence FROM feed)");
    let before = counts();
    for node in &nodes.all {
        assert_eq!(node.try_to_create_key(&actor, false).await.err(), Some(Error::Unavailable));
        let refused = node.app.revoke_key(&actor, revoked.id, Some("key")).await;
        assert_eq!(refused.err(), Some(Error::Unavailable), "it is not said to be revoked");
    }
    assert_eq!(counts(), before);
    assert_eq!(nodes.verify(&kept.token), [Ok(()); 2], "checks go on");
    sql("DROP TRIGGER no_room ON audit_events");
    nodes.all[1].revoke(&actor, &revoked).await;
    assert_eq!(nodes.verify(&revoked.token), [Err(Refusal::Unknown); 2]);
}
