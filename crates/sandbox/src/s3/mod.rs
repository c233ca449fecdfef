//! An S3 of our own on a loopback port: path style, private objects, versions, real signatures, a settable clock.
mod edge;
mod listing;
mod refusal;
mod sigv4;
mod staged;
mod uploads;
mod uri;
mod vault;
mod version_list;
mod versioned;
mod versions;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use tokio::task::{JoinHandle, JoinSet};

use self::edge::{Edge, Gate};
use self::sigv4::{Clock, Keys};
use self::vault::Vault;
use crate::faults::Faults;
use crate::watchdog::Watchdog;

const REGION: &str = "us-east-1";
const RESTART_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Faults of vendor `s3`. `hang` takes seconds, `refuse` and `refuse_put` an error code (AccessDenied without one),
/// `cut_body` concerns GET, `partial_delete` one key of a batch (with an error code, InternalError without one).
/// Of HEAD: `unencrypted_head` keeps quiet about encryption, as for an object that lies in the clear.
/// Of PUT: `cut_put` breaks the connection after the object is stored, `unencrypted_put` keeps quiet about encryption,
/// `error_in_200` says no with the status of a yes.
pub const KINDS: &[&str] = &[
    "slow_down",
    "internal_error",
    "hang",
    "cut_body",
    "refuse",
    "refuse_put",
    "partial_delete",
    "cut_put",
    "unencrypted_put",
    "unencrypted_head",
    "error_in_200",
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("S3 does not start: {0}")]
    Io(#[from] std::io::Error),
    #[error("S3 does not start: {0:?}")]
    Files(s3s_fs::Error),
}

/// A running store. It stops when dropped.
#[derive(Debug)]
pub struct S3 {
    /// Endpoint, without a trailing slash.
    pub url: String,
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
    pub faults: Faults,
    folder: PathBuf,
    clock: Clock,
    server: JoinHandle<()>,
}

impl S3 {
    /// Makes a bucket if it is not there yet.
    pub fn create_bucket(&self, name: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(self.folder.join(name))
    }

    /// Lets the store believe it is later (or earlier) than it is: for skew and expiry, of URLs and headers alike.
    pub fn set_clock_offset(&self, offset: chrono::Duration) {
        self.clock.set_offset(offset);
    }

    /// The same objects on the same port, after a `pause` with nobody there; every connection is cut.
    pub async fn restart_after(&mut self, pause: std::time::Duration) -> Result<(), Error> {
        self.server.abort();
        // Over when the task is, which held the port.
        let _ = (&mut self.server).await;
        tokio::time::sleep(pause).await;
        let address = self.url.trim_start_matches("http://").to_owned();
        let began = std::time::Instant::now();
        loop {
            match start(TcpListener::bind(&address)?, self.folder.clone(), self.faults.clone()).await {
                Ok(store) => {
                    *self = store;
                    return Ok(());
                }
                // A write that was cut may still be removing its unfinished file from under the listing.
                Err(Error::Files(_)) if began.elapsed() < RESTART_LIMIT => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Objects lie in `folder`, one folder a bucket, and stay there. The key pair is the vendor's documented example.
pub async fn start(listener: TcpListener, folder: PathBuf, faults: Faults) -> Result<S3, Error> {
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let url = format!("http://{}", listener.local_addr()?);
    let keys = Keys {
        access_key: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        region: REGION.into(),
    };
    let clock = Clock::default();
    let mut builder = S3ServiceBuilder::new(Vault::open(&folder, faults.clone()).map_err(Error::Files)?);
    builder.set_auth(SimpleAuth::from_single(keys.access_key.clone(), keys.secret_key.clone()));
    builder.set_access(Gate);
    // The edge has looked at the date already, by its own clock.
    let mut config = S3Config::default();
    config.presigned_url_max_skew_time_secs = u32::MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    let edge =
        Edge { store: builder.build(), keys: Arc::new(keys.clone()), clock: clock.clone(), faults: faults.clone() };
    let server = tokio::spawn(accept(listener, edge));
    let Keys { access_key, secret_key, region } = keys;
    Ok(S3 { url, access_key, secret_key, region, faults, folder, clock, server })
}

/// The connections end with this task, since the set that owns them does.
async fn accept(listener: tokio::net::TcpListener, edge: Edge) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "no connection accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = socket.set_nodelay(true);
        let edge = edge.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| edge.clone().answer(request));
            let mut http = hyper::server::conn::http1::Builder::new();
            if let Err(error) = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
}

/// One store for all tests of a test binary, in its own thread; its folder goes when the process ends.
///
/// # Panics
/// When it does not start: without it no test means anything.
pub fn shared_for_tests() -> &'static S3 {
    static SHARED: OnceLock<(S3, Option<Watchdog>)> = OnceLock::new();
    let (store, _) = SHARED.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("lapidary-s3-{}", uuid::Uuid::now_v7().simple()));
        let store = start_in_own_thread(&folder);
        (store, Watchdog::remove_at_end(&folder).ok())
    });
    store
}

fn start_in_own_thread(folder: &Path) -> S3 {
    let (sender, receiver) = mpsc::channel();
    let folder = folder.to_owned();
    std::thread::spawn(move || -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            let started = start(listener, folder, Faults::default()).await;
            let _ = sender.send(started);
            std::future::pending().await
        })
    });
    match receiver.recv() {
        Ok(Ok(store)) => store,
        Ok(Err(error)) => panic!("{error}"),
        Err(_) => panic!("the thread of the shared S3 ended"),
    }
}
