//! The open picture, as large as the page allows: the preview at once, the original over it when it is there.
use crate::ui::prelude::*;
use lapidary_contract::Image;
use leptos::ev::PointerEvent;
use uuid::Uuid;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlImageElement;

use super::image::OpenImage;
use super::opening;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::{Button, ButtonKind, Glyph, Icon, Picture, ratio};

/// CSS pixels a finger must travel to turn the page.
const SWIPE: i32 = 60;

#[component]
pub fn Stage() -> AnyView {
    let open = expect_context::<OpenImage>();
    let start = StoredValue::new(None::<(i32, i32)>);
    let down = move |event: PointerEvent| {
        if event.pointer_type() == "touch" && event.is_primary() {
            start.set_value(Some((event.client_x(), event.client_y())));
        }
    };
    let up = move |event: PointerEvent| {
        let Some((x, y)) = start.try_update_value(Option::take).flatten() else { return };
        let (along, across) = (event.client_x() - x, (event.client_y() - y).abs());
        match along {
            _ if along.abs() < SWIPE || across > along.abs() / 2 => {}
            1.. => open.step(open.newer),
            _ => open.step(open.older),
        }
    };
    let shown = memo(move |_| open.image.with(|image| image.as_ref().map(|image| image.id)));
    let picture = changing(move || shown.get().and_then(|id| picture_of(open, id)));
    view! {
        <div class="stage" on:pointerdown=down on:pointerup=up on:pointercancel=move |_| start.set_value(None)>
            {picture}
            {turn(open, open.newer, Glyph::ChevronLeft, "Newer picture", "stage__turn stage__turn--newer")}
            {turn(open, open.older, Glyph::ChevronRight, "Older picture", "stage__turn stage__turn--older")}
        </div>
    }
    .into_any()
}

/// Always there, so that focus is not lost at the ends.
fn turn(open: OpenImage, to: Memo<Option<Uuid>>, glyph: Glyph, label: &'static str, class: &'static str) -> AnyView {
    let press = Callback::new(move |()| open.step(to));
    let is_last = Signal::derive(move || to.get().is_none());
    let label = Signal::derive(move || label.to_owned());
    view! {
        <Button kind=ButtonKind::Bare class=class on_press=press disabled=is_last label=label>
            <Icon glyph />
        </Button>
    }
    .into_any()
}

fn picture_of(open: OpenImage, id: Uuid) -> Option<AnyView> {
    let image = open.image.get_untracked().filter(|image| image.id == id)?;
    let source = RwSignal::new(image.preview_url.clone());
    effect(move |_| {
        let Some(url) = open.image.with(|image| image.as_ref().filter(|it| it.id == id).map(|it| it.url.clone()))
        else {
            return;
        };
        if source.with_untracked(|shown| *shown != url) {
            show_when_loaded(url, source);
        }
    });
    let renew = Callback::new(move |()| open.read(id));
    let ratio = ratio(image.width, image.height);
    let Image { prompt, thumbhash, width, height, .. } = image;
    let view = view! {
        <figure class="stage__figure" style=("--ratio", ratio) style=("view-transition-name", opening::NAME)>
            <Picture src=source alt=prompt thumbhash width height on_stale=renew eager=true />
            <figcaption class="stage__badge">"AI-generated"</figcaption>
        </figure>
    };
    Some(view.into_any())
}

/// Loads and decodes beside the page, so that the change is not seen.
fn show_when_loaded(url: String, source: RwSignal<String>) {
    let Ok(loader) = HtmlImageElement::new() else { return };
    loader.set_src(&url);
    spawn_local(async move {
        if JsFuture::from(loader.decode()).await.is_ok() {
            let _ = source.try_set(url);
        }
    });
}
