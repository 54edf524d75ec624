use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::transport::{Names, connector_trusting};
use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// How a server answers.
#[derive(Clone)]
enum Answer {
    /// This, and the end of the connection.
    All(Vec<u8>),
    /// This first, and then this again and again, with a pause between.
    Forever(Vec<u8>, Vec<u8>, Duration),
}

/// An HTTPS server on this machine under the name `app.test`, and the authority that vouches for it.
struct Server {
    address: SocketAddr,
    roots: RootCertStore,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn answering(answer: Answer) -> Self {
        let (acceptor, roots) = identity();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::default(), Arc::<Mutex<Vec<String>>>::default());
        let server =
            Self { address, roots, connections: Arc::clone(&connections), requests: Arc::clone(&requests) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, requests, answer) = (acceptor.clone(), Arc::clone(&requests), answer.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await.ok()?;
                    let head = head(&mut stream).await?;
                    requests.lock().unwrap().push(head);
                    give(&mut stream, answer).await
                });
            }
        });
        server
    }

    async fn with_document(json: &str) -> Self {
        Self::answering(Answer::All(ok("application/json", json))).await
    }

    fn fetcher(&self) -> ClientMetadataFetcher {
        fetcher(&["127.0.0.0/8"], vec![self.address], self.roots.clone(), Duration::from_mins(1))
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn identity() -> (TlsAcceptor, RootCertStore) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["app.test".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), roots)
}

async fn head(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn give(stream: &mut TlsStream<TcpStream>, answer: Answer) -> Option<()> {
    match answer {
        Answer::All(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.shutdown().await.ok()
        }
        Answer::Forever(first, again, pause) => {
            stream.write_all(&first).await.ok()?;
            let mut ticks = tokio::time::interval(pause);
            loop {
                ticks.tick().await;
                stream.write_all(&again).await.ok()?;
                stream.flush().await.ok()?;
            }
        }
    }
}

fn fetcher(
    networks: &[&str],
    addresses: Vec<SocketAddr>,
    roots: RootCertStore,
    time_limit: Duration,
) -> ClientMetadataFetcher {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    ClientMetadataFetcher::over(Transport {
        allowed: AllowedAddresses::new(networks),
        names: Names::Fixed(addresses),
        tls: OnceCell::new_with(Some(connector_trusting(roots).unwrap())),
        time_limit,
    })
}

fn ok(content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn url() -> ClientIdUrl {
    ClientIdUrl::parse("https://app.test:8443/oauth/client.json?v=1").unwrap()
}

const DOCUMENT: &str = r#"{"client_id":"https://app.test:8443/oauth/client.json?v=1","client_name":"Example App",
    "redirect_uris":["https://app.test/cb"],"token_endpoint_auth_method":"none"}"#;

/// The cause, which only the log gets; the person gets one sentence, whatever it is.
async fn cause(fetcher: &ClientMetadataFetcher) -> Cause {
    let cause = fetcher.fetch(&url()).await.expect_err("refused");
    let refusal = fetcher.get(&url(), NOW).await.unwrap_err();
    assert_eq!(refusal.to_string(), "The app's description at app.test:8443 could not be read.");
    cause
}

async fn transport_error(answer: Answer) -> TransportError {
    match cause(&Server::answering(answer).await.fetcher()).await {
        Cause::Transport(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_client_s_description_is_read_where_the_client_says_it_is_and_kept() {
    let server = Server::with_document(DOCUMENT).await;
    let fetcher = server.fetcher();
    let metadata = fetcher.get(&url(), NOW).await.unwrap();
    assert_eq!(metadata.name.as_str(), "Example App");
    let minutes = |minutes| NOW + SignedDuration::from_mins(minutes);
    assert_eq!(fetcher.get(&url(), minutes(4)).await.unwrap(), metadata);
    assert_eq!(server.connections(), 1, "kept for five minutes");
    assert!(fetcher.get(&url(), minutes(5)).await.is_ok());
    assert_eq!(server.connections(), 2, "and no longer than its server says");

    let request = server.requests.lock().unwrap()[0].to_lowercase();
    assert!(request.starts_with("get /oauth/client.json?v=1 http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nhost: app.test:8443\r\n"), "{request}");
    for name in ["accept-encoding", "cookie", "authorization", "referer"] {
        assert!(!request.contains(&format!("\r\n{name}:")), "{request}");
    }
}

#[tokio::test]
async fn an_address_inside_is_refused_before_any_connection() {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let inside = listener.local_addr().unwrap();
    let public: SocketAddr = "93.184.216.34:443".parse().unwrap();
    for (networks, addresses) in [
        (&[][..], vec![inside]),
        (&["10.0.0.0/8", "::/0"], vec![inside]),
        // A name with an address outside and one inside is somebody's try to get in.
        (&[], vec![inside, public]),
        (&[], vec![public, inside]),
        (&["127.0.0.0/8"], vec![inside, "10.0.0.1:443".parse().unwrap()]),
    ] {
        let fetcher = fetcher(networks, addresses, identity().1, Duration::from_mins(1));
        let cause = cause(&fetcher).await;
        assert!(matches!(cause, Cause::Transport(TransportError::Address(_))), "{cause}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
}

#[tokio::test]
async fn the_system_s_answer_for_a_name_is_checked_too() {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = ClientIdUrl::parse(&format!("https://localhost:{port}/client.json")).unwrap();
    let cause = ClientMetadataFetcher::new(Vec::new()).fetch(&url).await.unwrap_err();
    assert!(matches!(cause, Cause::Transport(TransportError::Address(_))), "{cause}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::with_document(DOCUMENT).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("https://app.test:{}/client.json", elsewhere.address.port());
        let answer = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let error = transport_error(Answer::All(answer.into())).await;
        assert!(matches!(error, TransportError::Status(_)), "{error}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn only_a_200_with_plain_json_is_a_description() {
    let with = |status: &str, header: &str| {
        let length = DOCUMENT.len();
        Answer::All(
            format!("HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\n\r\n{DOCUMENT}").into(),
        )
    };
    for status in
        ["201 Created", "203 Non-Authoritative Information", "404 Not Found", "500 Internal Server Error"]
    {
        let error = transport_error(with(status, "Content-Type: application/json")).await;
        assert!(matches!(error, TransportError::Status(_)), "{error}");
    }
    for header in ["Content-Type: text/html", "X-None: x"] {
        let error = transport_error(with("200 OK", header)).await;
        assert!(matches!(error, TransportError::ContentType), "{error}");
    }
    let error =
        transport_error(with("200 OK", "Content-Type: application/json\r\nContent-Encoding: gzip")).await;
    assert!(matches!(error, TransportError::Compressed), "{error}");
}

#[tokio::test]
async fn a_description_of_more_than_16_kib_is_cut() {
    let padded = |length: usize| format!("{DOCUMENT}{}", " ".repeat(length - DOCUMENT.len()));
    let most = Server::with_document(&padded(ClientMetadata::MAX_BYTES)).await;
    assert!(most.fetcher().get(&url(), NOW).await.is_ok());

    let chunked =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = format!("400\r\n{}\r\n", " ".repeat(1024)).into_bytes();
    for answer in [
        Answer::All(ok("application/json", &padded(ClientMetadata::MAX_BYTES + 1))),
        Answer::All(ok("application/json", &padded(17 * 1024))),
        // Said to be huge: refused before any of it comes.
        Answer::Forever(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
                .to_vec(),
            Vec::new(),
            Duration::from_secs(1),
        ),
        Answer::Forever(chunked, chunk, Duration::from_nanos(1)),
    ] {
        let error = transport_error(answer).await;
        assert!(matches!(error, TransportError::TooLarge), "{error}");
    }
}

#[tokio::test]
async fn headers_without_an_end_are_cut() {
    let many = b"X-Header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(100);
    let error =
        transport_error(Answer::Forever(b"HTTP/1.1 200 OK\r\n".to_vec(), many, Duration::from_nanos(1)))
            .await;
    assert!(matches!(error, TransportError::Http(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_takes_its_time_is_left() {
    let pause = Duration::from_millis(5);
    let headers =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n".to_vec();
    for answer in [
        Answer::Forever(headers, b" ".to_vec(), pause),
        Answer::Forever(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), b"x".to_vec(), pause),
    ] {
        let server = Server::answering(answer).await;
        let limit = Duration::from_millis(300);
        let fetcher = fetcher(&["127.0.0.0/8"], vec![server.address], server.roots.clone(), limit);
        let cause = cause(&fetcher).await;
        assert!(matches!(cause, Cause::Transport(TransportError::TooSlow(_))), "{cause}");
        assert_eq!(fetcher.places.available_permits(), ClientMetadataFetcher::PLACES);
    }
    assert_eq!(Transport::new(AllowedAddresses::new(Vec::new())).time_limit, Duration::from_secs(5));
}

#[tokio::test]
async fn a_document_that_speaks_for_another_or_has_a_secret_is_refused() {
    let secret = DOCUMENT.replacen('{', r#"{"client_secret":"","#, 1);
    let other = DOCUMENT.replace("client.json?v=1", "client.json");
    for json in [secret.as_str(), &other, "", "[]", "{}", "null"] {
        let cause = cause(&Server::with_document(json).await.fetcher()).await;
        assert!(matches!(cause, Cause::Metadata(_)), "{json}: {cause}");
    }
}

#[tokio::test]
async fn a_host_must_prove_who_it_is() {
    let server = Server::with_document(DOCUMENT).await;
    let stranger = fetcher(&["127.0.0.0/8"], vec![server.address], identity().1, Duration::from_mins(1));
    let cause = cause(&stranger).await;
    assert!(matches!(cause, Cause::Transport(TransportError::Tls(_))), "{cause}");

    let other = ClientIdUrl::parse("https://other.test:8443/client.json").unwrap();
    let error = server.fetcher().fetch(&other).await.unwrap_err();
    assert!(matches!(error, Cause::Transport(TransportError::Tls(_))), "{error}");
    assert!(server.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_asked_once_a_minute() {
    let server = Server::with_document("{}").await;
    let fetcher = server.fetcher();
    for seconds in [0, 1, 59] {
        assert!(fetcher.get(&url(), NOW + SignedDuration::from_secs(seconds)).await.is_err());
    }
    assert_eq!(server.connections(), 1);
    assert!(fetcher.get(&url(), NOW + SignedDuration::from_mins(1)).await.is_err());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn no_more_than_eight_are_read_at_once_and_nobody_waits_in_line() {
    let server = Server::with_document(DOCUMENT).await;
    let fetcher = server.fetcher();
    let all = Arc::clone(&fetcher.places).try_acquire_many_owned(8).unwrap();
    assert_eq!(fetcher.places.available_permits(), 0);
    let cause = fetcher.fetch(&url()).await.unwrap_err();
    assert!(matches!(cause, Cause::Busy), "{cause}");
    assert!(fetcher.get(&url(), NOW).await.is_err());
    assert_eq!(server.connections(), 0);
    drop(all);
    assert!(fetcher.get(&url(), NOW).await.is_ok(), "being busy is not held against the client");
}
