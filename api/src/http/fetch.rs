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
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(60));
    if !is_trusted {
        if url.scheme() != "https" {
            return Err(FetchError::Scheme);
        }
        let address = public_address(url).await?;
        // Pinned: a second look-up could answer with another address.
        client = client.resolve(url.host_str().unwrap_or_default(), address);
    }
    let response = client.build()?.get(url.clone()).send().await?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    read_limited(response, max_bytes).await
}

async fn public_address(url: &Url) -> Result<SocketAddr, FetchError> {
    let host = url.host_str().ok_or(FetchError::Unresolved)?.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(|_| FetchError::Unresolved)?.collect();
    if addresses.iter().any(|address| !is_public(address.ip())) {
        return Err(FetchError::NotPublic);
    }
    addresses.first().copied().ok_or(FetchError::Unresolved)
}

/// No loopback, private, link-local, shared, documentation, multicast or mapped private range.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public(IpAddr::V4(v4));
    }
    let [first, second, ..] = address.segments();
    // Only global unicast, without 6to4 and Teredo (they carry IPv4) and documentation.
    (first & 0xe000) == 0x2000 && first != 0x2002 && !(first == 0x2001 && (second == 0 || second == 0x0db8))
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
        for text in ["8.8.8.8", "2606:4700:4700::1111"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
