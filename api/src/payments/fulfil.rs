//! The one way from the vendor's state to ours, for webhook, return page, sync and reconcile: take a ticket, read, post the
//! difference. What is told in an event is not believed, only taken as a reason to look.
use lapidary_contract::PurchaseStatus;
use uuid::Uuid;

use super::post::{self, Heard, Outcome, Posted, Terms};
use super::post_queries;
use super::reading::Reading;
use super::stripe::{Stripe, StripeError};
use crate::app::App;
use crate::http::error::ApiError;
use crate::metrics;

/// A reading that was overtaken is taken again so many times; after that a later one than the first has been posted anyway.
const READINGS: u8 = 4;

#[derive(Debug, thiserror::Error)]
pub enum FulfilError {
    #[error("there is no such purchase")]
    Unknown,
    #[error("Stripe: {0}")]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<FulfilError> for ApiError {
    fn from(error: FulfilError) -> Self {
        match error {
            FulfilError::Unknown => Self::NotFound,
            FulfilError::Stripe(error) => error.into(),
            FulfilError::Database(error) => error.into(),
        }
    }
}

impl From<StripeError> for ApiError {
    fn from(error: StripeError) -> Self {
        Self::VendorFailed { vendor: "Stripe", source: Box::new(error) }
    }
}

/// What was done, and the payment page while it is open.
#[derive(Debug, Default)]
pub struct Fulfilled {
    pub posted: Option<Posted>,
    pub url: Option<String>,
}

/// Brings one purchase to where its money is. `session` is what an event names, for a purchase that does not know its own
/// yet. May be called at any time, by anybody, any number of times.
pub async fn fulfil(
    app: &App,
    stripe: &Stripe,
    purchase_id: Uuid,
    session: Option<&str>,
    heard: Option<Heard<'_>>,
) -> Result<Fulfilled, FulfilError> {
    let mut terms = Terms { is_live: stripe.is_live(), is_sent_back: false };
    for _ in 0..READINGS {
        let ticket = post_queries::take_ticket(app.db.house(), purchase_id).await?.ok_or(FulfilError::Unknown)?;
        // Without a page nothing can have been paid.
        let Some(session) = ticket.checkout_session.as_deref().or(session) else { return Ok(Fulfilled::default()) };
        let reading = Reading::take(stripe, session).await?;
        let mut tx = app.db.begin_house().await?;
        let now = app.clock.now();
        match post::post(&mut tx, purchase_id, ticket.number, &reading, terms, heard, now).await? {
            Outcome::Posted(posted) => {
                tx.commit().await?;
                told(app, &posted, heard);
                return Ok(Fulfilled { posted: Some(posted), url: reading.url });
            }
            Outcome::Overtaken => tx.rollback().await?,
            Outcome::Ownerless { payment_intent } => {
                tx.rollback().await?;
                send_back(stripe, purchase_id, payment_intent.as_deref()).await?;
                terms.is_sent_back = true;
            }
            Outcome::Unknown => return Err(FulfilError::Unknown),
        }
    }
    // Whoever overtook began after we did, and so has seen what we were told.
    if let Some(heard) = heard {
        let mut tx = app.db.begin_house().await?;
        post_queries::remember(&mut tx, heard, Some(purchase_id), app.clock.now()).await?;
        tx.commit().await?;
    }
    Ok(Fulfilled::default())
}

/// Once, whoever asks: the key is the purchase's.
async fn send_back(stripe: &Stripe, purchase_id: Uuid, intent: Option<&str>) -> Result<(), StripeError> {
    let Some(intent) = intent else { return Ok(()) };
    match stripe.refund_rest(intent, &format!("erased-{purchase_id}")).await {
        Err(error) if error.has_code("charge_already_refunded") => Ok(()),
        done => done,
    }
}

fn told(app: &App, posted: &Posted, heard: Option<Heard<'_>>) {
    let purchase_id = posted.purchase_id;
    if let Some(trouble) = &posted.trouble {
        metrics::payment_troubled();
        tracing::error!(%purchase_id, trouble, "a payment is not credited: look at it in the dashboard");
    }
    if !posted.has_changed {
        return;
    }
    if let Some(person_id) = posted.person_id {
        app.live.nudge(person_id);
    }
    let late_seconds = heard.map(|heard| (app.clock.real() - heard.created_at).num_seconds());
    let by = heard.map_or("a look", |heard| heard.by);
    let (status, gems) = (PurchaseStatus::name(posted.status), posted.gems);
    tracing::info!(%purchase_id, status, gems, by, late_seconds, "purchase changed");
}
