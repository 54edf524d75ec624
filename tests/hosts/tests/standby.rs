//! What the tests may expect of a standby: what it has when it takes its primary's place.

use std::process::{Command, Stdio};

use keystead_test_hosts::{Place, Postgres, Replication, Setup};

#[test]
fn a_standby_follows_a_primary_that_speaks_tls() {
    let mut primary = Postgres::start_with(Setup { durable: false, tls: true, place: Place::loopback() });
    let _standby = primary.standby(Replication::Asynchronous);
    let encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)";
    assert_eq!(primary.sql("postgres", encrypted), "t");
}

#[test]
fn failover_to_a_synchronous_standby_keeps_every_acknowledged_commit() {
    let mut primary = Postgres::start_fast();
    let url = primary.database();
    primary.sql(&url, "CREATE TABLE things (id INT)");
    let mut standby = primary.standby(Replication::Synchronous);
    primary.sql(&url, "INSERT INTO things VALUES (1)");
    assert!(standby.is_standby());
    let refused = standby.try_sql(&url, "INSERT INTO things VALUES (2)").unwrap_err();
    assert!(refused.contains("read-only transaction"), "{refused}");
    primary.crash();
    standby.promote();
    standby.sql(&url, "INSERT INTO things VALUES (3)");
    assert_eq!(standby.sql(&url, "SELECT id FROM things ORDER BY id"), "1\n3");
    assert_ne!(standby.url(&url), url);
}

#[test]
fn a_commit_waits_for_a_synchronous_standby_that_is_paused() {
    let mut primary = Postgres::start_fast();
    let url = primary.database();
    let mut standby = primary.standby(Replication::Synchronous);
    standby.pause();
    let mut client = Command::new("psql");
    client.args(["--no-psqlrc", "--command", "CREATE TABLE things (id INT)", &url]);
    let mut client = client.stdout(Stdio::null()).spawn().unwrap();
    let waits =
        "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'";
    while primary.sql("postgres", waits).is_empty() {
        assert!(client.try_wait().unwrap().is_none());
    }
    standby.resume();
    assert!(client.wait().unwrap().success());
}

#[test]
fn failover_to_an_asynchronous_standby_loses_what_it_had_not_received() {
    let mut primary = Postgres::start_fast();
    let url = primary.database();
    let mut standby = primary.standby(Replication::Asynchronous);
    primary.sql(&url, "CREATE TABLE things (id INT); INSERT INTO things VALUES (1)");
    standby.unfollow();
    primary.sql(&url, "INSERT INTO things VALUES (2)");
    standby.follow(&primary);
    standby.unfollow();
    primary.sql(&url, "INSERT INTO things VALUES (3)");
    primary.crash();
    standby.promote();
    assert_eq!(standby.sql(&url, "SELECT id FROM things ORDER BY id"), "1\n2");
    // The old primary knows nothing of it, and still has what was lost.
    primary.start_again();
    assert_eq!(primary.sql(&url, "SELECT count(*) FROM things"), "3");
}
