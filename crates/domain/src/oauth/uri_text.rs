//! What the addresses of clients have in common: they are written plainly, so that they mean one thing to everybody who reads them.

use url::{Host, Url};

/// Whether all of this may stand in a URI (RFC 3986, section 2), and none of it begins a fragment. Without it parsers disagree: they
/// drop tabs and line ends, take `\` for `/`, and read letters of other scripts as letters of a host.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte))
}

/// What stands between the `//` and the path, and the rest.
pub(super) fn split_authority(after_slashes: &str) -> (&str, &str) {
    after_slashes.split_at(after_slashes.find(['/', '?']).unwrap_or(after_slashes.len()))
}

/// The host, and the port unless it is the scheme's own. `None` unless the host is written as it is meant: letters, digits, hyphens
/// and dots, or an IP address in its usual form. So it may stand in a header, and `0x7f.1` or `%31` name nothing.
pub(super) fn host_and_port(url: &Url, authority: &str) -> Option<String> {
    let host = match url.host()? {
        Host::Domain(name)
            if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) =>
        {
            name.to_owned()
        }
        Host::Domain(_) => return None,
        address => address.to_string(),
    };
    let written = authority.get(..host.len())?;
    let port = authority.get(host.len()..)?;
    let port_is_plain = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.starts_with(|c: char| ('1'..='9').contains(&c)));
    if !written.eq_ignore_ascii_case(&host) || !port_is_plain {
        return None;
    }
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}
