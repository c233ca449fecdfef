//! A preset that came by a link. All of it stands behind the address's `#`, which no browser sends: no server sees it,
//! and there is nothing to revoke. Whoever gets it decides whether to use or keep it.
use lapidary_contract::{CreatePreset, Preset};
use lapidary_domain::limits::{ATTRIBUTES_MAX, TITLE_MAX};
use wasm_bindgen_futures::spawn_local;

use super::presets;
use super::state::Studio;
use crate::browser::{self, kept};
use crate::http;
use crate::json;
use crate::page::Page;
use crate::parts;
use crate::router::{self, Going};
use crate::ui::dynamic::changing;
use crate::ui::prelude::*;
use crate::ui::{Button, ButtonKind, Glyph, Icon, toast};

const MARK: &str = "#preset=";
const KEPT: &str = "lapidary-preset";

/// The link that carries a preset.
pub fn link(preset: &Preset) -> String {
    let carried = CreatePreset { name: preset.name.clone(), attributes: preset.attributes.clone() };
    let text = serde_json::to_string(&carried).unwrap_or_default();
    format!("{}{}{MARK}{}", browser::origin(), Page::Studio.path(), browser::encode(&text))
}

/// Called once at the start, before anybody is asked to sign in: that changes the address.
pub fn keep_from_address() {
    // Into a tab that is here already, only what is behind `#` changes.
    window_event_listener(leptos::ev::hashchange, |_| {
        if browser::fragment().starts_with(MARK) {
            keep();
            browser::leave_for(Page::Studio.path());
        }
    });
    keep();
}

fn keep() {
    if let Some(text) = browser::fragment().strip_prefix(MARK).and_then(browser::decode) {
        kept::keep(KEPT, &text);
        router::go(&browser::here(), Going::Unmoved);
    }
}

fn recall() -> Option<CreatePreset> {
    let mut preset = json::read::<CreatePreset>(&kept::recall(KEPT)?).ok()?;
    preset.name = preset.name.trim().chars().take(TITLE_MAX).collect();
    preset.attributes.truncate(ATTRIBUTES_MAX);
    (!preset.name.is_empty() && !preset.attributes.is_empty()).then_some(preset)
}

#[component]
pub fn Received() -> AnyView {
    let studio = expect_context::<Studio>();
    let preset = RwSignal::new(recall());
    changing(move || {
        let received = preset.get()?;
        Some(parts::show(parts::later::PART, move |it| (it.studio.received)(studio, received.clone(), preset)))
    })
}

pub fn panel(studio: Studio, received: CreatePreset, preset: RwSignal<Option<CreatePreset>>) -> AnyView {
    let done = move || {
        kept::forget(KEPT);
        preset.set(None);
        browser::focus("#prompt");
    };
    let (name, words) = (received.name.clone(), presets::words(&received.attributes));
    let taken = received.clone();
    let take = Callback::new(move |()| {
        presets::apply(studio, taken.attributes.clone(), &taken.name);
        done();
    });
    let is_busy = RwSignal::new(false);
    let keep = Callback::new(move |()| {
        let received = received.clone();
        is_busy.set(true);
        spawn_local(async move {
            match http::post::<_, Preset>(presets::PATH, &received).await {
                Ok(preset) => {
                    done();
                    toast::show(format!("“{}” is one of your presets now", preset.name), None);
                }
                Err(failure) => {
                    is_busy.set(false);
                    toast::show(presets::name_error(&failure).unwrap_or_else(|| failure.sentence()), None);
                }
            }
        });
    });
    let close = Callback::new(move |()| done());
    view! {
        <section class="received" aria-label="A preset by a link">
            <p class="preset__name" dir="auto">{format!("“{name}”, a preset somebody sent you")}</p>
            <p class="preset__words" dir="auto">{words}</p>
            <div class="preset__acts">
                <Button kind=ButtonKind::Primary on_press=take>"Use it"</Button>
                <Button on_press=keep busy=is_busy>"Keep it"</Button>
                <Button kind=ButtonKind::Bare on_press=close label=Signal::stored("Not now".to_owned())>
                    <Icon glyph=Glyph::Close />
                </Button>
            </div>
        </section>
    }
    .into_any()
}
