//! The browser's view transitions: a picture grows out of its place when it opens. Where there are none, or where a
//! person wants no motion, views simply change.
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// Makes the change; the browser moves what carries the same name before and after it.
pub fn change(views: impl FnOnce() + 'static) {
    let document: JsValue = document().into();
    match Reflect::get(&document, &"startViewTransition".into()).ok().and_then(|it| it.dyn_into::<Function>().ok()) {
        Some(start) if !wants_stillness() => {
            let update = Closure::once_into_js(move || -> Promise {
                views();
                // The new view is built in the next turn of the loop.
                future_to_promise(async {
                    TimeoutFuture::new(0).await;
                    Ok(JsValue::UNDEFINED)
                })
            });
            if let Ok(transition) = start.call1(&document, &update) {
                forgive(&transition);
            }
        }
        _ => views(),
    }
}

fn wants_stillness() -> bool {
    window().match_media("(prefers-reduced-motion: reduce)").ok().flatten().is_some_and(|query| query.matches())
}

/// A transition that is skipped, because the next one begins, is no error.
fn forgive(transition: &JsValue) {
    for name in ["ready", "finished", "updateCallbackDone"] {
        let promise = Reflect::get(transition, &name.into()).ok().and_then(|it| it.dyn_into::<Promise>().ok());
        if let Some(promise) = promise {
            wasm_bindgen_futures::spawn_local(async move {
                let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
            });
        }
    }
}
