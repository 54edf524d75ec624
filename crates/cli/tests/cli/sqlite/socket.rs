//! The way from a command to the server.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};

use crate::support::{PATIENCE, Place};

#[test]
fn the_socket_is_the_owners_alone_and_gone_at_the_end() {
    let place = Place::with_ada_on_sqlite();
    let socket = place.store().join("keystead.sock");
    let server = place.serve(&[]);
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    server.stop();
    assert!(!socket.exists());
}

#[test]
fn a_socket_that_a_crash_left_behind_is_in_nobodys_way() {
    let place = Place::with_ada_on_sqlite();
    drop(UnixListener::bind(place.store().join("keystead.sock")).unwrap());
    let token = place.token();
    let server = place.serve(&[]);
    assert_eq!(server.get("/verify", &token), 200);
    place.ok(&["key", "revoke", &place.key_id()]);
    assert_eq!(server.get("/verify", &token), 401);
}

#[test]
fn what_is_not_a_command_is_refused_and_harms_nobody() {
    let place = Place::with_ada_on_sqlite();
    let server = place.serve(&[]);
    let say = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(place.store().join("keystead.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        _ = stream.write_all(bytes);
        _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    assert!(say(b"{\"drop_everything\":{}}\n").contains("does not know that command"));
    assert!(say(b"GET / HTTP/1.1\r\n\r\n").contains("does not know that command"));
    assert_eq!(say(&vec![b'x'; 200_000]), "", "endless lines are cut off");
    assert_eq!(say(b"{\"key_list\":"), "");
    assert_eq!(server.get("/verify", &place.token()), 200);
}

#[test]
fn a_command_learns_from_the_server_where_that_is_reached() {
    let place = Place::with_ada_on_sqlite();
    let _server = place.serve(&["--public-url", "https://Keys.example.com/"]);
    let link = place.ok(&["user", "sign-in-link", "ada@example.com"]);
    assert!(link.starts_with("https://keys.example.com/sign-in/link/"), "{link}");
}
