//! The SMTP server's URL.

use std::net::Ipv4Addr;

use lettre::{AsyncSmtpTransport, Tokio1Executor};
use url::{Host, Url};

use super::MailSettingError;

/// Where mails go, and how.
pub(super) struct Server {
    pub(super) transport: AsyncSmtpTransport<Tokio1Executor>,
    /// Whether what is sent may be read on its way.
    pub(super) in_clear: bool,
}

impl Server {
    /// Refuses what [`AsyncSmtpTransport::from_url`] passes over in silence: a misspelt `tls` would send in clear.
    pub(super) fn parse(text: &str) -> Result<Self, MailSettingError> {
        let wrong = |what| Err(MailSettingError::Url(what));
        let Ok(url) = Url::parse(text.trim()) else {
            return wrong(
                "is not a URL; characters such as / # ? @ in a password are written as %2F %23 %3F %40",
            );
        };
        if !matches!(url.scheme(), "smtp" | "smtps") {
            return wrong("does not begin with smtp:// or smtps://");
        }
        let host = match url.host() {
            Some(Host::Domain(host)) if !host.is_empty() => host,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => return wrong("has an IPv6 address; give a name"),
            _ => return wrong("has no host"),
        };
        if url.username().is_empty() != url.password().is_none() {
            return wrong("has a user without a password, or a password without a user");
        }
        if url.fragment().is_some() {
            return wrong("has a #; in a password it is written as %23");
        }
        let options: Vec<_> = url.query_pairs().collect();
        let tls = match options.as_slice() {
            [] => None,
            [(key, value)] if key == "tls" && matches!(&**value, "required" | "opportunistic") => Some(value),
            _ => return wrong("has an option that is neither tls=required nor tls=opportunistic"),
        };
        let in_clear =
            url.scheme() == "smtp" && tls.is_none_or(|tls| tls != "required") && !is_this_machine(host);
        let Ok(builder) = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str()) else {
            return wrong(
                "cannot be used; characters in user and password beyond letters and digits are %-encoded",
            );
        };
        Ok(Self { transport: builder.build(), in_clear })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str) -> String {
        Server::parse(url).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_url_that_would_be_misread_is_refused_and_not_quoted() {
        for (url, expected) in [
            ("mail.example.com:25", "smtp://"),
            ("hunter2", "not a URL"),
            ("https://u:hunter2@mail.example.com", "smtp://"),
            ("smtps://", "no host"),
            ("smtps://u:hunter2@[::1]:465", "IPv6"),
            ("smtps://hunter2@mail.example.com", "without a password"),
            ("smtps://:hunter2@mail.example.com", "without a user"),
            ("smtps://u:hunter2#@mail.example.com", "URL"),
            ("smtps://u:hunter2@mail.example.com#x", "%23"),
            ("smtp://u:hunter2@mail.example.com?TLS=required", "tls=required"),
            ("smtp://u:hunter2@mail.example.com?tls=yes", "tls=required"),
            ("smtp://u:hunter2@mail.example.com?tls=required&tls=opportunistic", "tls=required"),
            ("smtp://u:hunter2%FF@mail.example.com", "%-encoded"),
        ] {
            let error = error(url);
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_may_be_read_on_its_way_is_told_from_what_may_not() {
        let in_clear = |url| Server::parse(url).map(|server| server.in_clear);
        for url in ["smtp://mail.example.com:25", "smtp://u:p@mail.example.com?tls=opportunistic"] {
            assert_eq!(in_clear(url), Ok(true), "{url}");
        }
        for url in [
            "smtps://u:p@mail.example.com:465",
            "smtps://mail.example.com/keys.example.com",
            "smtp://u:p@mail.example.com?tls=required",
            "smtp://localhost",
            "smtp://127.0.0.1:2525",
        ] {
            assert_eq!(in_clear(url), Ok(false), "{url}");
        }
    }
}
