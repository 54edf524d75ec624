//! Where a request came from, when it came through the deployment's own reverse proxies.
//!
//! Each proxy appends the address of whoever connected to it to `X-Forwarded-For`. So the header is read from the right, and
//! only as far as addresses are those of configured proxies: what stands further left was written by the client, and is
//! whatever the client likes.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::Settings;

/// The address of the client: the connection's own, unless that is a trusted proxy which names another.
pub(crate) fn client_address(connection: IpAddr, headers: &HeaderMap, settings: &Settings) -> IpAddr {
    let mut address = connection.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev().filter_map(|line| line.to_str().ok());
    for hop in lines.flat_map(|line| line.rsplit(',')) {
        if !settings.is_trusted_proxy(address) {
            break;
        }
        // What cannot be read ends the trail at the last proxy that could be.
        let Some(named) = parse(hop.trim()) else { break };
        address = named.to_canonical();
    }
    address
}

/// Some proxies write a port behind the address.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(connection: &str, lines: &[&str], proxies: &[&str]) -> String {
        let proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let settings = Settings::new("https://keys.example.com").unwrap().behind(proxies);
        let headers =
            lines.iter().map(|line| ("x-forwarded-for".parse().unwrap(), line.parse().unwrap())).collect();
        client_address(connection.parse().unwrap(), &headers, &settings).to_string()
    }

    #[test]
    fn a_header_is_believed_from_a_trusted_proxy_only() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &["10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1", "198.51.100.7, 10.0.0.2"], &["10.0.0.0/8"]),
            "198.51.100.7"
        );
        assert_eq!(client("10.0.0.1", &["1.1.1.1, nonsense"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn addresses_are_read_in_every_spelling_that_proxies_use() {
        for spelling in ["2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711"] {
            assert_eq!(client("::1", &[spelling], &["::1/128"]), "2001:db8::7", "{spelling}");
        }
        assert_eq!(client("::1", &["198.51.100.7:4711"], &["::1/128"]), "198.51.100.7");
    }
}
