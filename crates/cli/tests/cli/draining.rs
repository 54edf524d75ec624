//! A server that stops while others serve on: whom it tells, and what it answers meanwhile.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Place, Server};

/// All of the answer to a request that leaves it to the server whether the connection goes on.
fn ask(connection: &mut TcpStream, path: &str, token: &str) -> String {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n", host(connection));
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    String::from_utf8(answer).unwrap()
}

fn host(connection: &TcpStream) -> String {
    connection.peer_addr().unwrap().to_string()
}

#[test]
fn a_server_that_drains_is_not_ready_and_answers_each_request_as_the_last_of_its_connection() {
    let place = Place::with_ada();
    let token = place.token();
    let server = place.serve(&["--drain", "1m"]);
    let connect = || TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    let mut kept = [connect(), connect()];
    for connection in &mut kept {
        let answer = ask(connection, "/verify", &token);
        assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("connection: close"), "{answer}");
    }

    server.signal("-TERM");
    let since = Instant::now();
    while server.get("/readyz", "") != 503 {
        assert!(since.elapsed() < PATIENCE, "it is still ready");
        thread::yield_now();
    }
    assert_eq!(server.get("/healthz", ""), 200, "nobody should kill it");
    let [checks, looks] = &mut kept;
    for (connection, path) in
        [(checks, "/verify"), (looks, "/.well-known/jwks.json"), (&mut connect(), "/verify")]
    {
        let answer = ask(connection, path, &token);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{path}: {answer}");
    }
    // Whoever says it again means now.
    let (status, ..) = server.stop();
    assert!(status.success() && since.elapsed() < Duration::from_mins(1), "{status}");
}

#[test]
fn the_service_manager_is_told_when_the_server_may_be_asked_and_when_it_stops() {
    let place = Place::with_ada();
    let manager = UnixDatagram::bind(place.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut text = [0; 100];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    };
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start(command.env("NOTIFY_SOCKET", place.path().join("notify")));
    assert_eq!(told().trim_end(), "READY=1");
    assert_eq!(server.get("/readyz", ""), 200);
    assert!(server.stop().0.success());
    assert_eq!(told().trim_end(), "STOPPING=1");
}

#[test]
fn how_long_it_drains_is_bounded() {
    let place = Place::new();
    for wrong in ["61s", "-1s", "soon"] {
        let error = place.fails(2, &["config", "check", &format!("--drain={wrong}")]);
        assert!(error.contains("at most 1m"), "{wrong}: {error}");
    }
}
