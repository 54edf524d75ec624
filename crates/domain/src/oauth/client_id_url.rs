//! The address at which a client describes itself, which is its name.

use std::fmt;

use url::{Host, Url};

use super::uri_text::{host_and_port, is_plain, split_authority};

/// A client id that is the URL of a document (draft-ietf-oauth-client-id-metadata-document, section 3): `https`, a path, no user, no
/// fragment, no dot segments.
///
/// It is written as parsers write it back, so that one document has one name. Its host is a name, never an IP address: a person is
/// shown the host, and a number tells them nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientIdUrl {
    text: String,
    host: String,
}

impl ClientIdUrl {
    /// What a request names as the client. `None`: it is no such URL, or has more than 512 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const MAX_BYTES: usize = 512;
        if text.len() > MAX_BYTES || !is_plain(text) {
            return None;
        }
        let (authority, _) = split_authority(text.strip_prefix("https://")?);
        let url = Url::parse(text).ok()?;
        // Parsers resolve dot segments, lower hosts and drop the usual port: what they would change is refused.
        if url.as_str() != text || url.path() == "/" || !matches!(url.host(), Some(Host::Domain(_))) {
            return None;
        }
        let host = host_and_port(&url, authority)?;
        Some(Self { text: text.to_owned(), host })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, with the port unless it is 443: what a person is shown.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for ClientIdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_url_is_plain_https_with_a_named_host_and_a_path() {
        for good in [
            "https://app.example.com/client.json",
            "https://example.com/oauth/metadata?v=2",
            "https://localhost:8443/client.json",
            "https://xn--bcher-kva.example/c",
        ] {
            assert_eq!(ClientIdUrl::parse(good).map(|url| url.to_string()).as_deref(), Some(good));
        }
        assert_eq!(ClientIdUrl::parse("https://a.example:8443/c").unwrap().host(), "a.example:8443");
        assert_eq!(ClientIdUrl::parse("https://a.example/c").unwrap().host(), "a.example");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_client_id() {
        let too_long = format!("https://a.example/{}", "x".repeat(512));
        for bad in [
            "",
            "http://a.example/c",
            "HTTPS://a.example/c",
            "https:a.example/c",
            "https:/a.example/c",
            "https:///a.example/c",
            "https://a.example",
            "https://a.example/",
            "https://a.example?c",
            "https://a.example/c#f",
            "https://a.example/c#",
            "https://u@a.example/c",
            "https://u:p@a.example/c",
            "https://@a.example/c",
            "https://a.example/./c",
            "https://a.example/b/../c",
            "https://a.example/b/..",
            "https://a.example/%2e%2e/c",
            "https://a.example/b/.%2E",
            "https://A.example/c",
            "https://a.example:443/c",
            "https://a.example:/c",
            "https://a.example:0443/c",
            "https://a.example:0/c",
            "https://a.example:65536/c",
            "https://127.0.0.1/c",
            "https://127.1/c",
            "https://0x7f.0.0.1/c",
            "https://2130706433/c",
            "https://[::1]/c",
            "https://[::ffff:127.0.0.1]/c",
            "https://a.example;b/c",
            "https://*/c",
            "https://a%2eexample/c",
            "https://a.example\\c",
            "https://a.example/c d",
            "https://a.example/c\n",
            " https://a.example/c",
            "https://b\u{fc}cher.example/c",
            "https://a\u{3002}example/c",
            "javascript:alert(1)",
            "ftp://a.example/c",
            too_long.as_str(),
        ] {
            assert_eq!(ClientIdUrl::parse(bad), None, "{bad:?}");
        }
    }
}
