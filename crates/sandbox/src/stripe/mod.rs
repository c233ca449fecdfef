//! Stripe on a port of its own: Checkout in mode `payment`, customers, refunds, disputes, invoices, portal, events and
//! signed webhooks. Stricter than the vendor, never kinder; what goes wrong is asked for through [`Faults`].
//! People meet a hosted checkout page and an operator's page, programs the API and `/_control`.
mod acts;
mod answers;
mod balance;
mod book;
mod customers;
mod deliveries;
mod disputes;
mod endpoints;
mod expand;
mod form;
mod gate;
mod handle;
mod idempotency;
mod invoices;
mod items;
mod listing;
mod pages;
mod params;
mod payment;
mod record;
mod refunds;
mod refusal;
mod sessions;
mod shapes;
mod signature;
mod strikes;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpRequest, HttpServer, web};
use tokio::sync::watch;

pub use acts::Act;
pub use deliveries::Delivered;
pub use handle::Received;
pub use refusal::Refusal;
pub use signature::sign;
pub use strikes::KINDS;

use crate::faults::Faults;
use book::Book;
use deliveries::Courier;
use gate::Checked;

const SECRET_KEY: &str = "sk_test_sandboxLapidary0001";
const WEBHOOK_SECRET: &str = "whsec_sandboxLapidary0000000000000001";
const OWN_ENDPOINT: &str = "we_1SandboxLapidary0000001";
/// The first retry comes so soon; the vendor takes an hour.
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// More than any test asks for; keeps a long demo from growing.
const REMEMBERED: usize = 10_000;

/// The running vendor. Stops when dropped, deliveries included.
pub struct Stripe {
    /// `http://127.0.0.1:port`: stands for `https://api.stripe.com`, and for the hosted pages.
    pub url: String,
    pub secret_key: String,
    /// Of the endpoint that is there from the start.
    pub webhook_secret: String,
    /// Where a person refunds and disputes.
    pub operator_url: String,
    vendor: Arc<Vendor>,
    folder: Option<PathBuf>,
    server: ServerHandle,
}

struct Vendor {
    faults: Faults,
    book: Mutex<Book>,
    written_version: Mutex<u64>,
    /// Says that something changed; what, is in the book.
    changes: watch::Sender<()>,
    pace: Mutex<Duration>,
    received: Mutex<Vec<Received>>,
    delivered: Mutex<Vec<Delivered>>,
    is_stopped: AtomicBool,
}

/// `public_url` is where Lapidary is reached: its webhook there gets every event. The book is kept in `folder`, or in
/// memory without one. Serves on a thread of its own until the answer is dropped.
pub async fn start(
    listener: TcpListener,
    public_url: &str,
    faults: Faults,
    folder: Option<&Path>,
) -> std::io::Result<Stripe> {
    let url = format!("http://{}", listener.local_addr()?);
    let mut book = folder.map(record::read).transpose()?.unwrap_or_default();
    book.origin.clone_from(&url);
    let webhook = format!("{}/v1/stripe/webhook", public_url.trim_end_matches('/'));
    endpoints::configure(&mut book, OWN_ENDPOINT, &webhook, WEBHOOK_SECRET);
    let vendor = Arc::new(Vendor {
        faults,
        book: Mutex::new(book),
        written_version: Mutex::new(0),
        changes: watch::channel(()).0,
        pace: Mutex::new(FIRST_RETRY),
        received: Mutex::default(),
        delivered: Mutex::default(),
        is_stopped: AtomicBool::new(false),
    });
    let (started, starting) = tokio::sync::oneshot::channel();
    let (shared, kept_in) = (Arc::clone(&vendor), folder.map(Path::to_owned));
    std::thread::Builder::new().name("sandbox-stripe".into()).spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            match serve(listener, shared, kept_in) {
                Ok(server) => {
                    let _ = started.send(Ok(server.handle()));
                    if let Err(error) = server.await {
                        tracing::error!(%error, "the Stripe sandbox stopped");
                    }
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        });
    })?;
    let server = starting.await.map_err(std::io::Error::other)??;
    Ok(Stripe {
        operator_url: format!("{url}/operator"),
        url,
        secret_key: SECRET_KEY.into(),
        webhook_secret: WEBHOOK_SECRET.into(),
        vendor,
        folder: folder.map(Path::to_owned),
        server,
    })
}

fn serve(listener: TcpListener, vendor: Arc<Vendor>, folder: Option<PathBuf>) -> std::io::Result<Server> {
    actix_web::rt::spawn(Courier::new(Arc::clone(&vendor))?.run());
    actix_web::rt::spawn(keep_time(Arc::clone(&vendor)));
    if let Some(folder) = folder {
        actix_web::rt::spawn(record::keep_written(Arc::clone(&vendor), folder));
    }
    let vendor = web::Data::from(vendor);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(vendor.clone())
            .app_data(web::PayloadConfig::new(1 << 20))
            .route("/v1/{path:.*}", web::to(gate::answer))
            .configure(pages::mount)
    });
    Ok(server.workers(1).disable_signals().shutdown_timeout(0).listen(listener)?.run())
}

/// Sessions expire and old things are forgotten without anybody asking.
async fn keep_time(vendor: Arc<Vendor>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut book = vendor.book();
        let before = book.version;
        sessions::expire_due(&mut book);
        book.forget_old();
        let has_changed = book.version != before;
        drop(book);
        if has_changed {
            vendor.changed();
        }
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.vendor.is_stopped.store(true, Ordering::SeqCst);
        // The command is sent at once; the answer is for those who want to wait.
        drop(self.server.stop(false));
        if let Some(folder) = &self.folder
            && let Err(error) = record::write_if_newer(&self.vendor, folder)
        {
            tracing::error!(%error, "the Stripe sandbox could not write its book");
        }
    }
}

impl Vendor {
    fn book(&self) -> MutexGuard<'_, Book> {
        locked(&self.book)
    }

    /// To be called after each change, when the book is free again.
    fn changed(&self) {
        self.changes.send_replace(());
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    fn remember(&self, request: &HttpRequest, asked: &Result<Checked, Refusal>, body: &[u8]) {
        push_bounded(&mut locked(&self.received), Received::of(request, asked.is_ok(), body));
    }

    fn note_delivery(&self, delivered: Delivered) {
        push_bounded(&mut locked(&self.delivered), delivered);
    }
}

fn push_bounded<T>(all: &mut Vec<T>, one: T) {
    if all.len() >= REMEMBERED {
        all.drain(..REMEMBERED / 2);
    }
    all.push(one);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
