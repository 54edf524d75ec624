//! What the doors need to know of the deployment.

use std::net::IpAddr;

use http::HeaderValue;
use ipnet::IpNet;

use crate::embed::Embedding;

/// Where this deployment is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that people and programs use, without a trailing slash: `https://keys.example.com`.
    public_url: String,
    /// The reverse proxies whose `X-Forwarded-For` is believed.
    trusted_proxies: Vec<IpNet>,
    /// Who may embed the API Keys page.
    embedding: Embedding,
    /// Whether keys can be created over the Model Context Protocol.
    mcp_key_creation: bool,
}

impl Settings {
    /// `public_url` is `http://` or `https://`, a host and perhaps a port, and nothing more.
    ///
    /// # Errors
    /// What is wrong with it, for the person who configures it.
    pub fn new(public_url: &str) -> Result<Self, String> {
        let trimmed = public_url.trim_end_matches('/');
        let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
        match host {
            Some(host)
                if !host.is_empty()
                    && !host.contains(['/', '?', '#', '@', ' '])
                    && HeaderValue::from_str(trimmed).is_ok() =>
            {
                Ok(Self {
                    public_url: trimmed.to_ascii_lowercase(),
                    trusted_proxies: Vec::new(),
                    embedding: Embedding::default(),
                    mcp_key_creation: true,
                })
            }
            _ => Err(format!(
                "{public_url:?} is not an address such as https://keys.example.com (no path after the host)"
            )),
        }
    }

    /// Behind these reverse proxies, whose word on where a request came from is taken.
    #[must_use]
    pub fn behind(self, trusted_proxies: Vec<IpNet>) -> Self {
        Self { trusted_proxies, ..self }
    }

    /// With an API Keys page that may be embedded like this.
    #[must_use]
    pub fn embedded(self, embedding: Embedding) -> Self {
        Self { embedding, ..self }
    }

    /// With or without the creation of keys over the Model Context Protocol.
    #[must_use]
    pub fn with_mcp_key_creation(self, allowed: bool) -> Self {
        Self { mcp_key_creation: allowed, ..self }
    }

    pub(crate) fn mcp_creates_keys(&self) -> bool {
        self.mcp_key_creation
    }

    pub(crate) fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// Whether an address is one of the deployment's own proxies.
    pub(crate) fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// The address, which is also the origin (RFC 6454) of the console's own requests.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Host and port of the address; no port means the scheme's own.
    fn authority(&self) -> &str {
        self.public_url.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// What a request's `Host` may be: that of the address, and where it is of this machine, the machine's other names.
    pub(crate) fn hosts(&self) -> Vec<String> {
        const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
        let (host, port) = match self.authority().rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, format!(":{port}")),
            _ => (self.authority(), String::new()),
        };
        if LOOPBACK.contains(&host) {
            return LOOPBACK.iter().map(|name| format!("{name}{port}")).collect();
        }
        vec![self.authority().to_owned()]
    }

    /// The address as an origin that names its port.
    pub(crate) fn origin_with_port(&self) -> String {
        let has_port = self.authority().rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        match (has_port, self.is_https()) {
            (true, _) => self.public_url.clone(),
            (false, true) => format!("{}:443", self.public_url),
            (false, false) => format!("{}:80", self.public_url),
        }
    }

    /// Whether browsers reach it over TLS: then cookies are `Secure` and have the `__Host-` prefix.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_a_host() {
        assert_eq!(
            Settings::new("https://Keys.Example.com/").unwrap().public_url(),
            "https://keys.example.com"
        );
        assert!(!Settings::new("http://127.0.0.1:8080").unwrap().is_https());
        for bad in [
            "",
            "keys.example.com",
            "https://",
            "ftp://x",
            "https://x/keys",
            "https://a@b",
            "https://x?y",
            "http://a b",
        ] {
            assert!(Settings::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_request_names_the_public_host_or_on_this_machine_one_of_its_names() {
        let hosts = |url: &str| Settings::new(url).unwrap().hosts();
        assert_eq!(hosts("https://keys.example.com"), ["keys.example.com"]);
        assert_eq!(hosts("https://keys.example.com:8443"), ["keys.example.com:8443"]);
        for url in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            assert_eq!(hosts(url), ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"], "{url}");
        }
        assert_eq!(hosts("http://[::1]"), ["127.0.0.1", "localhost", "[::1]"]);
        assert_eq!(hosts("http://127.0.0.1.evil.example"), ["127.0.0.1.evil.example"]);
    }

    #[test]
    fn an_origin_names_its_port() {
        let origin = |url: &str| Settings::new(url).unwrap().origin_with_port();
        assert_eq!(origin("https://keys.example.com"), "https://keys.example.com:443");
        assert_eq!(origin("http://[::1]"), "http://[::1]:80");
        assert_eq!(origin("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
    }
}
