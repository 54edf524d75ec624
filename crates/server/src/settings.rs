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
}
