//! The receipt of a deletion, for whoever has its address: how far it is, what went, what stays and why. The token stands
//! behind `#`, which no browser ever sends along; nothing here needs or leaves a session.
use lapidary_contract::{ErasedCount, ErasureKind, ErasureReceipt, ErasureStatus, ErasureStep, ProblemType};
use wasm_bindgen_futures::spawn_local;

use super::erasure::kept;
use crate::browser;
use crate::http;
use crate::page::Page;
use crate::ui::dynamic::changing;
use crate::ui::failure::contact_link;
use crate::ui::prelude::*;
use crate::ui::time::{Moment, format_gems, format_number};
use crate::ui::toast;
use crate::ui::{Button, Empty, Failure, FailureNote, LinkButton, Skeleton, after_a_while};

/// How often a receipt is read that is not finished.
const AGAIN_MS: u32 = 2_000;

#[derive(Clone, Copy)]
struct Look {
    receipt: RwSignal<Option<ErasureReceipt>>,
    failure: RwSignal<Option<Failure>>,
    is_over: StoredValue<bool>,
}

impl Look {
    fn read(self, token: String) {
        spawn_local(async move {
            let answer = http::get_public::<ErasureReceipt>(&format!("/v1/erasures/{token}")).await;
            // The view may be gone by now.
            if self.is_over.try_get_value() != Some(false) {
                return;
            }
            let is_final = match answer {
                Ok(receipt) => {
                    let is_final = receipt.status != ErasureStatus::Running;
                    self.failure.set(None);
                    // What is not new is not written again: somebody may be reading it.
                    if self.receipt.with_untracked(|known| known.as_ref() != Some(&receipt)) {
                        self.receipt.set(Some(receipt));
                    }
                    is_final
                }
                Err(failure) => {
                    let is_final = failure.is(ProblemType::NotFound);
                    self.failure.set(Some(failure));
                    is_final
                }
            };
            if !is_final {
                after_a_while(AGAIN_MS, move || self.read(token));
            }
        });
    }
}

#[component]
pub fn ErasedPage() -> AnyView {
    let look = Look { receipt: RwSignal::new(None), failure: RwSignal::new(None), is_over: StoredValue::new(false) };
    on_cleanup(move || {
        let _ = look.is_over.try_update_value(|is_over| *is_over = true);
    });
    let token = token();
    look.read(token.clone());
    let token = StoredValue::new(token);
    let again = Callback::new(move |()| look.read(token.get_value()));
    let body = changing(move || match (look.receipt.get(), look.failure.get()) {
        (Some(receipt), _) => shown(receipt),
        (None, Some(failure)) if failure.is(ProblemType::NotFound) => unknown(),
        (None, Some(failure)) => view! { <FailureNote failure on_retry=again /> }.into_any(),
        (None, None) => view! { <div aria-busy="true"><Skeleton /><Skeleton /></div> }.into_any(),
    });
    view! { <article class="prose erased">{body}</article> }.into_any()
}

fn unknown() -> AnyView {
    view! {
        <Empty
            title="There is no receipt at this address"
            text="A receipt is kept for 30 days. It is also gone when the deletion was undone, or when it was asked for again: then the newer address holds."
        >
            <LinkButton href=Page::Landing.path()>"Go to the start"</LinkButton>
        </Empty>
    }
    .into_any()
}

fn shown(receipt: ErasureReceipt) -> AnyView {
    let title = match (receipt.kind, receipt.status) {
        (ErasureKind::Account, ErasureStatus::Finished) => "Your account is gone",
        (ErasureKind::Images, ErasureStatus::Finished) => "Your pictures are gone",
        (ErasureKind::Account, _) => "Your account is being deleted",
        (ErasureKind::Images, _) => "Your pictures are being deleted",
    };
    let gems = (receipt.gems_forfeited > 0)
        .then(|| view! { <p>{format!("{} were forfeited.", format_gems(receipt.gems_forfeited))}</p> });
    let contact = receipt.support_contact.clone();
    let contact = contact.map(|address| view! { <p>"Questions? " {contact_link(&address)}</p> });
    let print = Callback::new(|()| drop(window().print()));
    let save = Callback::new(|()| save());
    view! {
        <h1>{title}</h1>
        <p class="prose__lead" role="status">{standing(&receipt)}</p>
        <dl class="details__facts">
            <div><dt>"Asked for"</dt><dd><Moment at=receipt.asked_at /></dd></div>
            {receipt.started_at.map(|at| view! { <div><dt>"Begun"</dt><dd><Moment at=at /></dd></div> })}
            {receipt.finished_at.map(|at| view! { <div><dt>"Finished"</dt><dd><Moment at=at /></dd></div> })}
        </dl>
        {gems}
        {counts("Files that went", &receipt.objects)}
        {counts("Rows that went", &receipt.rows)}
        <h2>"What stays, and why"</h2>
        {kept(receipt.keeps.clone())}
        <div class="actions erased__actions">
            <Button on_press=save>"Download the receipt"</Button>
            <Button on_press=print>"Print it"</Button>
        </div>
        {contact}
    }
    .into_any()
}

fn standing(receipt: &ErasureReceipt) -> AnyView {
    let words = match (receipt.status, receipt.step) {
        (ErasureStatus::Waiting, _) => {
            return view! { "It begins on " <Moment at=receipt.at /> ". Until then whoever signs in can undo it." }
                .into_any();
        }
        (ErasureStatus::Finished, _) => "It is done. This page names nobody, and is kept for 30 days.",
        (ErasureStatus::Running, ErasureStep::Work) => "Ending what is under way.",
        (ErasureStatus::Running, ErasureStep::Objects) => "Deleting files.",
        (ErasureStatus::Running, ErasureStep::Rows) => "Deleting rows.",
        (ErasureStatus::Running, ErasureStep::Person) => "Taking your name out of the books.",
        (ErasureStatus::Running, ErasureStep::Remains) => "Looking once more for what came late.",
        (ErasureStatus::Running, ErasureStep::Vendor | ErasureStep::Done) => {
            "Everything here is gone. The payment provider has not answered yet; it is asked again by itself."
        }
    };
    words.into_any()
}

fn counts(title: &'static str, counts: &[ErasedCount]) -> Option<AnyView> {
    if counts.is_empty() {
        return None;
    }
    let rows = counts.iter().map(|one| {
        let name = one.name.replace('_', " ");
        view! { <div><dt>{name}</dt><dd>{format_number(one.count)}</dd></div> }
    });
    Some(view! { <section><h2>{title}</h2><dl class="details__facts">{rows.collect_view()}</dl></section> }.into_any())
}

/// As the API says it.
fn save() {
    spawn_local(async {
        let token = token();
        match http::blob(&format!("/v1/erasures/{token}")).await {
            Ok(file) => browser::save(&file, "lapidary-receipt.json"),
            Err(failure) => toast::failure(&failure),
        }
    });
}

fn token() -> String {
    browser::encode(browser::fragment().trim_start_matches('#'))
}
