//! Threats: a server that is made to reach for what only it can reach, by the address of an app's description (OWASP API7; the
//! client id metadata document draft, section 6): private addresses in every spelling, and pages that tell what answers there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::{Answer, World, assert_leads_nowhere};

/// A port of this machine at which something listens, and how often it was reached.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let reached = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reached);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, reached)
}

/// Hosts that are this machine, a network behind it, or what clouds keep their secrets at.
const INSIDE: &[&str] = &[
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "127.000.000.001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "127.0.0.1.",
    "LOCALHOST",
    "\u{2460}\u{2461}\u{2466}.0.0.1",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "\u{ff4c}ocalhost",
    "127%2e0%2e0%2e1",
    "%6c%6f%63%61lhost",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "192.168.0.1",
    "user@localhost",
    "user:secret@localhost",
    "app.example@localhost",
    "app.example#@localhost",
    "app.example\\@localhost",
    "localhost\\.app.example",
    "localhost\u{0}.app.example",
    "localhost\t",
];

#[tokio::test]
async fn no_spelling_of_an_address_inside_is_connected_to() {
    let world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let (port, reached) = inside().await;
    let by_host = INSIDE
        .iter()
        .flat_map(|host| ["https", "http"].map(|scheme| format!("{scheme}://{host}:{port}/client.json")));
    let others = [
        format!("https://localhost:{port}/client.json#fragment"),
        format!("https://localhost:{port}"),
        format!("https://localhost:{port}/"),
        format!("https://localhost:{port}/./client.json"),
        format!("https://localhost:{port}/a/../client.json"),
        format!("https:localhost:{port}/client.json"),
        format!("https:/localhost:{port}/client.json"),
        format!("https:///localhost:{port}/client.json"),
        format!("//localhost:{port}/client.json"),
        format!("http://localhost:{port}/client.json"),
        format!("ftp://localhost:{port}/client.json"),
        format!("gopher://localhost:{port}/client.json"),
        format!("file://localhost:{port}/etc/passwd"),
        format!("unix:/localhost:{port}/x"),
        format!(" https://localhost:{port}/client.json"),
        format!("https://localhost:{port}/{}", "x".repeat(600)),
        format!("https://localhost:{port}/client.json\r\nHost: x"),
    ];
    // All of these are no names of apps: what is told is what is told of any.
    let unknown =
        Answer::of(world.server.visit(&session, &world.path(&[("client_id", Some("junk"))])).await).await;
    for id in by_host.chain(others) {
        let path = world.path(&[("client_id", Some(&id))]);
        let answer = Answer::of(world.server.visit(&session, &path).await).await;
        assert_eq!(answer, unknown, "{id}");
    }
    // These are names of apps, and lead inside when they are looked up.
    for host in ["localhost", "sub.localhost", "localhost.localdomain", "ip6-localhost"] {
        let path = world.path(&[("client_id", Some(&format!("https://{host}:{port}/client.json")))]);
        assert_leads_nowhere(&Answer::of(world.server.visit(&session, &path).await).await, host);
        assert_leads_nowhere(&Answer::of(world.decide(&session, &path, "allow").await).await, host);
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
    assert_eq!(world.connections().await, 0);
}

/// What is at an address, whether anything is, and whether there is such a name at all: the page says the same.
#[tokio::test]
async fn the_page_tells_nothing_of_what_answers_behind_the_server() {
    let world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let (open, reached) = inside().await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut told = Vec::new();
    for host in [
        format!("localhost:{open}"),
        format!("localhost:{closed}"),
        "localhost".to_owned(),
        "localhost:22".to_owned(),
        "nobody.invalid".to_owned(),
    ] {
        let path = world.path(&[("client_id", Some(&format!("https://{host}/client.json")))]);
        let answer = Answer::of(world.server.visit(&session, &path).await).await;
        assert!(answer.text.contains(&host), "a person reads which host it is");
        let text = answer.text.replace(&host, "HOST");
        told.push((host, answer.status, text));
    }
    for (host, status, text) in &told {
        assert_eq!((status, text), (&told[0].1, &told[0].2), "{host}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

/// Whoever is not signed in makes the server look nothing up.
#[tokio::test]
async fn no_stranger_makes_the_server_read_a_description() {
    let world = World::start().await;
    let path = world.path(&[("client_id", Some("https://localhost:1/client.json"))]);
    for request in [world.server.get(&path), world.server.post(&path).form(&[("decision", "allow")])] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 303);
        assert!(answer.headers()["location"].to_str().unwrap().starts_with("/sign-in?next="));
    }
}
