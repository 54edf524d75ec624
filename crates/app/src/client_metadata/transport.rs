//! One question by HTTPS, to addresses that were checked, within bounds.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use keystead_domain::{ClientIdUrl, ClientMetadata};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, OwnedSemaphorePermit};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::address::AllowedAddresses;

/// Asks for documents.
pub(super) struct Transport {
    pub(super) allowed: AllowedAddresses,
    pub(super) names: Names,
    /// Made when it is first needed: most deployments never do, and all of them start.
    pub(super) tls: OnceCell<TlsConnector>,
    /// For all of it: name, connection, headers and body.
    pub(super) time_limit: Duration,
}

/// Who knows the addresses of names.
pub(super) enum Names {
    System,
    #[cfg(test)]
    Fixed(Vec<SocketAddr>),
}

/// What a server answered.
pub(super) struct Document {
    pub(super) body: Bytes,
    /// For how many seconds the server says that it holds; 0 if it does not say.
    pub(super) max_age: u64,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    #[error("the host has no address: {0}")]
    Name(io::Error),
    #[error(
        "the host has the address {0}, which is neither public and on port 443 nor in a --client-metadata-network"
    )]
    Address(SocketAddr),
    #[error("no connection: {0}")]
    Connection(#[from] io::Error),
    #[error("no TLS: {0}")]
    Tls(io::Error),
    #[error("no HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is {0}; it must be 200, and redirects are not followed")]
    Status(StatusCode),
    #[error("the answer is not of the type application/json or application/…+json")]
    ContentType,
    #[error("the answer is compressed, which was not asked for")]
    Compressed,
    #[error("the answer has more than {} bytes", ClientMetadata::MAX_BYTES)]
    TooLarge,
    #[error("the answer ends too early: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("it took longer than {0:?}")]
    TooSlow(Duration),
}

impl Transport {
    pub(super) fn new(allowed: AllowedAddresses) -> Self {
        Self { allowed, names: Names::System, tls: OnceCell::new(), time_limit: Duration::from_secs(5) }
    }

    /// What there is at the address. Holds `place` as long as anything goes on for it.
    pub(super) async fn read(
        &self,
        url: &ClientIdUrl,
        place: OwnedSemaphorePermit,
    ) -> Result<Document, TransportError> {
        tokio::time::timeout(self.time_limit, self.exchange(url, place))
            .await
            .unwrap_or(Err(TransportError::TooSlow(self.time_limit)))
    }

    async fn exchange(
        &self,
        url: &ClientIdUrl,
        place: OwnedSemaphorePermit,
    ) -> Result<Document, TransportError> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let parts =
            Url::parse(url.as_str()).map_err(|error| TransportError::Name(invalid(error.to_string())))?;
        let host = parts.host_str().unwrap_or_default().to_owned();
        let name = ServerName::try_from(host.clone())
            .map_err(|error| TransportError::Name(invalid(error.to_string())))?;

        // What is checked here is what is connected to: nobody asks for the name again (DNS rebinding).
        let (addresses, _place) = self.addresses(host, parts.port().unwrap_or(443), place).await?;
        if let Some(refused) = addresses.iter().find(|address| !self.allowed.contains(**address)) {
            return Err(TransportError::Address(*refused));
        }
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        let tls = self.tls.get_or_try_init(connector).await.map_err(TransportError::Tls)?;
        let stream = tls.connect(name, stream).await.map_err(TransportError::Tls)?;

        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(ClientMetadata::MAX_BYTES)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await?;
        // Ends with this exchange, also when that is cut short.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request(url, &parts)).await?;
        document(response).await
    }

    /// The addresses of a host. A look-up cannot be stopped: it keeps its place until it ends, so that there are never more of them
    /// than places.
    async fn addresses(
        &self,
        host: String,
        port: u16,
        place: OwnedSemaphorePermit,
    ) -> Result<(Vec<SocketAddr>, OwnedSemaphorePermit), TransportError> {
        match &self.names {
            Names::System => spawn_blocking(move || {
                let addresses = (host, port).to_socket_addrs().map(Iterator::collect);
                addresses.map(|addresses| (addresses, place))
            })
            .await
            .unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(TransportError::Name),
            #[cfg(test)]
            Names::Fixed(addresses) => Ok((addresses.clone(), place)),
        }
    }
}

/// TLS with the authorities that the system trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
async fn connector() -> io::Result<TlsConnector> {
    let found = spawn_blocking(rustls_native_certs::load_native_certs).await.map_err(io::Error::other)?;
    for error in &found.errors {
        tracing::warn!(%error, "certificates of authorities could not be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(io::Error::other("there are no certificates of authorities: set SSL_CERT_FILE"));
    }
    connector_trusting(roots)
}

pub(super) fn connector_trusting(roots: RootCertStore) -> io::Result<TlsConnector> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn request(url: &ClientIdUrl, parts: &Url) -> Request<Empty<Bytes>> {
    let target = &parts[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = target.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = url.host().parse() {
        headers.insert(HOST, host);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("Keystead"));
    request
}

async fn document(response: Response<Incoming>) -> Result<Document, TransportError> {
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(TransportError::Status(head.status));
    }
    if !is_json(&head.headers) {
        return Err(TransportError::ContentType);
    }
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(TransportError::Compressed);
    }
    if body.size_hint().lower() > ClientMetadata::MAX_BYTES as u64 {
        return Err(TransportError::TooLarge);
    }
    match Limited::new(body, ClientMetadata::MAX_BYTES).collect().await {
        Ok(body) => Ok(Document { body: body.to_bytes(), max_age: max_age(&head.headers) }),
        Err(error) if error.is::<LengthLimitError>() => Err(TransportError::TooLarge),
        Err(error) => Err(TransportError::Body(error)),
    }
}

/// The draft takes `application/json`, and types that are more specific.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(content_type)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// How long the answer holds (RFC 9111, sections 4.2.1 and 5.2.2): not at all if it is not to be kept or is to be asked for again.
fn max_age(headers: &HeaderMap) -> u64 {
    let mut age = 0;
    for value in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in value.split(',') {
            let directive = directive.trim().to_ascii_lowercase();
            match directive.split_once('=') {
                None if matches!(directive.as_str(), "no-store" | "no-cache") => return 0,
                Some(("max-age", seconds)) => age = seconds.trim_matches('"').parse().unwrap_or(0),
                _ => {}
            }
        }
    }
    age
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &hyper::header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_json_is_read_as_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.example+json",
            "application/client+json ; v=1",
        ] {
            assert!(is_json(&headers(&CONTENT_TYPE, &[good])), "{good}");
        }
        for bad in [
            "",
            "text/html",
            "text/json",
            "application/jsonp",
            "application/x",
            "text/html; application/json",
        ] {
            assert!(!is_json(&headers(&CONTENT_TYPE, &[bad])), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_server_says_how_long_its_answer_holds() {
        for (values, seconds) in [
            (&[][..], 0),
            (&["max-age=600"], 600),
            (&["public, Max-Age=\"600\""], 600),
            (&["public", "max-age=600"], 600),
            (&["max-age=600, no-store"], 0),
            (&["no-cache", "max-age=600"], 0),
            (&["max-age=-1"], 0),
            (&["s-maxage=600"], 0),
            (&["max-age"], 0),
        ] {
            assert_eq!(max_age(&headers(&CACHE_CONTROL, values)), seconds, "{values:?}");
        }
    }
}
