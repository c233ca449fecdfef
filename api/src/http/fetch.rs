//! Asks an address that somebody else named: public addresses only, no redirects, bounded bytes and time.
use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Url};

use super::public::{self, NotReachable, PublicOnly};

/// Of an answer that nobody reads further.
const GLANCE: usize = 4096;
const GLANCE_TIME: Duration = Duration::from_secs(1);
/// A name server that never answers holds nobody up for longer.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("only https is fetched")]
    Scheme,
    #[error(transparent)]
    NotReachable(NotReachable),
    #[error("answered with status {0}")]
    Status(u16),
    #[error("more than {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Http(reqwest::Error),
}

impl From<NotReachable> for FetchError {
    fn from(why: NotReachable) -> Self {
        Self::NotReachable(why)
    }
}

/// reqwest writes the address into its errors, and a presigned one opens what it points at.
impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        let mut cause = error.source();
        while let Some(one) = cause {
            if let Some(why) = one.downcast_ref::<NotReachable>() {
                return Self::NotReachable(*why);
            }
            cause = one.source();
        }
        Self::Http(error.without_url())
    }
}

fn client(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Lapidary/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would look the name up again.
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
}

/// `trusted`: an address from the operator's own settings; its scheme, host and port may be anywhere.
pub async fn get(url: &Url, trusted: Option<&Url>, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let is_trusted = trusted.is_some_and(|trusted| trusted.origin() == url.origin());
    let mut client = client(Duration::from_secs(60));
    if !is_trusted {
        if url.scheme() != "https" {
            return Err(FetchError::Scheme);
        }
        public::check_host(url)?;
        client = client.dns_resolver(PublicOnly::by_system());
    }
    let response = client.build()?.get(url.clone()).send().await?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    read_limited(response, max_bytes).await
}

/// How far a [`Sender`] goes.
#[derive(Clone)]
pub enum Reach {
    Public(PublicOnly),
    /// Where an operator says so: http too.
    Anywhere,
}

/// Sends to addresses that people name. Keeps no connection: each sending looks its address up and judges it anew.
pub struct Sender {
    client: Client,
    reach: Reach,
}

/// All that is looked at of an answer.
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
}

impl Sender {
    pub fn new(reach: Reach, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = client(timeout).pool_max_idle_per_host(0);
        let client = match &reach {
            Reach::Public(resolver) => client.dns_resolver(resolver.clone()),
            Reach::Anywhere => client,
        };
        Ok(Self { client: client.build()?, reach })
    }

    /// Whether the address as it is written is one that may be sent to.
    pub fn check(&self, url: &Url) -> Result<(), FetchError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Scheme);
        }
        match (&self.reach, url.scheme()) {
            (Reach::Anywhere, "https" | "http") => Ok(()),
            // Below 1024 only its own: nobody makes us knock at others' mail servers.
            (Reach::Public(_), "https") if matches!(url.port(), None | Some(1024..)) => {
                public::check_host(url).map_err(FetchError::from)
            }
            _ => Err(FetchError::Scheme),
        }
    }

    /// Whether its name leads to such addresses now. One that does not resolve yet may later.
    pub async fn resolves(&self, url: &Url) -> Result<(), FetchError> {
        if let (Reach::Public(resolver), Some(url::Host::Domain(name))) = (&self.reach, url.host())
            && let Ok(found) = tokio::time::timeout(LOOK_UP_LIMIT, resolver.addresses(name)).await
            && found == Err(NotReachable::NotPublic)
        {
            return Err(NotReachable::NotPublic.into());
        }
        Ok(())
    }

    /// Whatever the answer is; its body is not kept.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<Answered, FetchError> {
        self.check(url)?;
        let response = self.client.post(url.clone()).headers(headers).body(body).send().await?;
        let answered = Answered { status: response.status().as_u16(), headers: response.headers().clone() };
        // Whoever writes a line more is not cut off in the middle of it.
        let _ = tokio::time::timeout(GLANCE_TIME, read_limited(response, GLANCE)).await;
        Ok(answered)
    }
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
mod tests;
