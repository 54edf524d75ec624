//! A server's life: its first words, its end, and what survives.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Place, get};

#[test]
fn the_set_up_link_is_for_an_empty_store_only() {
    let place = Place::new();
    let server = place.serve(&[]);
    let link = server.line_after("Open ");
    assert!(link.starts_with(&format!("{}/setup/", server.url)), "{link}");
    drop(server);
    place.ok(&["user", "add", "ada@example.com", "--role", "administrator"]);
    let (status, printed, _) = place.serve(&[]).stop();
    assert!(status.success());
    assert!(!printed.contains("setup"), "{printed}");
}

#[test]
fn when_a_key_was_last_used_is_written_at_the_end() {
    let place = Place::with_ada();
    let token = place.token();
    let server = place.serve(&[]);
    assert_eq!(server.get("/verify", &token), 200);
    assert!(server.stop().0.success());
    let listed = place.ok(&["key", "list", "--user", "ada@example.com", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert!(listed[0]["lastUsedAt"].is_string(), "{listed}");
}

#[test]
fn told_to_stop_under_load_it_stops_within_five_seconds_and_what_it_answered_is_whole() {
    let place = Place::with_ada();
    let token = place.token();
    let server = place.serve(&[]);
    let stopped = Arc::new(AtomicBool::new(false));
    let whole = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (url, token) = (server.url.clone(), token.clone());
            let (stopped, whole) = (Arc::clone(&stopped), Arc::clone(&whole));
            thread::spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    match try_get(&url, &token) {
                        Some(answer)
                            if answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n") =>
                        {
                            whole.fetch_add(1, Ordering::Relaxed);
                        }
                        Some(answer) => assert_eq!(answer, "", "cut off"),
                        None => {}
                    }
                }
            })
        })
        .collect();
    while whole.load(Ordering::Relaxed) < 50 {
        thread::yield_now();
    }
    // And two who will never finish what they began.
    let host = server.url.trim_start_matches("http://");
    let mut slow = std::net::TcpStream::connect(host).unwrap();
    slow.write_all(b"GET /readyz HTTP/1.1\r\nHost: ").unwrap();
    let _silent = std::net::TcpStream::connect(host).unwrap();
    let start = Instant::now();
    let (status, ..) = server.stop();
    let took = start.elapsed();
    stopped.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
}

/// `None` if there is nobody to ask.
fn try_get(url: &str, token: &str) -> Option<String> {
    let host = url.strip_prefix("http://")?;
    let mut stream = std::net::TcpStream::connect(host).ok()?;
    let request = format!(
        "GET /verify HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    // A connection that was never accepted is reset, which is no answer.
    _ = stream.read_to_string(&mut answer);
    Some(answer)
}

#[test]
fn ctrl_c_stops_it_as_well() {
    let place = Place::with_ada();
    let server = place.serve(&[]);
    assert!(server.stop_by("-INT").0.success());
}

#[test]
fn metrics_are_open_on_the_operators_own_address_and_nowhere_else() {
    let place = Place::with_ada();
    let server = place.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let own = server.line_after("Metrics are at ").trim_end_matches("/metrics").to_owned();
    assert_eq!(get(&own, "/metrics", "").0, 200);
    assert_eq!(get(&own, "/verify", "").0, 404);
    assert_eq!(server.get("/metrics", ""), 401);
}

#[test]
fn a_container_can_ask_whether_it_is_ready() {
    let place = Place::with_ada();
    let server = place.serve(&[]);
    assert_eq!(place.ok(&["healthcheck", "--url", &server.url]), "ready\n");
    let address = server.url.trim_start_matches("http://").to_owned();
    assert_eq!(place.ok(&["healthcheck", "--listen", &address]), "ready\n");
    let url = server.url.clone();
    drop(server);
    let error = place.fails(1, &["healthcheck", "--url", &url]);
    assert!(error.contains("not ready") && error.contains("hint: "), "{error}");
}
