//! Impersonated sessions, and the page that products embed.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use keystead_app::SessionSettings;
use keystead_domain::SessionLifetime;
use keystead_server::{Accent, Embedding, Theme};
use url::{Host, Url};

/// What impersonation keys may do, and where.
#[derive(Debug, Args)]
pub(crate) struct ImpersonationSettings {
    /// Allow impersonation keys, which sign a product's own users in. Off unless asked for.
    #[arg(long, env = "KEYSTEAD_IMPERSONATION", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        value_name = "BOOL", default_value = "false", default_missing_value = "true",
        value_parser = BoolishValueParser::new())]
    pub(crate) impersonation: bool,
    /// How long an impersonated session lasts, from `1m` to `1h`, such as `15m`. A product mints the next one before it ends.
    #[arg(long, value_name = "TIME", env = "KEYSTEAD_IMPERSONATION_LIFETIME", default_value = "1h",
        value_parser = lifetime)]
    pub(crate) impersonation_lifetime: SessionLifetime,
    /// Let an impersonated session use Keystead's own permissions, such as `keys:read_all` or `iam:write`, as far as both its user and
    /// the creator of its key hold them. Off unless asked for: a session then has only the permissions that are your product's.
    #[arg(long, env = "KEYSTEAD_IMPERSONATION_ADMINISTRATION", action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, value_name = "BOOL", default_value = "false", default_missing_value = "true",
        value_parser = BoolishValueParser::new())]
    pub(crate) impersonation_administration: bool,
    /// A site that may embed the API keys page and hand it sessions: a scheme, a host and perhaps a port, such as
    /// `https://app.example.com`. May be given several times; in the variable, separated by commas; in the file, a list. Without it no
    /// site may. Goes together with --impersonation.
    #[arg(long, value_name = "URL", env = "KEYSTEAD_EMBED_ORIGIN", value_delimiter = ',', value_parser = EmbedOrigin::parse)]
    pub(crate) embed_origin: Vec<EmbedOrigin>,
    /// The colour of the embedded page's buttons and links, as `#rrggbb`; by default Keystead's own. The embedding page may
    /// choose another with `?accent=%23rrggbb`.
    #[arg(long, value_name = "COLOUR", env = "KEYSTEAD_EMBED_ACCENT", value_parser = accent)]
    pub(crate) embed_accent: Option<Accent>,
    /// How the embedded page looks: light, dark, or as the system of whoever looks at it is set. The embedding page may choose
    /// another with `?theme=`.
    #[arg(long, value_name = "THEME", env = "KEYSTEAD_EMBED_THEME", default_value = "auto")]
    pub(crate) embed_theme: EmbedTheme,
}

impl ImpersonationSettings {
    /// What sessions are like of which `issuer`, the public URL, is the issuer.
    pub(crate) fn sessions(&self, issuer: String) -> SessionSettings {
        SessionSettings {
            issuer,
            lifetime: self.impersonation_lifetime,
            administration: self.impersonation_administration,
        }
    }

    /// Who may embed the page, and how it looks there.
    pub(crate) fn embedding(&self) -> Embedding {
        let mut origins: Vec<String> = Vec::new();
        for EmbedOrigin { origin, .. } in &self.embed_origin {
            if !origins.contains(origin) {
                origins.push(origin.clone());
            }
        }
        let theme = match self.embed_theme {
            EmbedTheme::Light => Theme::Light,
            EmbedTheme::Dark => Theme::Dark,
            EmbedTheme::Auto => Theme::Auto,
        };
        Embedding { origins, accent: self.embed_accent, theme }
    }

    /// What is easily overlooked.
    pub(crate) fn warn(&self) {
        if !self.embed_origin.is_empty() && !self.impersonation {
            tracing::warn!(
                "embed-origin is set, and has no effect without impersonation: nobody can be signed in to the embedded page"
            );
        }
        for EmbedOrigin { origin, .. } in self.embed_origin.iter().filter(|origin| origin.is_exposed) {
            tracing::warn!(
                "embed-origin {origin} is not encrypted: whoever is on the way can take over the sessions of its users. Use https://"
            );
        }
    }
}

/// The colour scheme of the embedded page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EmbedTheme {
    Light,
    Dark,
    Auto,
}

/// A site's origin (RFC 6454), as browsers write it: they compare it letter by letter.
#[derive(Debug, Clone)]
pub(crate) struct EmbedOrigin {
    origin: String,
    /// Others on the network can read and change what it sends.
    is_exposed: bool,
}

impl EmbedOrigin {
    fn parse(text: &str) -> Result<Self, String> {
        const WANTED: &str = "it takes a scheme, a host and perhaps a port, such as https://app.example.com: no path, no wildcard";
        let url = Url::parse(text.trim()).map_err(|_| WANTED)?;
        let host = url.host().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or(WANTED)?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_bare {
            return Err(WANTED.to_owned());
        }
        // The page names its embedders in a header that knows no other hosts (CSP 3, section 2.3.1).
        let is_local = match host {
            Host::Ipv6(_) => {
                return Err("browsers know no IPv6 addresses here; give a name, such as localhost".to_owned());
            }
            Host::Ipv4(address) => address.is_loopback(),
            Host::Domain(name)
                if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) =>
            {
                name == "localhost" || name.ends_with(".localhost")
            }
            Host::Domain(_) => return Err(WANTED.to_owned()),
        };
        let is_exposed = url.scheme() == "http" && !is_local;
        Ok(Self { origin: url.origin().ascii_serialization(), is_exposed })
    }
}

fn lifetime(text: &str) -> Result<SessionLifetime, String> {
    SessionLifetime::parse(text).map_err(|error| error.to_string())
}

fn accent(text: &str) -> Result<Accent, &'static str> {
    Accent::parse(text).ok_or("it takes a colour such as #0a7f5a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_compare() {
        for (given, expected) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com:443/", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("http://localhost:80", "http://localhost"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(EmbedOrigin::parse(given).unwrap().origin, expected);
        }
    }

    #[test]
    fn what_is_more_or_less_than_one_origin_is_refused() {
        for bad in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://*.example.com",
            "https://*",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://user@app.example.com",
            "https://a.example;script-src",
            "https://a.example https://b.example",
            "http://[::1]:3000",
            "ftp://app.example.com",
            "data:text/html,x",
            "https://",
        ] {
            assert!(EmbedOrigin::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_site_of_this_machine_may_do_without_encryption_unremarked() {
        for (origin, exposed) in [
            ("http://localhost:3000", false),
            ("http://app.localhost", false),
            ("http://127.1.2.3:3000", false),
            ("https://app.example.com", false),
            ("http://app.example.com", true),
            ("http://10.0.0.1", true),
            ("http://localhost.example.com", true),
        ] {
            assert_eq!(EmbedOrigin::parse(origin).unwrap().is_exposed, exposed, "{origin}");
        }
    }
}
