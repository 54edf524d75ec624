//! Bodies that are too large, endless, or too slow.

use std::time::Duration;

use keystead_tests::TestServer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Tool, read_until};

const LIMIT: usize = 64 * 1024;

#[tokio::test]
async fn a_body_of_64_kib_is_read_and_a_byte_more_is_not() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let tool = Tool::new(&server, &server.key(&ada, "tool", "30d").await.token);
    let message = tool
        .message("tools/call", json!({ "name": "create_api_key", "arguments": { "name": "n" } }))
        .to_string();
    let before = server.snapshot().await;
    for (length, status) in [(LIMIT + 1, 413), (10 * LIMIT, 413), (LIMIT, 200)] {
        let padded = format!("{message}{}", " ".repeat(length - message.len()));
        let request =
            tool.post().header("mcp-protocol-version", super::CURRENT).header("mcp-method", "tools/call");
        let answer = request.header("mcp-name", "create_api_key").body(padded).send().await.unwrap();
        assert_eq!(answer.status(), status, "{length}");
        assert_eq!(server.snapshot().await == before, status == 413, "{length}");
    }
}

#[tokio::test]
async fn an_endless_body_is_given_up_at_the_limit() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let tool = Tool::new(&server, &server.key(&ada, "tool", "30d").await.token);
    let head = tool
        .head_of("tools/call", Some("whoami"), 0)
        .replace("content-length: 0", "transfer-encoding: chunked");
    let mut socket = server.connect().await;
    socket.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut socket, b"100 Continue\r\n\r\n").await;
    let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
    let (mut reader, mut writer) = socket.split();
    let mut sent = 0;
    let write = async {
        while writer.write_all(chunk.as_bytes()).await.is_ok() {
            sent += 1024;
            assert!(sent < 64 * 1024 * 1024, "it reads on and on");
        }
    };
    let mut answer = Vec::new();
    let both = async {
        tokio::select! {
            () = write => {}
            _ = reader.read_to_end(&mut answer) => {}
        }
    };
    tokio::time::timeout(super::LONG, both).await.expect("it gives up");
    if !answer.is_empty() {
        assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    }
    // A length that nobody has.
    for length in ["65537", "4294967297", "18446744073709551615"] {
        let head = tool
            .head_of("tools/call", Some("whoami"), 0)
            .replace("content-length: 0", &format!("content-length: {length}"));
        let head = head.replace("expect: 100-continue\r\n", "");
        let answer = server.raw(format!("{head}{}", " ".repeat(LIMIT + 1)).as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 4"), "{length}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_20_seconds_and_keeps_nobody_waiting() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let tool = Tool::new(&server, &server.key(&ada, "tool", "30d").await.token);
    let mias = Tool::new(&server, &server.key(&mia, "tool", "30d").await.token);
    let mut slow = Vec::new();
    for number in 0..64 {
        let mut socket = server.connect().await;
        let method = if number % 2 == 0 { "tools/call" } else { "subscriptions/listen" };
        let name = (method == "tools/call").then_some("create_api_key");
        let refused = method == "subscriptions/listen" && number / 2 >= 8;
        socket.write_all(tool.head_of(method, name, 100).as_bytes()).await.unwrap();
        let said = read_until(&mut socket, b"\r\n\r\n").await;
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.starts_with(if refused { "HTTP/1.1 429" } else { "HTTP/1.1 100" }), "{number}: {said}");
        if !refused {
            socket.write_all(b"{").await.unwrap();
            slow.push(socket);
        }
    }
    let quick = tokio::time::timeout(Duration::from_secs(5), mias.outcome("whoami", json!({}))).await;
    assert_eq!(quick.expect("an answer"), "DONE");
    assert_eq!(mias.listen().await.status(), 200, "places that others hold are theirs");
    // From here on, time passes whenever there is nothing to do.
    tokio::time::pause();
    for socket in &mut slow {
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    }
    tokio::time::resume();
    assert_eq!(tool.listen().await.status(), 200, "their places are back");
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let tool = Tool::new(&server, &server.key(&ada, "tool", "30d").await.token);
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        // The beginning of what would be a gigabyte.
        let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xff; 1_000]].concat();
        let answer = tool.post().header("content-encoding", encoding).body(bomb).send().await.unwrap();
        let (status, message) = super::read(answer).await;
        assert!(
            (400..500).contains(&status) && message["result"] == Value::Null,
            "{encoding}: {status} {message}"
        );
    }
}
