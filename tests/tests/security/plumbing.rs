//! Lengths, floods, mixed-up answers and slow writes.

use std::time::Duration;

use keystead_tests::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn no_more_of_a_body_is_read_than_the_limit_whatever_length_it_claims() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    for length in ["65537", "4294967297", "9223372036854775807"] {
        let request = format!(
            "POST /settings/api-keys/new HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{}",
            session.cookie,
            "x".repeat(65_537)
        );
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.1 413"), "{length}: {}", String::from_utf8_lossy(&answer));
    }
    for length in
        ["-1", "18446744073709551615", "18446744073709551616", "1, 2", "0x10", "1\r\ncontent-length: 2"]
    {
        let headers = format!("cookie: {}\r\ncontent-length: {length}\r\n", session.cookie);
        let status = server.raw_status("POST", "/settings/api-keys/new", &headers).await;
        assert!(matches!(status, Some(400 | 431)), "{length}: {status:?}");
    }
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 17, "x".repeat(1 << 17));
    let chunked = format!(
        "POST /settings/api-keys/new HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n",
        session.cookie
    );
    let answer = server.raw(chunked.as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
}

/// One that closes under the next request would fail a caller, or a proxy, that did nothing wrong.
#[tokio::test]
async fn a_connection_whose_request_was_refused_unread_carries_the_next_or_says_that_it_does_not() {
    let server = TestServer::start().await;
    for path in ["/mcp", "/graphql", "/settings/api-keys/new", "/nowhere", "/verify"] {
        for length in [1, 65_536] {
            let mut connection = server.connect().await;
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            connection.write_all(head.as_bytes()).await.unwrap();
            // It has the head by now, and would have answered.
            for _ in 0..3 {
                assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
            }
            connection.write_all(&vec![b' '; length]).await.unwrap();
            connection
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut answers = Vec::new();
            connection.read_to_end(&mut answers).await.unwrap();
            let answers = String::from_utf8_lossy(&answers);
            assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{path} {length}: {answers}");
            assert!(answers.ends_with("ok\n"), "{path} {length}: {answers}");
        }
        // More than anybody reads for nothing; nothing that comes; what is to be asked for.
        for (length, header) in [(65_537, ""), (10, ""), (10, "expect: 100-continue\r\n")] {
            let mut connection = server.connect().await;
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: localhost\r\n{header}content-length: {length}\r\n\r\n"
            );
            connection.write_all(head.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer);
            assert!(!answer.contains("100 Continue"), "{path}: {answer}");
            assert!(answer.contains("\r\nconnection: close\r\n"), "{path} {length}: {answer}");
        }
    }
}

/// What two servers in a row could take for two requests, or for one.
#[tokio::test]
async fn a_request_whose_end_is_ambiguous_is_not_answered_twice() {
    let server = TestServer::start().await;
    let hidden = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for headers in [
        "content-length: 0\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding : chunked\r\n",
        "content-length: 1\r\ncontent-length: 2\r\n",
    ] {
        let request = format!(
            "POST /verify HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n0\r\n\r\n{hidden}"
        );
        let answer = server.raw(request.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains("ok\n"), "{headers}: {answer}");
    }
}

const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `GET http://a/` in HPACK's static table, and a path of its own.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'a'];

/// Sends frames for as long as the server takes them; whether it ended the connection.
async fn flood(server: &TestServer, frames: impl Iterator<Item = Vec<u8>>) -> bool {
    let mut stream = server.connect().await;
    stream.write_all(HTTP2).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        for frame in frames {
            if writer.write_all(&frame).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        let mut bytes = vec![0; 16 * 1024];
        while !matches!(reader.read(&mut bytes).await, Ok(0) | Err(_)) {}
    };
    tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(write, read) }).await.is_ok()
}

#[tokio::test]
async fn floods_of_resets_and_of_endless_headers_end_their_connection_and_nobody_elses() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    // CVE-2023-44487: open a stream and reset it, over and over.
    let resets = (0..50_000).map(|number| {
        let stream = number * 2 + 1;
        [frame(1, 5, stream, GET), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
    });
    assert!(flood(&server, resets).await, "rapid resets");
    // RUSTSEC-2024-0332: headers that never end.
    let endless = std::iter::once(frame(1, 1, 1, GET)).chain(
        (0..20_000).map(|_| frame(9, 0, 1, &[&[0x40, 1, b'x', 0x7f, 0x81, 7][..], &[b'y'; 1_000]].concat())),
    );
    assert!(flood(&server, endless).await, "endless headers");
    let empty = std::iter::once(frame(1, 1, 1, GET)).chain((0..200_000).map(|_| frame(9, 0, 1, &[])));
    assert!(flood(&server, empty).await, "empty continuations");
    assert_eq!(server.verify(&token).await.status(), 200);
}

/// A connection that sends nothing, or hardly anything, holds up nobody.
#[tokio::test]
async fn idle_connections_do_not_keep_others_out() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    let mut idle = Vec::new();
    for _ in 0..300 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /verify HTTP/1.1\r\nauthorization: ").await.unwrap();
        idle.push(stream);
    }
    // Sooner than the first of them is given up.
    let answer = tokio::time::timeout(Duration::from_secs(5), server.verify(&token)).await;
    assert_eq!(answer.expect("an answer").status(), 200);
}

#[tokio::test]
async fn answers_to_requests_that_run_at_once_are_not_mixed_up() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    let page = server.visit(&session, "/settings/api-keys/new").await.text().await.unwrap();
    let form = keystead_tests::Form::find(&page, "/settings/api-keys/new");
    let requests = (0..64).map(|number| {
        let canary = format!("canary-{number:04}-{}", "x".repeat(100));
        let form = form.clone().with("name", &canary).with("expiration", "30d");
        let request =
            server.post("/settings/api-keys/new").header("cookie", &session.cookie).form(&form.fields);
        tokio::spawn(async move { (canary, request.send().await.unwrap().text().await.unwrap()) })
    });
    for request in requests.collect::<Vec<_>>() {
        let (canary, page) = request.await.unwrap();
        assert!(page.contains(&canary), "{canary} was refused on another page");
        assert_eq!(page.matches("canary-").count(), page.matches(&canary).count(), "{canary}");
    }
}

/// Promise 9: verification waits for nobody who writes.
#[tokio::test]
async fn a_write_that_hangs_delays_no_verification() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "deploy", "30d").await.token;
    let session = server.session(&ada).await;
    let held = server.tool().hold_writers().await;
    let sign_out = server.submit(&session, "/sign-out", &[]);
    let verify = async {
        for _ in 0..100 {
            assert_eq!(server.verify(&token).await.status(), 200);
        }
    };
    let mut sign_out = Box::pin(sign_out);
    tokio::select! {
        _ = &mut sign_out => panic!("the write did not wait: this proves nothing"),
        () = verify => {}
    }
    held.let_go().await;
    assert_eq!(sign_out.await.status(), 303);
}
