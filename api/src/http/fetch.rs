//! Fetches an address that somebody else named: public addresses only, no redirects, bounded bytes.
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("only https is fetched")]
    Scheme,
    #[error("this address is not public")]
    NotPublic,
    #[error("the address does not resolve")]
    Unresolved,
    #[error("answered with status {0}")]
    Status(u16),
    #[error("more than {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Http(reqwest::Error),
}

/// reqwest writes the address into its errors, and a presigned one opens what it points at.
impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// `trusted`: an address from the operator's own settings; its scheme, host and port may be anywhere.
pub async fn get(url: &Url, trusted: Option<&Url>, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let is_trusted = trusted.is_some_and(|trusted| trusted.origin() == url.origin());
    let mut client = reqwest::Client::builder()
        .user_agent(concat!("Lapidary/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would look the name up again.
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(60));
    if !is_trusted {
        if url.scheme() != "https" {
            return Err(FetchError::Scheme);
        }
        let addresses = public_addresses(url).await?;
        // Pinned: a second look-up could answer with another address.
        client = client.resolve_to_addrs(url.host_str().unwrap_or_default(), &addresses);
    }
    let response = client.build()?.get(url.clone()).send().await?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    read_limited(response, max_bytes).await
}

async fn public_addresses(url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
    let host = url.host_str().ok_or(FetchError::Unresolved)?.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(|_| FetchError::Unresolved)?.collect();
    if addresses.is_empty() {
        return Err(FetchError::Unresolved);
    }
    if addresses.iter().any(|address| !is_public(address.ip())) {
        return Err(FetchError::NotPublic);
    }
    Ok(addresses)
}

/// No loopback, private, link-local, shared, relay, documentation, benchmark, multicast or mapped private range.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_special = matches!(
                (a, b, c),
                (0 | 10 | 127, _, _)
                    | (100, 64..=127, _)
                    | (169, 254, _)
                    | (172, 16..=31, _)
                    | (192, 168, _)
                    | (192, 0, 0 | 2)
                    | (192, 88, 99)
                    | (198, 18 | 19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
                    | (224.., _, _)
            );
            !is_special
        }
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Global unicast only, and not where an IPv4 address hides in it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public(v4.into());
    }
    let [first, second, ..] = address.segments();
    let is_global_unicast = first & 0xe000 == 0x2000;
    let is_special = matches!((first, second), (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, _));
    is_global_unicast && !is_special
}

/// Reads a body and stops at the limit: a liar costs no more memory than an honest sender.
pub async fn read_limited(mut response: reqwest::Response, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err(FetchError::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_special_addresses_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.88.99.1",
            "203.0.113.7",
            "3fff::1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "ff02::1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
        for text in ["8.8.8.8", "140.82.121.4", "2606:4700:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
