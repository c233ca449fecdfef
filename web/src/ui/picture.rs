//! A picture with its place from the start: the ThumbHash is painted at once, the picture fades in over it.
use crate::ui::prelude::*;
use leptos::html;

use crate::ui::dynamic::effect;
use crate::ui::png::png;
use crate::ui::thumb::pixels;

#[component]
pub fn Picture(
    #[prop(into)] src: Signal<String>,
    #[prop(into)] alt: Signal<String>,
    /// Base64; empty or broken means a plain place.
    #[prop(into)]
    thumbhash: String,
    width: u32,
    height: u32,
    #[prop(optional, into)] class: String,
    /// A rougher picture that stands there until this one does.
    #[prop(optional, into)]
    before: String,
    /// Loading failed once, most likely because the address has expired: read the image again and change `src`.
    #[prop(optional, into)]
    on_stale: Option<Callback<()>>,
    /// For the one picture a view is about.
    #[prop(optional)]
    eager: bool,
) -> AnyView {
    let image = NodeRef::<html::Img>::new();
    let (is_loaded, is_broken) = (RwSignal::new(false), RwSignal::new(false));
    let asked_again = StoredValue::new(false);
    effect(move |_| {
        // From the cache it may be complete before anybody listens.
        if image.get().is_some_and(|image| image.complete() && image.natural_width() > 0) {
            is_loaded.set(true);
        }
    });
    let failed = move |_| match on_stale {
        Some(on_stale) if !asked_again.get_value() => {
            asked_again.set_value(true);
            on_stale.run(());
        }
        Some(_) | None => is_broken.set(true),
    };
    let loaded = move |_| {
        is_broken.set(false);
        is_loaded.set(true);
        asked_again.set_value(false);
    };
    view! {
        <span
            class=format!("picture {class}")
            style:aspect-ratio=format!("{width} / {height}")
            style:background-image=rough(&thumbhash).unwrap_or_default()
        >
            {(!before.is_empty()).then(|| view! { <img class="picture__before" alt="" aria-hidden="true" src=before /> })}
            <img
                node_ref=image
                class="picture__image"
                class:is-loaded=is_loaded
                class:is-broken=is_broken
                src=src
                alt=alt
                width=width
                height=height
                loading=if eager { "eager" } else { "lazy" }
                decoding="async"
                draggable="false"
                on:load=loaded
                on:error=failed
            />
            {move || is_broken.get().then(|| view! { <span class="picture__broken">"This picture cannot be loaded"</span> })}
        </span>
    }
    .into_any()
}

/// Width by height as a style reads it; nothing is divided here.
pub fn ratio(width: u32, height: u32) -> String {
    format!("calc({} / {})", width.max(1), height.max(1))
}

/// As a style reads it.
fn rough(thumbhash: &str) -> Option<String> {
    let pixels = pixels(&decode(thumbhash)?, |angle| js_sys::Math::cos(angle.into()) as f32)?;
    let bytes: String = png(&pixels)?.into_iter().map(char::from).collect();
    Some(format!("url(data:image/png;base64,{})", window().btoa(&bytes).ok()?))
}

fn decode(base64: &str) -> Option<Vec<u8>> {
    if base64.is_empty() {
        return None;
    }
    let binary = window().atob(base64).ok()?;
    binary.chars().map(|it| u8::try_from(u32::from(it)).ok()).collect()
}
