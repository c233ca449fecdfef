//! What we ask of the payment vendor, a function a call. Decides nothing.
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use stripe_billing::billing_portal_session::CreateBillingPortalSession;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionInvoiceCreation, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData, ProductData,
    RetrieveCheckoutSession,
};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::customer::{CreateCustomer, DeleteCustomer};
use stripe_core::dispute::ListDispute;
use stripe_core::event::ListEvent;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_shared::CheckoutSessionMode;
use stripe_types::{Currency, RangeQueryTs};
use uuid::Uuid;

use super::shapes::{Customer, Dispute, Event, Intent, Listed, Portal, Refund, Session};
use super::{Stripe, StripeError};

const PAGE: i64 = 100;
/// Pages of one list: nobody refunds one payment ten thousand times.
const PAGES_MAX: usize = 100;
/// Under which the vendor's objects name the purchase.
pub const PURCHASE: &str = "purchase";

/// A payment page to be opened.
pub struct NewSession<'a> {
    pub purchase_id: Uuid,
    pub customer: &'a str,
    pub product: String,
    pub amount: i64,
    pub currency: &'a str,
    pub success_url: String,
    pub cancel_url: String,
}

impl Stripe {
    /// One for each account, however often it is asked for with this key.
    pub async fn create_customer(&self, email: &str, key: &str) -> Result<String, StripeError> {
        let mut request = CreateCustomer::new();
        // A provider may have given none.
        if !email.is_empty() {
            request = request.email(email);
        }
        Ok(self.make::<Customer>(&request, key).await?.id)
    }

    /// For ever. What was paid stays in the vendor's books.
    pub async fn delete_customer(&self, id: &str) -> Result<(), StripeError> {
        self.read::<Customer>(&DeleteCustomer::new(id)).await.map(drop)
    }

    /// Names the purchase, and nobody. No `payment_method_types`: the operator chooses them in the dashboard.
    pub async fn create_session(&self, new: &NewSession<'_>, key: &str) -> Result<Session, StripeError> {
        let purchase_id = new.purchase_id.to_string();
        let metadata = HashMap::from([(PURCHASE.to_owned(), purchase_id.clone())]);
        let mut price = CreateCheckoutSessionLineItemsPriceData::new(currency(new.currency));
        price.unit_amount = Some(new.amount);
        price.product_data = Some(ProductData::new(new.product.as_str()));
        let mut item = CreateCheckoutSessionLineItems::new();
        item.quantity = Some(1);
        item.price_data = Some(price);
        let mut intent = CreateCheckoutSessionPaymentIntentData::new();
        intent.metadata = Some(metadata.clone());
        let request = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Payment)
            .client_reference_id(purchase_id)
            .metadata(metadata)
            .payment_intent_data(intent)
            .customer(new.customer)
            .invoice_creation(CreateCheckoutSessionInvoiceCreation::new(true))
            .line_items(vec![item])
            .success_url(new.success_url.as_str())
            .cancel_url(new.cancel_url.as_str());
        self.make(&request, key).await
    }

    /// With its payment and the charge that paid it.
    pub async fn session(&self, id: &str) -> Result<Session, StripeError> {
        let expand = vec!["payment_intent.latest_charge".to_owned()];
        self.read(&RetrieveCheckoutSession::new(id).expand(expand)).await
    }

    /// With the links of its charge and its invoice.
    pub async fn session_with_receipt(&self, id: &str) -> Result<Session, StripeError> {
        let expand = vec!["payment_intent.latest_charge".to_owned(), "invoice".to_owned()];
        self.read(&RetrieveCheckoutSession::new(id).expand(expand)).await
    }

    pub async fn intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.read(&RetrievePaymentIntent::new(id)).await
    }

    /// Every refund of a payment.
    pub async fn refunds(&self, intent: &str) -> Result<Vec<Refund>, StripeError> {
        let mut all: Vec<Refund> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut request = ListRefund::new().payment_intent(intent).limit(PAGE);
            if let Some(last) = all.last() {
                request = request.starting_after(last.id.as_str());
            }
            let page: Listed<Refund> = self.read(&request).await?;
            let is_last = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Every dispute of a payment.
    pub async fn disputes(&self, intent: &str) -> Result<Vec<Dispute>, StripeError> {
        let mut all: Vec<Dispute> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut request = ListDispute::new().payment_intent(intent).limit(PAGE);
            if let Some(last) = all.last() {
                request = request.starting_after(last.id.as_str());
            }
            let page: Listed<Dispute> = self.read(&request).await?;
            let is_last = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Gives back all that is left of a payment.
    pub async fn refund_rest(&self, intent: &str, key: &str) -> Result<(), StripeError> {
        self.make::<Refund>(&CreateRefund::new().payment_intent(intent), key).await.map(drop)
    }

    /// One page, newest first: of these kinds, not older than `since`, before `last` in the list.
    pub async fn events(
        &self,
        kinds: &[&str],
        since: DateTime<Utc>,
        last: Option<&str>,
    ) -> Result<Listed<Event>, StripeError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let mut request = ListEvent::new().types(kinds).created(RangeQueryTs::gte(since.timestamp())).limit(PAGE);
        if let Some(last) = last {
            request = request.starting_after(last);
        }
        self.read(&request).await
    }

    /// A page of the vendor's own, with invoices and the billing address; each time a new one.
    pub async fn portal(&self, customer: &str, return_url: &str) -> Result<String, StripeError> {
        let request = CreateBillingPortalSession::new().customer(customer).return_url(return_url);
        let key = Uuid::now_v7().to_string();
        Ok(self.make::<Portal>(&request, &key).await?.url)
    }

    /// Whatever is at a path, as it is: for `lapidary doctor`.
    pub async fn look(&self, path: &str) -> Result<serde_json::Value, StripeError> {
        self.call(RequestBuilder::new(StripeMethod::Get, path), None).await
    }
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap_or(Currency::USD)
}
