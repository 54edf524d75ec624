//! Open streams: what they tell, and that none outlives what it rests on (promise 3).

use std::time::Duration;

use jiff::SignedDuration;
use keystead_tests::TestServer;
use reqwest::Response;
use serde_json::{Value, json};

use crate::client::Client;

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(10);

/// A stream that is being read.
struct Stream {
    response: Response,
    read: String,
}

impl Stream {
    async fn open(client: &Client<'_>) -> Self {
        let response = Self::ask(client).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut stream = Self { response, read: String::new() };
        let first = stream.next().await.expect("an acknowledgment");
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
        stream
    }

    async fn ask(client: &Client<'_>) -> Response {
        let filter = json!({ "notifications": { "resourcesListChanged": true, "toolsListChanged": true } });
        client.request("subscriptions/listen", &filter).send().await.unwrap()
    }

    /// The next message; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data:")).map(str::to_owned);
                self.read = String::from(rest);
                match data {
                    Some(data) => return Some(serde_json::from_str(data.trim()).unwrap()),
                    None => continue,
                }
            }
            let chunk =
                tokio::time::timeout(LONG, self.response.chunk()).await.expect("a message or the end");
            // A stream that is cut off is an end, too.
            let chunk = chunk.ok().flatten()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn is_changed(message: &Value) -> bool {
    message["method"] == "notifications/resources/list_changed"
}

#[tokio::test]
async fn who_listens_is_told_when_their_own_keys_come_and_go() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let (adas, bobs) = (server.key(&ada, "ada's", "30d").await, server.key(&bob, "bob's", "30d").await);
    let (ada_client, bob_client) = (Client::new(&server, &adas.token), Client::new(&server, &bobs.token));
    let (mut adas_stream, mut bobs_stream) =
        (Stream::open(&ada_client).await, Stream::open(&bob_client).await);
    let new = server.key(&ada, "new", "30d").await;
    assert!(is_changed(&adas_stream.next().await.unwrap()));
    server.revoke(&new).await;
    assert!(is_changed(&adas_stream.next().await.unwrap()));
    // Bob's first message is about his own key: of hers he heard nothing.
    server.key(&bob, "another", "30d").await;
    assert!(is_changed(&bobs_stream.next().await.unwrap()));
    server.revoke(&bobs).await;
    assert_eq!(bobs_stream.next().await, None, "one message, and nothing at the end");
}

#[tokio::test]
async fn a_stream_ends_with_its_key_and_nothing_is_sent_after_it() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    for end in ["revoked", "expired", "creator deactivated"] {
        let bob = server.member(&format!("{}@example.com", end.replace(' ', "."))).await;
        let key = server.key(&bob, "listening", "7d").await;
        let mut stream = Stream::open(&Client::new(&server, &key.token)).await;
        match end {
            "revoked" => server.revoke(&key).await,
            "expired" => server.advance(SignedDuration::from_hours(24 * 7)),
            _ => server.deactivate(&bob).await,
        }
        assert_eq!(stream.next().await, None, "{end}");
        assert_eq!(stream.read, "", "{end}");
    }
    let still = server.key(&ada, "still", "30d").await;
    Stream::open(&Client::new(&server, &still.token)).await;
}

#[tokio::test]
async fn a_key_that_is_revoked_by_its_own_stream_hears_no_more_of_it() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "listening", "30d").await;
    let client = Client::new(&server, &key.token);
    let mut stream = Stream::open(&client).await;
    let revoked = client.done("revoke_api_key", json!({ "id": key.id, "name": "listening" })).await;
    assert_eq!(revoked["revoked"], true);
    assert_eq!(stream.next().await, None);
    assert_eq!(client.post().send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn streams_are_bounded_for_each_user_and_their_places_come_back() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let bob = server.member("bob@example.com").await;
    let keys = [server.key(&ada, "one", "30d").await, server.key(&ada, "two", "30d").await];
    let clients = keys.each_ref().map(|key| Client::new(&server, &key.token));
    let mut streams = Vec::new();
    for n in 0..8 {
        streams.push(Stream::open(&clients[n % 2]).await);
    }
    let refused = Stream::ask(&clients[0]).await;
    assert_eq!(refused.status(), 429, "however many keys they have");
    assert!(refused.headers().contains_key("retry-after"));
    let bobs = server.key(&bob, "bob's", "30d").await;
    Stream::open(&Client::new(&server, &bobs.token)).await;
    // Those of a key that is revoked, and one that is closed, make room.
    server.revoke(&keys[1]).await;
    for mut stream in streams.drain(..).skip(1).step_by(2) {
        assert_eq!(stream.next().await, None);
    }
    let opened = async {
        while Stream::ask(&clients[0]).await.status() == 429 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, opened).await.expect("a place");
}

#[tokio::test]
async fn a_server_that_stops_closes_its_streams_with_a_last_word() {
    let mut server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "listening", "30d").await;
    let mut stream = Stream::open(&Client::new(&server, &key.token)).await;
    server.stop().await;
    let last = stream.next().await.expect("the result of listening");
    assert_eq!(last["result"]["resultType"], "complete", "{last}");
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn only_what_says_in_its_header_that_it_listens_listens() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "listening", "30d").await;
    let client = Client::new(&server, &key.token);
    let listen = json!({ "notifications": { "resourcesListChanged": true } });
    for (method, other) in [("subscriptions/listen", "tools/list"), ("tools/list", "subscriptions/listen")] {
        let mut request = client.request(method, &listen).build().unwrap();
        request.headers_mut().insert("mcp-method", other.parse().unwrap());
        assert_eq!(server.client.execute(request).await.unwrap().status(), 400, "{method} as {other}");
        let mut request = client.request("subscriptions/listen", &listen).build().unwrap();
        request.headers_mut().remove("mcp-method");
        assert_eq!(server.client.execute(request).await.unwrap().status(), 400, "without the header");
    }
    // Older revisions have no streams.
    let older = json!({ "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": listen });
    let answer: Value = client
        .post()
        .header("mcp-method", "subscriptions/listen")
        .json(&older)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
}
