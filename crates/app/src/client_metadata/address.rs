//! Which addresses a description may be read from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Public addresses on port 443, and networks that the deployment names on any port.
///
/// A public address on another port is refused, or everybody could try the ports of others with Keystead's address. Who names a
/// network vouches for what is in it.
pub(super) struct AllowedAddresses {
    networks: Vec<IpNet>,
}

impl AllowedAddresses {
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }

    /// Whether Keystead may connect there.
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        let reached = reached(address.ip());
        self.networks.iter().any(|network| network.contains(&reached))
            || (address.port() == 443 && is_public(reached))
    }
}

/// Where packets for an address end up: the IPv4 address inside those that carry one (RFC 4291, section 2.5.5.2; NAT64, RFC 6052;
/// 6to4, RFC 3056).
fn reached(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, _, _, _, _, _] => inner(high, low),
        _ => address,
    }
}

/// Whether the address is one of the Internet's, by the IANA's registries of special-purpose addresses. What is not known to be
/// public is not.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

#[expect(clippy::unnested_or_patterns, reason = "a line for each range")]
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..]              // this network, private, loopback
            | [100, 64..=127, ..]       // shared by a carrier's customers
            | [169, 254, ..]            // link-local, with the metadata services of clouds
            | [172, 16..=31, ..]        // private
            | [192, 0, 0 | 2, _]        // protocol assignments, documentation
            | [192, 88, 99, _]          // 6to4 relays of before
            | [192, 168, ..]            // private
            | [198, 18 | 19, ..]        // benchmarks
            | [198, 51, 100, _]         // documentation
            | [203, 0, 113, _]          // documentation
            | [168, 63, 129, 16]        // public by its number; inside Azure, the host of the virtual machine
            | [224..=255, ..] // multicast, reserved, broadcast
    )
}

/// Only `2000::/3` is given out. That leaves out unspecified, loopback, IPv4-compatible, local NAT64, ULA, link-local, site-local
/// and multicast addresses.
#[expect(clippy::unnested_or_patterns, reason = "a line for each range")]
fn is_public_v6(address: Ipv6Addr) -> bool {
    let special = matches!(
        address.segments(),
        [0x2001, 0..=0x1ff, ..]           // protocol assignments, with Teredo, benchmarks and ORCHID
            | [0x2001, 0xdb8, ..]         // documentation
            | [0x2002, ..]                // 6to4, which is judged by what is inside
            | [0x3fff, 0..=0xfff, ..] // documentation
    );
    matches!(address.segments(), [0x2000..=0x3fff, ..]) && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(networks: &[&str], address: &str, port: u16) -> bool {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        AllowedAddresses::new(networks).contains(SocketAddr::new(address.parse().unwrap(), port))
    }

    #[test]
    fn public_addresses_are_reached_on_port_443_only() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db7:ffff::",
            "2001:db9::",
            "2400:cb00::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe:ffff::1",
            "3fff:1000::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(allowed(&[], public, 443), "{public}");
            for port in [0, 22, 80, 444, 8443] {
                assert!(!allowed(&[], public, port), "{public} port {port}");
            }
        }
    }

    #[test]
    fn nothing_that_only_the_server_can_reach_is_public() {
        for inside in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.192",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.0",
            "198.51.100.255",
            "203.0.113.0",
            "203.0.113.255",
            "224.0.0.0",
            "224.0.0.251",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::8.8.8.8",
            "::ffff:0.0.0.0",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "1fff::1",
            "2001::1",
            "2001:0:808:808::f7f7:f7f7",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff:ffff::",
            "2001:db8::1",
            "2002::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
            "ffff::1",
        ] {
            assert!(!allowed(&[], inside, 443), "{inside}");
        }
    }

    #[test]
    fn a_named_network_is_reached_on_any_port_in_whatever_form_the_address_comes() {
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::1"] {
            assert!(allowed(&["10.1.0.0/16"], inside, 8443), "{inside}");
        }
        for outside in ["10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1", "::10.1.2.3"] {
            assert!(!allowed(&["10.1.0.0/16"], outside, 443), "{outside}");
        }
        assert!(allowed(&["10.0.0.0/8", "fd00::/8"], "fd00::1", 8443));
        assert!(!allowed(&["fd00::/8"], "fc00::1", 443));
        assert!(!allowed(&["127.0.0.0/8"], "::1", 443));
    }
}
