//! Which addresses may be spoken to in the clear. Asks nobody.
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::Settings;

/// `localhost`, its subdomains and loopback addresses.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// On this machine, or proving its name. Judged by what the driver makes of it: a host may stand in the query and in PGHOST
/// too.
pub fn database_is_safe(url: &str) -> bool {
    let Ok(options) = url.parse::<PgConnectOptions>() else { return false };
    is_local(&options) || matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
}

/// By a socket or a loopback address: nothing of it leaves this machine.
pub fn database_is_local(url: &str) -> bool {
    url.parse::<PgConnectOptions>().is_ok_and(|options| is_local(&options))
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host == "localhost"
        || host.starts_with('/')
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Settings {
    /// `https://host[:port]`, as a browser writes it in `Origin`.
    pub fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }

    pub fn is_secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}
