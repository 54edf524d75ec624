//! Where the answer to an authorization request goes.

use std::fmt;

use url::Url;

use super::client::BadClientMetadata;
use super::uri_text::{host_and_port, is_plain, split_authority};

#[cfg(test)]
mod tests;

/// Where a client gets its codes: an `https` address, one on the person's own machine, or an app that the machine opens for a scheme
/// of its own (RFC 8252, section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// Host, and port unless it is 443.
    Web(String),
    /// What is before the port and what is after it: both begin and end the text.
    Loopback { before: usize, after: usize },
    /// The scheme.
    App(String),
}

/// Longer than any that are in use, short enough for a header.
const MAX_BYTES: usize = 2048;

/// The hosts of the person's own machine (RFC 8252, sections 7.3 and 8.3), as they must be written.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Schemes that a browser or a system acts on itself, whatever apps there are. They run what the address says, show it, send it to
/// somebody, or hand it to a page (`urn:ietf:wg:oauth:2.0:oob`).
const NOT_APPS: [&str; 29] = [
    "about",
    "android-app",
    "blob",
    "chrome",
    "chrome-extension",
    "content",
    "data",
    "edge",
    "facetime",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "intent",
    "jar",
    "javascript",
    "ldap",
    "mailto",
    "moz-extension",
    "resource",
    "search-ms",
    "sms",
    "ssh",
    "tel",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

impl RedirectUri {
    /// What a client says of itself, or asks for. Never with a fragment (OAuth 2.1, section 2.3) or a user.
    ///
    /// # Errors
    /// `invalid_redirect_uri`: it is none of the kinds that there are.
    pub fn parse(text: &str) -> Result<Self, BadClientMetadata> {
        let target = Self::target_of(text).ok_or(BadClientMetadata::REDIRECT_URI)?;
        Ok(Self { text: text.to_owned(), target })
    }

    fn target_of(text: &str) -> Option<Target> {
        if text.len() > MAX_BYTES || !is_plain(text) {
            return None;
        }
        let (scheme, rest) = text.split_once(":/")?;
        let url = Url::parse(text).ok()?;
        // As the parser reads it: lower case, a letter first.
        if url.scheme() != scheme {
            return None;
        }
        let authority_and_rest = rest.strip_prefix('/');
        let authority = authority_and_rest.map(|rest| split_authority(rest).0);
        if authority.is_some_and(|authority| authority.contains('@')) {
            return None;
        }
        match scheme {
            "https" => host_and_port(&url, authority?).map(Target::Web),
            "http" => {
                let authority = authority?;
                host_and_port(&url, authority)?;
                let host = LOOPBACK.into_iter().find(|host| {
                    authority.strip_prefix(host).is_some_and(|port| port.is_empty() || port.starts_with(':'))
                })?;
                let start = "http://".len();
                Some(Target::Loopback { before: start + host.len(), after: start + authority.len() })
            }
            app if NOT_APPS.contains(&app) || app.starts_with("ms-") => None,
            app => Some(Target::App(app.to_owned())),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where codes go, for a person: a host, with the port unless it is 443; or the scheme of an app with its colon, without which
    /// the scheme `github.com` would look like a host.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.target {
            Target::Web(host) => host.clone(),
            Target::Loopback { after, .. } => self.text["http://".len()..*after].to_owned(),
            Target::App(scheme) => format!("{scheme}:"),
        }
    }

    /// The source that the page's `form-action` needs so that a browser follows the redirect (Content Security Policy 3, section
    /// 2.3.1). An IPv6 address cannot be written there: its scheme stands for it.
    #[must_use]
    pub fn form_action_source(&self) -> String {
        match &self.target {
            Target::Web(host) if host.starts_with('[') => "https:".to_owned(),
            Target::Web(host) => format!("https://{host}"),
            Target::Loopback { .. } if self.host().starts_with('[') => "http:".to_owned(),
            Target::Loopback { after, .. } => self.text[..*after].to_owned(),
            Target::App(scheme) => format!("{scheme}:"),
        }
    }

    /// Whether a client that has this may be answered at `asked`: the same, character for character. On the person's own machine the
    /// port may differ, since a program there gets whichever is free (RFC 8252, section 7.3).
    #[must_use]
    pub fn allows(&self, asked: &Self) -> bool {
        match (&self.target, &asked.target) {
            (Target::Loopback { .. }, Target::Loopback { .. }) => self.without_port() == asked.without_port(),
            _ => self.text == asked.text,
        }
    }

    /// What stands before the port on this machine, and what after it.
    fn without_port(&self) -> Option<(&str, &str)> {
        match self.target {
            Target::Loopback { before, after } => Some((&self.text[..before], &self.text[after..])),
            _ => None,
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
