//! A site on which an OAuth client describes itself (draft-ietf-oauth-client-id-metadata-document): an HTTPS server on this machine, and
//! the certificate that vouches for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A running site; dropped, it is gone.
pub struct ClientDocument {
    /// Where the document is, which is the client's id.
    pub url: String,
    certificates: TempDir,
    serving: JoinHandle<()>,
}

impl ClientDocument {
    /// Serves the description of a client of a name, which is answered on the person's own computer.
    pub async fn serve(name: &str) -> Self {
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let certificates = tempfile::tempdir().expect("a temporary directory");
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(signed.cert.der())
        );
        std::fs::write(file_in(certificates.path()), pem).expect("written");
        let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .expect("a certificate and its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let url = format!("https://localhost:{port}/client.json");
        let document = json!({
            "client_id": url,
            "client_name": name,
            "redirect_uris": ["http://127.0.0.1/callback"],
            "token_endpoint_auth_method": "none",
        });
        let document = document.to_string();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who goes away early gets nothing.
                _ = answer(&acceptor, stream, &document).await;
            }
        });
        Self { url, certificates, serving }
    }

    /// The certificates that whoever reads it must trust.
    pub fn certificates(&self) -> PathBuf {
        file_in(self.certificates.path())
    }
}

impl Drop for ClientDocument {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("certificates.pem")
}

async fn answer(acceptor: &TlsAcceptor, stream: TcpStream, document: &str) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let length = document.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{document}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
