//! Which addresses are public, and a resolver that gives no other: a name is looked up when a connection is made, judged,
//! and connected to as it was judged. A second look-up could answer with another address, so there is none.
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock};

use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReachable {
    #[error("this address is not public")]
    NotPublic,
    #[error("the address does not resolve")]
    Unresolved,
}

/// Names that mean something only where they are asked for.
const LOCAL_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

/// Looks at the host as it is written, which the URL parser has brought to its plain form: octal, hexadecimal, percent-encoded
/// and full-width spellings are addresses by now. A client does not ask a resolver for an address.
pub fn check_host(url: &Url) -> Result<(), NotReachable> {
    let is_public = match url.host() {
        Some(url::Host::Ipv4(v4)) => is_public(v4.into()),
        Some(url::Host::Ipv6(v6)) => is_public(v6.into()),
        Some(url::Host::Domain(name)) => is_public_name(name),
        None => return Err(NotReachable::Unresolved),
    };
    if is_public { Ok(()) } else { Err(NotReachable::NotPublic) }
}

fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_local = |local: &&str| name.strip_suffix(*local).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !LOCAL_NAMES.iter().any(is_local)
}

/// Look-ups at a time. Each has a thread until the name server answers or the system gives up, also when nobody waits for it
/// any more: slow ones must not take the threads that everything else needs.
static LOOK_UPS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(16)));

/// Asks for the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// On a thread that may wait, a permit in its hand until it has answered.
fn blocking(permits: Arc<Semaphore>, ask: fn(&str) -> io::Result<Vec<IpAddr>>) -> Lookup {
    Arc::new(move |name| {
        let permits = Arc::clone(&permits);
        Box::pin(async move {
            let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
            let asked = tokio::task::spawn_blocking(move || {
                let found = ask(&name);
                drop(permit);
                found
            });
            asked.await.map_err(io::Error::other)?
        })
    })
}

/// A resolver for clients that may reach public addresses only.
#[derive(Clone)]
pub struct PublicOnly(Lookup);

impl PublicOnly {
    /// As this machine resolves names.
    pub fn by_system() -> Self {
        Self::by(blocking(Arc::clone(&LOOK_UPS), |name| {
            Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
        }))
    }

    pub fn by(lookup: Lookup) -> Self {
        Self(lookup)
    }

    /// One address that is not public spoils all of them: whoever mixes them means the other one.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NotReachable> {
        let found = (self.0)(name.to_owned()).await.map_err(|_| NotReachable::Unresolved)?;
        if found.is_empty() {
            return Err(NotReachable::Unresolved);
        }
        if found.iter().any(|address| !is_public(*address)) {
            return Err(NotReachable::NotPublic);
        }
        Ok(found)
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.addresses(name.as_str()).await?;
            // Port 0 becomes the address's own.
            let found: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(found)
        })
    }
}

/// No loopback, private, link-local, shared, relay, documentation, benchmark, multicast or mapped range, and no address of
/// a cloud's own machinery.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
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
            // Azure's, which looks like anybody's.
            !is_special && (a, b, c, d) != (168, 63, 129, 16)
        }
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Global unicast only, and not where an IPv4 address hides in it: mapped, compatible, 6to4, Teredo, NAT64.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global_unicast = first & 0xe000 == 0x2000;
    let is_special = matches!((first, second), (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, _));
    is_global_unicast && !is_special
}

#[cfg(test)]
pub mod tests;
