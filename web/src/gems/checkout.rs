//! Where people land after the payment page: waits for the gems, and says what became of it and what to do next.
use crate::ui::prelude::*;
use gloo_timers::future::TimeoutFuture;
use lapidary_contract::{Checkout, LiveEvent, ProblemType, PurchaseStatus};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::before::way_back;
use crate::asked::Answer;
use crate::browser;
use crate::http;
use crate::live;
use crate::page::{self, Page, gems_path};
use crate::router;
use crate::session::{Session, use_session};
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::time::{format_gems, format_money};
use crate::ui::toast;
use crate::ui::{Button, ButtonKind, FailureNote, Glyph, Icon, LinkButton, Skeleton};

/// News of a payment come by themselves within this; then the vendor is asked.
const PATIENCE_MS: u32 = 3_000;

/// What the page is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The buyer came back as if paid, and nothing is known yet.
    Waiting,
    /// The vendor was asked, and nothing is paid.
    Unpaid,
    /// The buyer left the payment page.
    Cancelled,
    Pending,
    Paid,
    Failed,
    Expired,
}

impl Stage {
    fn title(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting for your payment",
            Self::Unpaid | Self::Cancelled => "Nothing was paid",
            Self::Pending => "Your payment is on its way",
            Self::Paid => "Your gems are here",
            Self::Failed => "The payment did not come through",
            Self::Expired => "This payment page has expired",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Waiting => "The payment provider tells us in a moment, and your gems come by themselves.",
            Self::Unpaid => {
                "The payment provider knows of no payment yet. If you have paid, restore your purchase in a minute; otherwise go on to pay. Nothing is lost."
            }
            Self::Cancelled => "You left the payment page, and nothing was charged. It stays open for a day.",
            Self::Pending => {
                "Some ways to pay take days, a bank transfer for example. Your gems come by themselves when the money is there, and a notice tells you. You can close this page."
            }
            Self::Paid => "",
            Self::Failed => "Your bank or card did not pay, so no gems came. Try again, perhaps in another way.",
            Self::Expired => "Nobody paid within a day, so nothing was charged and no gems came.",
        }
    }
}

#[derive(Clone, Copy)]
struct Purchase {
    id: Option<Uuid>,
    session: Session,
    answer: RwSignal<Option<Answer<Checkout>>>,
    is_cancelled: RwSignal<bool>,
    /// The vendor was asked, and its answer is in `answer`.
    is_asked: RwSignal<bool>,
    is_busy: RwSignal<bool>,
}

impl Purchase {
    fn read(self) {
        spawn_local(self.reading());
    }

    async fn reading(self) {
        if let Some(id) = self.id {
            self.take(http::get::<Checkout>(&format!("/v1/checkouts/{id}")).await);
        }
    }

    /// Reads what is known; and when nothing comes by itself, or nobody seems to have paid, asks the vendor.
    async fn begin(self) {
        self.reading().await;
        if self.is_cancelled.try_get_untracked() == Some(false) {
            TimeoutFuture::new(PATIENCE_MS).await;
        }
        let is_open = self.answer.try_with_untracked(|answer| match answer {
            Some(Ok(checkout)) => checkout.status == PurchaseStatus::Open,
            Some(Err(_)) | None => false,
        });
        if is_open == Some(true) {
            self.restore();
        }
    }

    /// Asks the vendor now.
    fn restore(self) {
        let Some(id) = self.id else { return };
        if self.is_busy.try_get_untracked() != Some(false) {
            return;
        }
        self.is_busy.set(true);
        spawn_local(async move {
            let answer = http::post_empty::<Checkout>(&format!("/v1/checkouts/{id}/sync")).await;
            let _ = self.is_busy.try_set(false);
            match answer {
                Ok(checkout) => {
                    let _ = self.is_asked.try_set(true);
                    self.take(Ok(checkout));
                }
                // What is known stays.
                Err(failure) => toast::failure(&failure),
            }
            request_animation_frame(browser::keep_focus);
        });
    }

    fn take(self, answer: Answer<Checkout>) {
        if matches!(&answer, Ok(checkout) if checkout.status == PurchaseStatus::Paid) {
            // It may have been read before the gems came.
            self.session.read_gems();
        }
        let _ = self.answer.try_set(Some(answer));
    }

    fn hear(self, event: &LiveEvent) {
        match event {
            LiveEvent::PurchaseChanged { purchase, .. } if self.id == Some(purchase.id) => {
                let status = purchase.status;
                let is_known = self.answer.with_untracked(|answer| matches!(answer, Some(Ok(_))));
                if is_known {
                    self.answer.update(|answer| {
                        if let Some(Ok(checkout)) = answer {
                            checkout.status = status;
                        }
                    });
                } else {
                    self.read();
                }
            }
            LiveEvent::Reset => self.read(),
            LiveEvent::PurchaseChanged { .. }
            | LiveEvent::GenerationChanged { .. }
            | LiveEvent::ImageChanged { .. }
            | LiveEvent::GemsChanged { .. }
            | LiveEvent::NoticesChanged { .. }
            | LiveEvent::ArchiveChanged { .. }
            | LiveEvent::ExportChanged { .. }
            | LiveEvent::StatusChanged { .. } => {}
        }
    }

    fn stage(self) -> Option<Stage> {
        let status = self.answer.with(|answer| match answer {
            Some(Ok(checkout)) => Some(checkout.status),
            Some(Err(_)) | None => None,
        })?;
        Some(match status {
            PurchaseStatus::Open if self.is_cancelled.get() => Stage::Cancelled,
            PurchaseStatus::Open if self.is_asked.get() => Stage::Unpaid,
            PurchaseStatus::Open => Stage::Waiting,
            PurchaseStatus::Pending => Stage::Pending,
            PurchaseStatus::Paid => Stage::Paid,
            PurchaseStatus::Failed => Stage::Failed,
            PurchaseStatus::Expired => Stage::Expired,
        })
    }
}

#[component]
pub fn CheckoutPage() -> AnyView {
    let purchase = Purchase {
        id: untrack(router::last_part).parse().ok(),
        session: use_session(),
        answer: RwSignal::new(None),
        is_cancelled: RwSignal::new(untrack(|| router::query("cancelled")).is_some()),
        is_asked: RwSignal::new(false),
        is_busy: RwSignal::new(false),
    };
    live::on_event(move |event| purchase.hear(event));
    spawn_local(purchase.begin());
    let stage = memo(move |_| purchase.stage());
    effect(move |_| {
        if let Some(stage) = stage.get() {
            page::set_title(stage.title());
        }
    });
    let failure = memo(move |_| purchase.answer.with(|answer| answer.as_ref().and_then(|it| it.clone().err())));
    // The vendor names its page only when it is asked.
    let url = memo(move |_| purchase.answer.with(|answer| answer.as_ref()?.as_ref().ok()?.url.clone()));
    let content = changing(move || match (stage.get(), failure.get()) {
        (Some(stage), _) => known(purchase, stage, url.get()),
        (None, Some(failure)) if !failure.is(ProblemType::NotFound) => {
            let retry = Callback::new(move |()| purchase.read());
            view! { <FailureNote failure on_retry=retry /> }.into_any()
        }
        (None, None) if purchase.id.is_some() => waiting(),
        (None, _) => not_here(),
    });
    let heard = changing(move || stage.get().map_or("", Stage::title));
    view! {
        <section class="quiet-page checkout">{content}</section>
        <p class="visually-hidden" role="status">{heard}</p>
    }
    .into_any()
}

fn known(purchase: Purchase, stage: Stage, url: Option<String>) -> AnyView {
    let checkout = purchase.answer.with_untracked(|answer| answer.clone().and_then(Result::ok));
    let what = checkout.as_ref().map(|checkout| {
        format!("{} for {}", format_gems(checkout.gems), format_money(checkout.amount, &checkout.currency))
    });
    let glyph = match stage {
        Stage::Paid => Glyph::Check,
        Stage::Waiting | Stage::Pending => Glyph::Gem,
        Stage::Unpaid | Stage::Cancelled | Stage::Failed | Stage::Expired => Glyph::Warning,
    };
    view! {
        <span class="checkout__sign" class:is-waiting=stage == Stage::Waiting><Icon glyph /></span>
        <div class="checkout__words">
            <h1>{stage.title()}</h1>
            <p class="checkout__what">{what}</p>
            <p class="quiet">{stage.words()} {(stage == Stage::Paid).then(|| left(purchase.session))}</p>
        </div>
        <div class="checkout__actions">{actions(purchase, stage, url)}</div>
    }
    .into_any()
}

fn left(session: Session) -> AnyView {
    changing(move || {
        session.gems.get().map(|gems| match gems.debt {
            0 => format!("You have {} now.", format_gems(gems.remaining)),
            debt => format!("They went to what you owed. You still owe {}.", format_gems(debt)),
        })
    })
}

/// The one thing to do next first, and what else there is.
fn actions(purchase: Purchase, stage: Stage, url: Option<String>) -> AnyView {
    let gems = Page::Gems.path().to_owned();
    let (back, back_words) = way_back();
    match stage {
        Stage::Waiting => restore(purchase),
        Stage::Unpaid => {
            view! { {pay(url)} {restore(purchase)} {link(gems_path("packs"), "Choose another pack")} }.into_any()
        }
        Stage::Cancelled => {
            view! { {pay(url)} {link(gems_path("packs"), "Choose another pack")} {link(back, back_words)} }.into_any()
        }
        Stage::Pending => view! { {main(back, back_words)} {restore(purchase)} }.into_any(),
        Stage::Paid => view! { {main(back, back_words)} {link(gems, "See your gems")} }.into_any(),
        Stage::Failed | Stage::Expired => {
            view! { {main(gems_path("packs"), "Choose a pack")} {link(back, back_words)} }.into_any()
        }
    }
}

fn restore(purchase: Purchase) -> AnyView {
    let press = Callback::new(move |()| purchase.restore());
    view! { <Button busy=purchase.is_busy on_press=press>"Restore my purchase"</Button> }.into_any()
}

/// Leaves for the payment page, as long as it is open.
fn pay(url: Option<String>) -> Option<AnyView> {
    let press = url.map(|url| Callback::new(move |()| browser::leave_for(&url)))?;
    Some(view! { <Button kind=ButtonKind::Primary on_press=press>"Go on to pay"</Button> }.into_any())
}

fn main(href: String, words: &'static str) -> AnyView {
    view! { <LinkButton kind=ButtonKind::Primary href>{words}</LinkButton> }.into_any()
}

fn link(href: String, words: &'static str) -> AnyView {
    view! { <LinkButton href>{words}</LinkButton> }.into_any()
}

fn waiting() -> AnyView {
    view! {
        <Skeleton class="checkout__sign" />
        <Skeleton class="waiting__title" />
        <Skeleton class="checkout__place" />
    }
    .into_any()
}

fn not_here() -> AnyView {
    view! {
        <h1>"This purchase is not here"</h1>
        <p>"It belongs to somebody else, or the address is mistyped."</p>
        <div class="checkout__actions">{main(gems_path("purchases"), "See your purchases")}</div>
    }
    .into_any()
}
