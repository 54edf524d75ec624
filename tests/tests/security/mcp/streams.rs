//! A thousand idle streams: as many as a node holds open, eight for each person, and nobody else notices.

use std::time::{Duration, Instant};

use keystead_tests::{TestKey, TestServer};
use serde_json::json;

use super::{LONG, Stream, Tool};

const OF_USER: usize = 8;
const OF_NODE: usize = 1_000;

/// The process's memory, which holds both ends of every stream, in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The middle one of many checks of a key.
async fn verification(server: &TestServer, key: &TestKey) -> Duration {
    let mut took = Vec::new();
    for _ in 0..300 {
        let start = Instant::now();
        assert_eq!(server.verify(&key.token).await.status(), 200);
        took.push(start.elapsed());
    }
    took.sort_unstable();
    took[150]
}

async fn refused(tool: &Tool<'_>) {
    let answer = tool.listen().await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem = answer.text().await.unwrap();
    assert!(problem.contains("RATE_LIMITED") && problem.contains("open streams"), "{problem}");
}

/// Opens a stream as soon as there is a place.
async fn admitted(tool: &Tool<'_>) -> Stream {
    let opened = async {
        loop {
            let response = tool.listen().await;
            if response.status() == 200 {
                return Stream { response, read: String::new() };
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, opened).await.expect("a place")
}

#[tokio::test]
async fn a_thousand_idle_streams_are_bounded_cost_little_and_end_when_the_server_does() {
    let mut server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let adas = server.key(&ada, "tool", "30d").await;
    let mut keys = Vec::new();
    for number in 0..OF_NODE / OF_USER {
        let user = server.member(&format!("user{number}@example.com")).await;
        keys.push([server.key(&user, "one", "30d").await, server.key(&user, "two", "30d").await]);
    }
    let (before, memory) = (verification(&server, &adas).await, resident());
    let mut streams = Vec::new();
    for keys in &keys {
        // However many keys a person has.
        let tools = keys.each_ref().map(|key| Tool::new(&server, &key.token));
        for number in 0..OF_USER {
            streams.push(Stream::open(&tools[number % 2]).await);
        }
        for tool in &tools {
            refused(tool).await;
        }
    }
    assert_eq!(streams.len(), OF_NODE);
    // The node is full, also to whoever has none; all else goes on as before.
    let ada = Tool::new(&server, &adas.token);
    refused(&ada).await;
    assert_eq!(ada.outcome("whoami", json!({})).await, "DONE");
    assert_eq!(ada.outcome("create_api_key", json!({ "name": "n" })).await, "DONE");
    let grown = resident().saturating_sub(memory);
    assert!(grown < 200 * 1024, "{grown} KiB for both ends of {OF_NODE} streams");
    let during = verification(&server, &adas).await;
    assert!(during < before * 4 + Duration::from_millis(10), "{during:?}, {before:?} before");

    // Clients that vanish make room, and so does a key that is revoked.
    drop(streams.drain(..OF_USER).collect::<Vec<_>>());
    let mut adas_stream = admitted(&ada).await;
    streams.push(admitted(&Tool::new(&server, &keys[0][0].token)).await);
    server.revoke(&keys[1][0]).await;
    streams.push(admitted(&Tool::new(&server, &keys[1][1].token)).await);
    assert!(adas_stream.next().await.is_some());
    streams.push(adas_stream);

    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_millis(3_500), "they end by themselves: {:?}", start.elapsed());
    for stream in streams {
        stream.rest().await;
    }
}

/// Refused requests, and such as never become a stream, keep no place.
#[tokio::test]
async fn what_is_no_stream_takes_no_place_for_long() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "tool", "30d").await;
    let tool = Tool::new(&server, &key.token);
    for number in 0..5 * OF_USER {
        let request = tool.post().header("mcp-method", "subscriptions/listen");
        let request = match number % 5 {
            0 => request.body("{"),
            1 => request.body("x".repeat(70_000)),
            2 => request.body(tool.message("tools/list", json!({})).to_string()),
            3 => request.header("content-type", "text/plain").body(""),
            _ => request.header("host", "evil.example").body(""),
        };
        let status = request.send().await.unwrap().status().as_u16();
        assert!((400..500).contains(&status) && status != 429, "{number}: {status}");
    }
    let streams = [(); OF_USER].map(|()| admitted(&tool));
    for stream in streams {
        drop(stream.await);
    }
}
