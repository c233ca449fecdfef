//! The provider's picture: fetched once by us, so that the browser asks nobody else. Only public addresses, at most
//! 1 MB, only images. Without one the page shows initials, so nothing here is an error.
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::web;
use image::ImageFormat;
use url::{Host, Url};
use uuid::Uuid;

use super::queries;
use crate::app::App;
use crate::config::is_loopback;

const PICTURE_MAX: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
const WAITED_FOR: Duration = Duration::from_secs(2);

/// Fetches and stores it. A slow one is waited for a moment only and arrives after the person does. `is_local` says that
/// the provider itself runs on this machine.
pub async fn fetch(app: web::Data<App>, person_id: Uuid, url: Option<String>, is_local: bool) {
    let Some(url) = url.and_then(|url| Url::parse(&url).ok()) else { return };
    let fetching = actix_web::rt::spawn(async move {
        if let Err(reason) = keep(&app, person_id, &url, is_local).await {
            tracing::info!(reason, "no picture from the provider");
        }
    });
    let _ = tokio::time::timeout(WAITED_FOR, fetching).await;
}

async fn keep(app: &App, person_id: Uuid, url: &Url, is_local: bool) -> Result<(), String> {
    let bytes = download(url, is_local).await?;
    let content_type = sniff(&bytes).ok_or("it is no image")?;
    let key = format!("users/{person_id}/picture");
    app.store.put(&key, bytes, content_type).await.map_err(|error| error.to_string())?;
    let is_kept = queries::set_picture(app.db.house(), person_id, &key).await.map_err(|error| error.to_string())?;
    if !is_kept {
        remove(app, Some(&key)).await;
    }
    Ok(())
}

async fn download(url: &Url, is_local: bool) -> Result<Vec<u8>, String> {
    let client = client(url, is_local).await?;
    let said = |error: reqwest::Error| error.without_url().to_string();
    let mut response = client.get(url.clone()).send().await.map_err(said)?;
    if !response.status().is_success() {
        return Err(format!("it answers {}", response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(said)? {
        if bytes.len() + chunk.len() > PICTURE_MAX {
            return Err("it is larger than 1 MB".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What the bytes say they are, whatever the answer says.
fn sniff(bytes: &[u8]) -> Option<&'static str> {
    match image::guess_format(bytes).ok()? {
        ImageFormat::Png => Some("image/png"),
        ImageFormat::Jpeg => Some("image/jpeg"),
        ImageFormat::WebP => Some("image/webp"),
        ImageFormat::Gif => Some("image/gif"),
        _ => None,
    }
}

/// A client that can reach nothing but the addresses that were checked.
async fn client(url: &Url, is_local: bool) -> Result<reqwest::Client, String> {
    let may_be_local = is_local && is_loopback(url);
    if url.scheme() != "https" && !may_be_local {
        return Err("it is not https".into());
    }
    let port = url.port_or_known_default().ok_or("it has no port")?;
    let (name, addresses): (String, Vec<SocketAddr>) = match url.host().ok_or("it has no host")? {
        Host::Domain(name) => {
            let found = tokio::net::lookup_host((name, port)).await.map_err(|error| error.to_string())?;
            (name.to_owned(), found.collect())
        }
        Host::Ipv4(address) => (address.to_string(), vec![(address, port).into()]),
        Host::Ipv6(address) => (address.to_string(), vec![(address, port).into()]),
    };
    let is_allowed = |address: &SocketAddr| is_public(address.ip()) || (may_be_local && address.ip().is_loopback());
    if addresses.is_empty() || !addresses.iter().all(is_allowed) {
        return Err("its address is not public".into());
    }
    reqwest::Client::builder()
        .user_agent(concat!("Lapidary/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would look the name up again.
        .no_proxy()
        .timeout(PATIENCE)
        .resolve_to_addrs(&name, &addresses)
        .build()
        .map_err(|error| error.to_string())
}

fn is_public(address: IpAddr) -> bool {
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

/// Where the browser finds it.
pub async fn url(app: &App, key: Option<&str>) -> Option<String> {
    let key = key?;
    let link = app.store.presigned(key).await;
    link.inspect_err(|error| tracing::warn!(%error, "a picture cannot be presigned")).ok().map(|link| link.url)
}

/// Best effort: an object nobody refers to is swept later.
pub async fn remove(app: &App, key: Option<&str>) {
    let Some(key) = key else { return };
    if let Err(error) = app.store.delete_many(&[key.to_owned()]).await {
        tracing::warn!(%error, "a picture could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_asked() {
        for public in ["8.8.8.8", "140.82.121.4", "2606:50c0:8000::154", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for hidden in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(hidden.parse().unwrap()), "{hidden}");
        }
    }

    #[tokio::test]
    async fn a_local_address_is_asked_only_when_the_provider_is_local_too() {
        let local = Url::parse("http://127.0.0.1:9/a.png").unwrap();
        assert!(client(&local, true).await.is_ok());
        assert!(client(&local, false).await.is_err());
        for refused in ["http://8.8.8.8/a.png", "https://10.0.0.1/a.png", "http://10.0.0.1/a.png", "file:///etc/passwd"]
        {
            assert!(client(&Url::parse(refused).unwrap(), true).await.is_err(), "{refused}");
        }
    }
}
