//! The audit log against somebody who can write to the store's files, and shipped to places that fail (promise 10).

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers fail as tests do")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use keystead_app::CheckedLog;
use keystead_app::operator::{Answer, AuditAnswer, AuditCommand, Command};
use keystead_domain::audit::{Line, parse_line};
use keystead_tests::{TestServer, TestUser};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

async fn ask(server: &TestServer, command: AuditCommand) -> AuditAnswer {
    match server.operate(Command::Audit(command)).await {
        Answer::Audit(answer) => answer,
        _ => panic!("not about audit logs"),
    }
}

async fn verify(server: &TestServer, checkpoints: Vec<String>) -> Vec<CheckedLog> {
    match ask(server, AuditCommand::Verify { checkpoints, public_keys: Vec::new() }).await {
        AuditAnswer::Checked(logs) => logs,
        _ => panic!("not checked"),
    }
}

async fn fault(server: &TestServer, checkpoints: &[String]) -> Option<String> {
    verify(server, checkpoints.to_vec()).await.remove(0).fault
}

/// Signs all logs, and takes the checkpoints along.
async fn checkpoints(server: &TestServer) -> Vec<String> {
    match ask(server, AuditCommand::Checkpoint).await {
        AuditAnswer::Lines(lines) => lines,
        _ => panic!("no checkpoints"),
    }
}

/// Runs SQL as somebody with a database tool would who has removed all that protects the rows.
async fn tamper(server: &TestServer, sql: &str) {
    server.tool().run_unprotected(sql).await;
}

/// An administrator, and a log of some length.
async fn world() -> (TestServer, TestUser) {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    for _ in 0..10 {
        server.key(&ada, "key", "30d").await;
    }
    (server, ada)
}

#[tokio::test]
async fn whatever_is_done_to_the_events_in_the_file_is_told_by_event_and_kind() {
    const SHIFTED: &str = "UPDATE audit_events SET sequence = -sequence - 1 WHERE sequence > 4; \
                           UPDATE audit_events SET sequence = -sequence WHERE sequence < 0;";
    const COLUMNS: &str =
        "at, user_id, via, via_id, address, action, target, details, link FROM audit_events";
    for (sql, says) in [
        ("UPDATE audit_events SET details = '{}' WHERE sequence = 4", "event 4 was changed"),
        ("UPDATE audit_events SET at = at + 1 WHERE sequence = 9", "event 9 was changed"),
        ("UPDATE audit_events SET user_id = zeroblob(3) WHERE sequence = 9", "event 9 was changed"),
        ("UPDATE audit_events SET link = zeroblob(32) WHERE sequence = 5", "event 5 was changed"),
        ("UPDATE audit_events SET link = x'00' WHERE sequence = 5", "event 5 cannot be read"),
        // Which one database takes for text, and the other for what it is not.
        ("UPDATE audit_events SET details = CAST(x'ff' AS TEXT) WHERE sequence = 5", "event 5 "),
        ("UPDATE audit_events SET at = 9223372036854775807 WHERE sequence = 5", "event 5 cannot be read"),
        ("DELETE FROM audit_events WHERE sequence = 7", "event 7 was left out"),
        (
            "DELETE FROM audit_events WHERE sequence = 7; UPDATE audit_events SET sequence = sequence - 1 WHERE sequence > 7",
            "event 7 was left out",
        ),
        ("DELETE FROM audit_events WHERE sequence = 1", "event 1 was left out"),
        ("DELETE FROM audit_events", "event 1 was left out"),
        (
            "UPDATE audit_events SET sequence = 99 WHERE sequence = 3; UPDATE audit_events SET sequence = 3 WHERE sequence = 8; \
             UPDATE audit_events SET sequence = 8 WHERE sequence = 99",
            "event 3 stands at another place",
        ),
        (
            &format!(
                "{SHIFTED} INSERT INTO audit_events SELECT organization_id, 5, {COLUMNS} WHERE sequence = 4"
            ),
            "event 5",
        ),
    ] {
        let (server, _) = world().await;
        assert_eq!(fault(&server, &[]).await, None);
        tamper(&server, sql).await;
        let found = fault(&server, &[]).await.unwrap_or_default();
        assert!(found.contains(says), "{sql}: {found}");
    }
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_missed_by_a_signed_checkpoint_in_the_store_or_elsewhere() {
    let (server, ada) = world().await;
    let kept = checkpoints(&server).await;
    server.key(&ada, "later", "30d").await;
    tamper(&server, "DELETE FROM audit_events WHERE sequence > 8").await;
    let found = fault(&server, &[]).await.unwrap();
    assert!(found.contains("cut off: event 9 is missing"), "{found}");
    tamper(&server, "DELETE FROM audit_checkpoints").await;
    assert_eq!(fault(&server, &[]).await, None, "nothing in the store says so any more");
    let found = fault(&server, &kept).await.unwrap();
    assert!(found.contains("cut off: event 9 is missing"), "{found}");
}

#[tokio::test]
async fn a_log_that_was_written_anew_with_links_that_fit_is_not_the_signed_one() {
    let (server, ada) = world().await;
    let kept = checkpoints(&server).await;
    tamper(&server, "DELETE FROM audit_events WHERE sequence > 8; DELETE FROM audit_checkpoints").await;
    // What the server appends now fits what is left.
    for _ in 0..9 {
        server.key(&ada, "other", "30d").await;
    }
    assert_eq!(fault(&server, &[]).await, None);
    let found = fault(&server, &kept).await.unwrap();
    assert!(found.contains("written anew"), "{found}");
}

#[tokio::test]
async fn a_whole_database_that_was_set_back_is_found_by_a_checkpoint_from_elsewhere() {
    let (mut server, ada) = world().await;
    server.stop().await;
    let copy = server.copy_store();
    let mut server = server.restart().await;
    server.key(&ada, "later", "30d").await;
    let kept = checkpoints(&server).await;
    assert_eq!(fault(&server, &kept).await, None);

    server.stop().await;
    server.put_back(&copy);
    let server = server.restart().await;
    assert_eq!(fault(&server, &[]).await, None, "as a store of its time it is whole");
    let found = fault(&server, &kept).await.unwrap();
    assert!(found.contains("cut off"), "{found}");
}

#[tokio::test]
async fn an_organization_that_was_removed_with_its_log_is_missed() {
    let (server, _) = world().await;
    let other = server.organization("Elsewhere", "oto@example.org").await;
    let kept = checkpoints(&server).await;
    let id = other.id.replace('-', "");
    let theirs = format!("(SELECT organization_id FROM users WHERE id = x'{id}')");
    tamper(
        &server,
        &format!(
            "CREATE TABLE gone AS SELECT {theirs} AS id; DELETE FROM audit_checkpoints WHERE organization_id IN (SELECT id FROM gone); \
             DELETE FROM audit_events WHERE organization_id IN (SELECT id FROM gone); DELETE FROM organizations WHERE id IN (SELECT id FROM gone); DROP TABLE gone"
        ),
    )
    .await;
    let logs = verify(&server, kept).await;
    let missing: Vec<_> = logs.iter().filter(|log| log.fault.is_some()).collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].name, None);
}

#[tokio::test]
async fn a_log_that_was_tampered_with_is_not_signed_and_a_forged_checkpoint_is_found() {
    let (server, ada) = world().await;
    checkpoints(&server).await;
    server.key(&ada, "later", "30d").await;
    tamper(
        &server,
        "UPDATE audit_events SET details = '{}' WHERE sequence = (SELECT MAX(sequence) FROM audit_events)",
    )
    .await;
    let refused = server.app.sign_audit_checkpoints().await.unwrap_err();
    assert!(refused.to_string().contains("tampered with"), "{refused}");
    let (server, _) = world().await;
    checkpoints(&server).await;
    tamper(&server, "UPDATE audit_checkpoints SET at = at + 1").await;
    let found = fault(&server, &[]).await.unwrap();
    assert!(found.contains("signature of the checkpoint"), "{found}");
    tamper(&server, "UPDATE audit_checkpoints SET signature = randomblob(72)").await;
    let found = fault(&server, &[]).await.unwrap();
    assert!(found.contains("unknown key"), "{found}");
}

#[tokio::test]
async fn a_clean_end_and_a_restart_leave_the_log_signed_to_its_end() {
    let (server, _) = world().await;
    let server = server.restart().await;
    let log = verify(&server, Vec::new()).await.remove(0);
    assert_eq!((log.fault, log.signed), (None, log.events));
}

/// A place to ship to that can be made to fail.
#[derive(Clone, Default)]
struct Place(Arc<State>);

#[derive(Default)]
struct State {
    written: Mutex<Vec<u8>>,
    broken: AtomicBool,
    tried: Notify,
}

impl Place {
    fn ship(&self, server: &TestServer) -> (oneshot::Sender<()>, JoinHandle<()>) {
        let (stop, stopped) = oneshot::channel();
        let (app, place) = (Arc::clone(&server.app), self.clone());
        let write = move |bytes: Vec<u8>| {
            let broken = place.0.broken.load(Ordering::SeqCst);
            if !broken {
                place.0.written.lock().unwrap().extend(bytes);
            }
            place.0.tried.notify_one();
            async move { if broken { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) } }
        };
        let shipping = async move { app.ship_audit_log(write, async { _ = stopped.await }).await };
        (stop, tokio::spawn(shipping))
    }

    /// The numbers of the events that arrived, in order.
    fn numbers(&self) -> Vec<i64> {
        let written = String::from_utf8(self.0.written.lock().unwrap().clone()).unwrap();
        let number = |line: &str| match parse_line(line) {
            Ok(Line::Event(event, _)) => event.sequence,
            other => panic!("{line}: {other:?}"),
        };
        written.lines().map(number).collect()
    }
}

async fn last(server: &TestServer) -> i64 {
    verify(server, Vec::new()).await[0].events
}

#[tokio::test]
async fn a_place_that_is_full_or_gone_loses_nothing_and_holds_nobody_up() {
    let (server, ada) = world().await;
    let place = Place::default();
    place.0.broken.store(true, Ordering::SeqCst);
    let (stop, shipping) = place.ship(&server);
    place.0.tried.notified().await;
    let key = server.key(&ada, "while it is full", "30d").await;
    assert_eq!(server.verify(&key.token).await.status(), 200);
    assert!(place.numbers().is_empty());
    place.0.broken.store(false, Ordering::SeqCst);
    server.key(&ada, "once it is not", "30d").await;
    while i64::try_from(place.numbers().len()).unwrap() < last(&server).await {
        place.0.tried.notified().await;
    }
    stop.send(()).unwrap();
    shipping.await.unwrap();
    let all: Vec<_> = (1..=last(&server).await).collect();
    assert_eq!(place.numbers(), all, "each once and in order");

    // The next start goes on behind it.
    let (stop, shipping) = place.ship(&server);
    server.key(&ada, "later", "30d").await;
    stop.send(()).unwrap();
    shipping.await.unwrap();
    let all: Vec<_> = (1..=last(&server).await).collect();
    assert_eq!(place.numbers(), all);
}

#[tokio::test]
async fn a_crash_repeats_events_and_leaves_none_out() {
    let (server, ada) = world().await;
    let place = Place::default();
    let (_stop, shipping) = place.ship(&server);
    place.0.tried.notified().await;
    // Before it could be noted what was shipped.
    shipping.abort();
    _ = shipping.await;
    let before = place.numbers();
    server.key(&ada, "later", "30d").await;
    let (stop, shipping) = place.ship(&server);
    stop.send(()).unwrap();
    shipping.await.unwrap();
    let again = place.numbers().split_off(before.len());
    let end = last(&server).await;
    assert_eq!(again, (1..=end).collect::<Vec<_>>(), "from where it was noted last");
    assert_eq!(before, (1..end).collect::<Vec<_>>());
}
