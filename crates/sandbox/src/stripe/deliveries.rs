//! Sends events to the webhook endpoints, signed, again and again until they are taken. Ends with the vendor.
//! The outbox is in the book: what was not delivered when the sandbox ended goes on when it starts again.
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::book::{Book, Parcel, now, text};
use super::gate::pretty;
use super::shapes::shown;
use super::signature::sign;
use super::strikes::{self, Mishap};
use super::{Vendor, endpoints, locked};

const MOST_AT_ONCE: usize = 8;
const MOST_ATTEMPTS: u32 = 12;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(10);
/// What a wrong signature is made with.
const WRONG_SECRET: &str = "whsec_not_the_secret_of_this_endpoint";

/// One attempt, for tests and for the operator's page.
#[derive(Clone, Debug)]
pub struct Delivered {
    pub event: String,
    pub kind: String,
    pub url: String,
    /// None: nobody answered.
    pub status: Option<u16>,
}

/// Reads the outbox whenever something changed. One for a vendor.
pub struct Courier {
    vendor: Arc<Vendor>,
    client: reqwest::Client,
    under_way: Mutex<HashSet<(String, String)>>,
    places: Semaphore,
    /// How many were sent: a reordered one waits for the next.
    sent: watch::Sender<u64>,
}

impl Courier {
    pub fn new(vendor: Arc<Vendor>) -> std::io::Result<Arc<Self>> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .user_agent("Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .build()
            .map_err(std::io::Error::other)?;
        let (sent, _) = watch::channel(0);
        Ok(Arc::new(Self { vendor, client, under_way: Mutex::default(), places: Semaphore::new(MOST_AT_ONCE), sent }))
    }

    pub async fn run(self: Arc<Self>) {
        let mut changes = self.vendor.changes.subscribe();
        loop {
            let waiting = self.vendor.book().outbox.clone();
            for parcel in waiting {
                let key = (parcel.event.clone(), parcel.endpoint.clone());
                if locked(&self.under_way).insert(key.clone()) {
                    let courier = Arc::clone(&self);
                    actix_web::rt::spawn(async move {
                        courier.deliver(parcel).await;
                        locked(&courier.under_way).remove(&key);
                        // It may have been put there again meanwhile.
                        courier.vendor.changed();
                    });
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    async fn deliver(&self, mut parcel: Parcel) {
        let kind =
            self.vendor.book().get(&parcel.event).map(|event| text(event, "type").to_owned()).unwrap_or_default();
        // Chosen in the order of the events, before anybody waits.
        let mut mishap = strikes::of_delivery(&self.vendor.faults, &kind);
        match mishap {
            Mishap::Dropped => return self.done(&parcel, false),
            Mishap::Delayed(time) => tokio::time::sleep(time).await,
            Mishap::Reordered(time) => self.wait_for_another(time).await,
            _ => {}
        }
        loop {
            let copies = if let Mishap::Duplicated(copies) = mishap { copies } else { 1 };
            let mut is_taken = false;
            for answer in futures_util::future::join_all((0..copies).map(|_| self.send(&parcel, mishap))).await {
                is_taken |= answer;
            }
            parcel.attempts += 1;
            if is_taken || parcel.attempts >= MOST_ATTEMPTS {
                return self.done(&parcel, is_taken);
            }
            if !self.note_attempt(&parcel) {
                return;
            }
            let wait = locked(&self.vendor.pace).saturating_mul(1 << (parcel.attempts - 1).min(16));
            tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
            mishap = strikes::of_delivery(&self.vendor.faults, &kind);
            if mishap == Mishap::Dropped {
                return self.done(&parcel, false);
            }
        }
    }

    async fn wait_for_another(&self, most: Duration) {
        let mut sent = self.sent.subscribe();
        // Whoever is sent after us makes it change.
        drop(tokio::time::timeout(most, sent.changed()).await);
    }

    /// Whether the endpoint took it.
    async fn send(&self, parcel: &Parcel, mishap: Mishap) -> bool {
        let Ok(_place) = self.places.acquire().await else { return false };
        let Some((url, secret, body, kind)) = letter(&self.vendor.book(), parcel) else { return false };
        if self.vendor.is_stopped() {
            return false;
        }
        let at = match mishap {
            Mishap::OldTimestamp(age) => now() - i64::try_from(age.as_secs()).unwrap_or_default(),
            _ => now(),
        };
        let secret = if mishap == Mishap::BadSignature { WRONG_SECRET } else { &secret };
        let signature = sign(secret, at, &body);
        let request = self.client.post(&url).header("content-type", "application/json; charset=utf-8");
        let answer = request.header("stripe-signature", signature).body(body).send().await;
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        self.vendor.note_delivery(Delivered { event: parcel.event.clone(), kind, url, status });
        self.sent.send_modify(|count| *count += 1);
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// False when the parcel is not wanted any more.
    fn note_attempt(&self, parcel: &Parcel) -> bool {
        let mut book = self.vendor.book();
        let kept = book.outbox.iter_mut().find(|one| one.event == parcel.event && one.endpoint == parcel.endpoint);
        kept.map(|kept| kept.attempts = parcel.attempts).is_some()
    }

    fn done(&self, parcel: &Parcel, is_taken: bool) {
        let mut book = self.vendor.book();
        book.outbox.retain(|one| one.event != parcel.event || one.endpoint != parcel.endpoint);
        let pending = book.get(&parcel.event).and_then(|event| event["pending_webhooks"].as_i64()).unwrap_or_default();
        if is_taken && pending > 0 {
            book.change(&parcel.event, json!({ "pending_webhooks": pending - 1 }));
        }
        book.version += 1;
        drop(book);
        self.vendor.changed();
    }
}

/// The newest event about an object as it would be delivered now: its signature and its body.
pub(super) fn newest_letter(book: &Book, object: &str) -> Option<(String, String)> {
    let is_about = |event: &&Value| event["data"]["object"]["id"] == object;
    let event = book.all("event").iter().rev().find(is_about)?;
    let endpoint = book.endpoints_that_want(text(event, "type")).into_iter().next()?;
    let parcel = Parcel { event: text(event, "id").to_owned(), endpoint, attempts: 0 };
    let (_, secret, body, _) = letter(book, &parcel)?;
    Some((sign(&secret, now(), &body), body))
}

/// Address, secret, body and kind; None when event or endpoint are gone.
fn letter(book: &Book, parcel: &Parcel) -> Option<(String, String, String, String)> {
    let (event, endpoint) = (book.get(&parcel.event)?, book.get(&parcel.endpoint)?);
    if text(endpoint, "object") != endpoints::KIND {
        return None;
    }
    let mut said: Value = shown(event);
    if let Some(version) = endpoint["api_version"].as_str() {
        said["api_version"] = json!(version);
    }
    let kind = text(event, "type").to_owned();
    Some((text(endpoint, "url").to_owned(), text(endpoint, "_secret").to_owned(), pretty(&said), kind))
}
