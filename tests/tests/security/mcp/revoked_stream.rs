//! Open streams and the end of what they rest on (promise 3): they end, soon, and say nothing of what comes after.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command};
use keystead_domain::EmailAccess;
use keystead_tests::{TestServer, TestUser};
use serde_json::json;

use super::{CHANGED, Stream, Tool};

/// A key of the same person's makes keys while the listener's is revoked: what was made before may be told, what came after is not.
#[tokio::test]
async fn in_200_races_nothing_is_told_of_what_came_after_the_revocation() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let maker = server.key(&ada, "maker", "30d").await;
    let maker = Tool::new(&server, &maker.token);
    let new = async || assert_eq!(maker.outcome("create_api_key", json!({ "name": "new" })).await, "DONE");
    let mut took = Vec::new();
    for round in 0..200 {
        let key = server.key(&ada, "listening", "30d").await;
        let stream = Stream::open(&Tool::new(&server, &key.token)).await;
        let races = round % 2 == 0;
        if races {
            tokio::join!(new(), server.revoke(&key), new());
        } else {
            server.revoke(&key).await;
        }
        let revoked = Instant::now();
        new().await;
        let told = stream.rest().await;
        took.push(revoked.elapsed());
        assert!(told.iter().all(|method| method == CHANGED), "{round}: {told:?}");
        // Those that raced are told as one, or as two when the revocation came last.
        assert!(told.len() <= if races { 2 } else { 0 }, "{round}: {told:?}");
    }
    took.sort_unstable();
    assert!(
        took[100] < Duration::from_millis(300),
        "a stream is woken, and does not look now and then: {:?}",
        took[100]
    );
    assert!(took[199] < Duration::from_secs(5), "{:?}", took[199]);
}

#[tokio::test]
async fn whatever_ends_the_credential_ends_its_streams() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let (mia, leo, ina) = (
        server.member("mia@example.com").await,
        server.member("leo@example.com").await,
        server.member("ina@excluded.example").await,
    );
    let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let client = server.oauth_client("Assistant", "http://127.0.0.1:7777/callback").await;
    let lasts = server.key(&ada, "lasts", "30d").await;
    let mut lasting = Stream::open(&Tool::new(&server, &lasts.token)).await;

    let listen = async |user: &TestUser| {
        let key = server.key(user, "listening", "7d").await;
        let of_key = Stream::open(&Tool::new(&server, &key.token)).await;
        let app = server.connect_app(user, &client).await;
        (of_key, Stream::open(&Tool::new(&server, &app.access)).await)
    };
    let ended = async |what: &str, stream: Stream, since: Instant| {
        assert_eq!(stream.rest().await, Vec::<String>::new(), "{what}");
        assert!(since.elapsed() < Duration::from_secs(5), "{what}: {:?}", since.elapsed());
    };

    let (of_key, of_app) = listen(&mia).await;
    let actor = server.actor(&mia).await;
    let app = server.app.connected_apps(&actor).await.unwrap().remove(0);
    server.app.disconnect_app(&actor, app.id).await.unwrap();
    ended("disconnected", of_app, Instant::now()).await;
    server.deactivate(&mia).await;
    ended("deactivated", of_key, Instant::now()).await;

    let (of_key, of_app) = listen(&leo).await;
    server.app.delete_users(&server.actor(&ada).await, &[leo.id.parse().unwrap()]).await.unwrap();
    for stream in [of_key, of_app] {
        ended("deleted", stream, Instant::now()).await;
    }

    let (of_key, of_app) = listen(&ina).await;
    let rules = EmailAccess::parse(&[], &[], &["excluded.example".to_owned()], &[]).unwrap();
    server.app.set_email_access(&server.actor(&ada).await, rules, None).await.unwrap();
    for stream in [of_key, of_app] {
        ended("not admitted any more", stream, Instant::now()).await;
    }

    let (of_key, of_app) = listen(&eve).await;
    let Answer::Organizations(all) = server.operate(Command::OrganizationList).await else {
        panic!("not organizations")
    };
    let elsewhere = all.into_iter().find(|organization| organization.name == "Elsewhere").unwrap();
    server.operate(Command::OrganizationArchive { organization: elsewhere.id }).await;
    for stream in [of_key, of_app] {
        ended("archived", stream, Instant::now()).await;
    }

    // By the clock alone: an access token after 15 minutes, a key after its days.
    let bob = server.member("bob@example.com").await;
    let (of_key, of_app) = listen(&bob).await;
    server.advance(SignedDuration::from_mins(16));
    ended("the access token expired", of_app, Instant::now()).await;
    server.advance(SignedDuration::from_hours(7 * 24));
    ended("the key expired", of_key, Instant::now()).await;

    // All the while nobody else's ended, or was told anything of it.
    server.key(&ada, "new", "30d").await;
    assert_eq!(lasting.next().await.unwrap()["method"], CHANGED);
    server.revoke(&lasts).await;
    assert_eq!(lasting.rest().await, Vec::<String>::new());
}
