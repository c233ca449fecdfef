//! From which address a request comes. `X-Forwarded-For` counts as far as proxies wrote it that the operator trusts; what a
//! client wrote in front of that counts for nothing.
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use actix_web::HttpRequest;

/// Addresses with a beginning in common: `10.0.0.0/8`, or one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    length: u32,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text} is no address or network, as 10.0.0.0/8");
        let (address, length) = match text.trim().split_once('/') {
            None => (text.trim(), None),
            Some((address, length)) => (address, Some(length.parse::<u32>().map_err(|_| wrong())?)),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (before, most) = if address.is_ipv4() { (96, 32) } else { (0, 128) };
        let length = length.unwrap_or(most);
        if length > most { Err(wrong()) } else { Ok(Self { bits: bits(address), length: before + length }) }
    }
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        let shift = 128 - self.length;
        self.bits.checked_shr(shift) == bits(address).checked_shr(shift)
    }
}

/// The same for an IPv4 address however it is written.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// What one connection to the network has: an IPv4 address, or the 64 bits that a provider gives to one customer.
pub fn place(address: IpAddr) -> u128 {
    let bits = bits(address);
    match Ipv6Addr::from(bits).to_ipv4_mapped() {
        Some(_) => bits,
        None => bits >> 64 << 64,
    }
}

/// The last address that no trusted proxy has. `None`: the request did not come over a network.
pub fn of(request: &HttpRequest, trusted: &[Network]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let said = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    Some(walk(peer, &said.collect::<Vec<_>>(), trusted))
}

/// Some proxies write the port as well.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|it| it.ip()))
}

fn walk(peer: IpAddr, said: &[&str], trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.has(address));
    let mut address = peer;
    for hop in said.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(address) {
            break;
        }
        let Some(before) = parse_hop(hop.trim()) else { break };
        address = before;
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Vec<Network> {
        text.split(',').map(|one| one.parse().unwrap()).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let trusted = networks("10.0.0.0/8,127.0.0.1,fd00::/8");
        for (peer, said, expected) in [
            ("203.0.113.9", &["1.1.1.1"][..], "203.0.113.9"),
            ("10.1.2.3", &["203.0.113.9"], "203.0.113.9"),
            ("10.1.2.3", &["6.6.6.6, 203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.1.2.3", &["6.6.6.6", "203.0.113.9", "127.0.0.1"], "203.0.113.9"),
            ("::ffff:10.1.2.3", &["2001:db8::7"], "2001:db8::7"),
            ("10.1.2.3", &["nonsense"], "10.1.2.3"),
            ("10.1.2.3", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.1.2.3", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["10.4.4.4"], "10.4.4.4"),
        ] {
            assert_eq!(walk(address(peer), said, &trusted), address(expected), "{peer} {said:?}");
        }
        assert_eq!(walk(address("10.1.2.3"), &["1.1.1.1"], &[]), address("10.1.2.3"), "nobody is trusted");
    }

    #[test]
    fn one_customer_is_one_place() {
        assert_eq!(place(address("2001:db8:1:2::1")), place(address("2001:db8:1:2:ffff::9")));
        assert_ne!(place(address("2001:db8:1:2::1")), place(address("2001:db8:1:3::1")));
        assert_eq!(place(address("203.0.113.9")), place(address("::ffff:203.0.113.9")));
        assert_ne!(place(address("203.0.113.9")), place(address("203.0.113.8")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "example.org", "10.0.0.0/x"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().has(address("8.8.8.8")));
        assert!(!"0.0.0.0/0".parse::<Network>().unwrap().has(address("2001:db8::1")));
        assert!("::/0".parse::<Network>().unwrap().has(address("2001:db8::1")));
    }
}
