//! What was bought, what became of it, and the papers for it. Links to papers are asked for when somebody wants them.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::{List, LiveEvent, PortalLink, Purchase, PurchaseStatus, Receipt};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use crate::asked::{Asked, shown};
use crate::browser;
use crate::http;
use crate::live;
use crate::page::checkout_path;
use crate::ui::dynamic::changing;
use crate::ui::time::{Moment, format_gems, format_money, format_time};
use crate::ui::toast;
use crate::ui::{Button, LinkButton, Skeleton};

const PATH: &str = "/v1/purchases";
/// As many as one answer holds.
const NEWEST: &str = "/v1/purchases?limit=100";

#[component]
pub fn Purchases() -> AnyView {
    let purchases = Asked::<List<Purchase>>::new(|| http::get(NEWEST).boxed_local());
    live::on_event(move |event| {
        if matches!(event, LiveEvent::PurchaseChanged { .. } | LiveEvent::Reset) {
            purchases.again();
        }
    });
    let list = shown(purchases, || view! { <Skeleton class="sessions__place" /> }.into_any(), list);
    let has_some = move || matches!(purchases.get(), Some(Ok(list)) if !list.data.is_empty());
    let billing = changing(move || has_some().then(billing_details));
    view! {
        <section aria-labelledby="purchases-title">
            <div class="titled">
                <h2 id="purchases-title" tabindex="-1">"Purchases"</h2>
                {billing}
            </div>
            {list}
        </section>
    }
    .into_any()
}

/// The vendor's own page for invoices and the billing address.
fn billing_details() -> AnyView {
    let is_busy = RwSignal::new(false);
    let press = Callback::new(move |()| {
        is_busy.set(true);
        spawn_local(async move {
            let answer = http::post_empty::<PortalLink>("/v1/payments/portal").await;
            let _ = is_busy.try_set(false);
            match answer {
                Ok(portal) => browser::leave_for(&portal.url),
                Err(failure) => toast::failure(&failure),
            }
        });
    });
    view! { <Button busy=is_busy on_press=press>"Billing details"</Button> }.into_any()
}

fn list(purchases: List<Purchase>) -> AnyView {
    if purchases.data.is_empty() {
        return view! { <p class="quiet">"Nothing bought yet. Each purchase is listed here, with its receipt and invoice."</p> }.into_any();
    }
    let rest = purchases.next_cursor.map(|_| {
        view! { <p class="quiet">"These are the newest. The billing details list every invoice."</p> }
    });
    let rows = purchases.data.into_iter().map(row).collect_view();
    view! { <ul class="sessions">{rows}</ul> {rest} }.into_any()
}

fn status(purchase: &Purchase) -> &'static str {
    match purchase.status {
        PurchaseStatus::Open => "Not paid yet",
        PurchaseStatus::Pending => "On its way",
        PurchaseStatus::Paid if purchase.clawed_back_gems > 0 && purchase.clawed_back_gems == purchase.gems => {
            "Taken back"
        }
        PurchaseStatus::Paid => "Paid",
        PurchaseStatus::Failed => "Payment failed",
        PurchaseStatus::Expired => "Not paid",
    }
}

/// What came back, of the money and of the gems.
fn taken_back(purchase: &Purchase) -> Option<String> {
    let money = |amount: i64| format_money(amount, &purchase.currency);
    let what = match (purchase.refunded_amount, purchase.disputed_amount) {
        (0, 0) => return None,
        (refunded, 0) => format!("{} refunded", money(refunded)),
        (0, disputed) => format!("{} withdrawn by the bank", money(disputed)),
        (refunded, disputed) => format!("{} refunded, {} withdrawn by the bank", money(refunded), money(disputed)),
    };
    Some(format!("{what}; {} taken back", format_gems(purchase.clawed_back_gems)))
}

fn row(purchase: Purchase) -> AnyView {
    let what = format!("{} for {}", format_gems(purchase.gems), format_money(purchase.amount, &purchase.currency));
    let back = taken_back(&purchase).map(|words| view! { <p>{words}</p> });
    // Where nothing was paid there is no receipt.
    let mail = purchase
        .billing_email
        .clone()
        .filter(|_| purchase.paid_at.is_some())
        .map(|mail| format!(", receipt sent to {mail}"));
    view! {
        <li class="session purchase">
            <div>
                <p class="session__device">{what} " " <span class="badge">{status(&purchase)}</span></p>
                {back}
                <p class="quiet"><Moment at=purchase.created_at /> {mail}</p>
            </div>
            <div class="actions">{actions(&purchase)}</div>
        </li>
    }
    .into_any()
}

fn actions(purchase: &Purchase) -> AnyView {
    let when = format_time(&purchase.created_at);
    let id = purchase.id;
    match purchase.status {
        PurchaseStatus::Paid => {
            let invoice = |it: Receipt| it.invoice_url.or(it.invoice_pdf_url);
            view! {
                {paper("Receipt", id, &when, |it| it.receipt_url)}
                {paper("Invoice", id, &when, invoice)}
            }
            .into_any()
        }
        PurchaseStatus::Open | PurchaseStatus::Pending => {
            let label = format!("Continue with the purchase of {when}");
            view! { <LinkButton href=checkout_path(&id) label>"Continue"</LinkButton> }.into_any()
        }
        PurchaseStatus::Failed | PurchaseStatus::Expired => ().into_any(),
    }
}

fn paper(name: &'static str, id: Uuid, when: &str, pick: fn(Receipt) -> Option<String>) -> AnyView {
    let is_busy = RwSignal::new(false);
    let label = Signal::stored(format!("{name} of {when}"));
    let press = Callback::new(move |()| {
        let tab = browser::open_tab();
        is_busy.set(true);
        spawn_local(async move {
            let answer = http::get::<Receipt>(&format!("{PATH}/{id}/receipt")).await;
            let _ = is_busy.try_set(false);
            match answer.map(pick) {
                Ok(Some(address)) => tab.go(&address),
                Ok(None) => {
                    tab.close();
                    toast::show(format!("There is no {} yet. Try again in a minute.", browser::lowercase(name)), None);
                }
                Err(failure) => {
                    tab.close();
                    toast::failure(&failure);
                }
            }
        });
    });
    view! { <Button busy=is_busy on_press=press label>{name}</Button> }.into_any()
}
