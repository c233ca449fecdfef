//! What is sold: a card a pack with what a gem costs in it, and the way to the payment page.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::{Checkout, CreateCheckout, GemPack, GemPacks};
use lapidary_domain::price::price_per_image;
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use crate::asked::{Asked, shown};
use crate::browser;
use crate::http;
use crate::page::checkout_path;
use crate::router::{self, Going};
use crate::session::{Session, use_session};
use crate::ui::dynamic::changing;
use crate::ui::time::{format_money, format_number, format_price_each};
use crate::ui::{Button, Failure, FailureNote, Skeleton};

/// A press on *Buy*. Until an answer came the same press has the same key.
#[derive(Clone, Copy)]
struct Buying {
    pack: RwSignal<Option<String>>,
    failure: RwSignal<Option<Failure>>,
    /// The pack that was last asked for, and the key while no answer came.
    asked: StoredValue<Option<(String, Option<String>)>>,
}

impl Buying {
    /// What was not answered, once more.
    fn again(self) {
        if let Some((pack, _)) = self.asked.get_value() {
            self.buy(pack);
        }
    }

    fn buy(self, pack: String) {
        if self.pack.with_untracked(Option::is_some) {
            return;
        }
        let known = self.asked.get_value().filter(|(known, _)| *known == pack).and_then(|(_, key)| key);
        let key = known.unwrap_or_else(|| Uuid::now_v7().to_string());
        self.asked.set_value(Some((pack.clone(), Some(key.clone()))));
        self.pack.set(Some(pack.clone()));
        self.failure.set(None);
        spawn_local(async move {
            let body = CreateCheckout { pack };
            let answer = http::post_with_key::<_, Checkout>("/v1/checkouts", &body, &key).await;
            let is_answered = match &answer {
                Ok(_) => true,
                Err(failure) => matches!(failure, Failure::Problem(problem, _) if problem.status < 500),
            };
            if is_answered {
                self.asked.set_value(Some((body.pack, None)));
            }
            match answer {
                Ok(checkout) => match checkout.url {
                    Some(url) => browser::leave_for(&url),
                    None => router::go(&checkout_path(&checkout.id), Going::Forth),
                },
                Err(failure) => {
                    self.pack.set(None);
                    self.failure.set(Some(failure));
                    // On a phone it is said out of sight of the button.
                    request_animation_frame(|| {
                        browser::focus("#buy-failure");
                    });
                }
            }
        });
    }
}

#[component]
pub fn Packs() -> AnyView {
    let packs = Asked::<GemPacks>::new(|| http::get("/v1/gem-packs").boxed_local());
    let buying = Buying { pack: RwSignal::new(None), failure: RwSignal::new(None), asked: StoredValue::new(None) };
    // Back from the payment page the browser may show this page as it was left: with a button that is busy.
    let back = window_event_listener_untyped("pageshow", move |_| buying.pack.set(None));
    on_cleanup(move || back.remove());
    let session = use_session();
    let cards = shown(packs, waiting, move |packs| offer(packs, session, buying));
    let failure = changing(move || {
        let retry = Callback::new(move |()| buying.again());
        buying.failure.get().map(|failure| view! { <FailureNote failure on_retry=retry /> })
    });
    view! {
        <section class="shop" aria-labelledby="packs-title">
            <h2 id="packs-title" tabindex="-1">"Get gems"</h2>
            {cards}
            <div id="buy-failure" tabindex="-1">{failure}</div>
        </section>
    }
    .into_any()
}

fn waiting() -> AnyView {
    let places = (0..3).map(|_| view! { <li><Skeleton class="pack__place" /></li> }).collect_view();
    view! { <ul class="packs">{places}</ul> }.into_any()
}

fn offer(packs: GemPacks, session: Session, buying: Buying) -> AnyView {
    if !packs.is_open || packs.data.is_empty() {
        return view! { <p class="quiet">"No gems are sold here. A code from whoever runs this service brings some."</p> }
            .into_any();
    }
    let cards = packs.data.into_iter().map(|pack| card(pack, session, buying)).collect_view();
    view! {
        <ul class="packs">{cards}</ul>
        <p class="quiet">"You pay at the payment provider's own page, and come back here. Bought gems never expire."</p>
    }
    .into_any()
}

fn card(pack: GemPack, session: Session, buying: Buying) -> AnyView {
    let price = format_money(pack.amount, &pack.currency);
    let each = format_price_each(pack.amount, pack.gems, &pack.currency);
    let label = Signal::stored(format!("Buy {} gems for {price}", format_number(pack.gems)));
    let (id, gems) = (pack.id, pack.gems);
    let pressed = id.clone();
    let busy = Signal::derive(move || buying.pack.with(|pack| pack.as_ref() == Some(&pressed)));
    let buy = Callback::new(move |()| buying.buy(id.clone()));
    let makes =
        changing(move || pictures(session, gems).map(|count| format!("About {} pictures", format_number(count))));
    view! {
        <li class="pack">
            <p class="pack__gems"><span class="pack__number">{format_number(gems)}</span> " gems"</p>
            <p class="pack__makes">{makes}</p>
            <p class="pack__price">{price}</p>
            <p class="pack__each">{each} " a gem"</p>
            <Button class="pack__buy" on_press=buy busy label>"Buy"</Button>
        </li>
    }
    .into_any()
}

/// How many pictures that is with what the studio begins with.
fn pictures(session: Session, gems: i64) -> Option<i64> {
    session.catalogue.with(|known| {
        let known = known.as_ref()?;
        let model = known.domain.model(&known.domain.default_model)?;
        gems.checked_div(price_per_image(model, &model.default_quality, model.default_size)?)
    })
}
