//! Parts of the page that are loaded when they are first shown. The build cuts the program at the functions made here (feature
//! `parts`, see crates/xtask); without the feature everything is one program. Must never know what a part shows.
use std::cell::Cell;
use std::pin::Pin;
use std::thread::LocalKey;

use crate::ui::prelude::*;
use leptos::ev;
use leptos::wasm_split::SplitLoaderError;
use wasm_bindgen_futures::spawn_local;

use crate::ui::after_a_while;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::skeleton::Skeleton;
use crate::ui::toast;

/// The first view has what it needs by then, even on a slow line.
const AHEAD_MS: u32 = 2_000;

/// Makes a part's view, once the part is here.
pub type Make<P> = fn(P) -> AnyView;

pub struct NotLoaded;

impl From<SplitLoaderError> for NotLoaded {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

pub type Loading<P> = Pin<Box<dyn Future<Output = Result<Make<P>, NotLoaded>>>>;

/// A view of a part, which may not be here yet.
pub struct Part<P: 'static> {
    pub load: fn() -> Loading<P>,
    pub here: &'static LocalKey<Cell<Option<Make<P>>>>,
}

impl<P> Clone for Part<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Part<P> {}

/// `part!(file: view(Props) = make)` is a view whose code, and what only it needs, lies in a file of its own together with
/// the other views of that file.
macro_rules! part {
    ($file:ident: $view:ident($props:ty) = $make:expr) => {
        mod $view {
            use super::*;
            use $crate::parts::{Loading, Make, NotLoaded, Part};

            thread_local! {
                static HERE: std::cell::Cell<Option<Make<$props>>> = const { std::cell::Cell::new(None) };
            }

            #[cfg_attr(
                        feature = "parts",
                        leptos::wasm_split::wasm_split($file, wasm_split_path = leptos::wasm_split, fallible)
                    )]
            fn $view() -> Result<Make<$props>, NotLoaded> {
                Ok($make)
            }

            #[cfg(feature = "parts")]
            fn load() -> Loading<$props> {
                Box::pin($view())
            }

            #[cfg(not(feature = "parts"))]
            fn load() -> Loading<$props> {
                Box::pin(std::future::ready($view()))
            }

            pub(super) const PART: Part<$props> = Part { load, here: &HERE };
        }
    };
}
pub(crate) use part;

/// The view of a part: at once when the part is here, else as soon as it is, with a skeleton until then.
pub fn show<P: Clone + Send + Sync + 'static>(part: Part<P>, props: P) -> AnyView {
    match part.here.get() {
        Some(make) => make(props),
        None => arriving(part, props),
    }
}

fn arriving<P: Clone + Send + Sync + 'static>(part: Part<P>, props: P) -> AnyView {
    let arrived = RwSignal::new(None::<Result<Make<P>, Failure>>);
    let load = move || fetch_part(part, move |made| drop(arrived.try_set(Some(made))));
    load();
    let again = Callback::new(move |()| load());
    retry_when_online(Signal::derive(move || arrived.with(|made| matches!(made, Some(Err(_))))), again);
    changing(move || match arrived.get() {
        None => waiting(),
        Some(Ok(make)) => make(props.clone()),
        Some(Err(failure)) => {
            view! { <section class="quiet-page"><FailureNote failure on_retry=again /></section> }.into_any()
        }
    })
}

/// What a fold shows, from the first time it is opened.
pub fn unfolded<P: Clone + Send + Sync + 'static>(is_open: RwSignal<bool>, part: Part<P>, props: P) -> AnyView {
    let is_wanted = memo(move |before| before == Some(&true) || is_open.get());
    changing(move || is_wanted.get().then(|| show(part, props.clone())))
}

/// A dialog of a part, from the first time it is opened. One that does not arrive is closed again, so that the next
/// press tries once more.
pub fn opened<P: Clone + Send + Sync + 'static>(is_open: RwSignal<bool>, part: Part<P>, props: P) -> AnyView {
    let arrived = RwSignal::new(part.here.get());
    effect(move |_| {
        if !is_open.get() || arrived.with_untracked(Option::is_some) {
            return;
        }
        fetch_part(part, move |made| match made {
            Ok(make) => drop(arrived.try_set(Some(make))),
            Err(failure) => {
                toast::failure(&failure);
                let _ = is_open.try_set(false);
            }
        });
    });
    let is_wanted = memo(move |before| before == Some(&true) || is_open.get());
    changing(move || if is_wanted.get() { arrived.get().map(|make| make(props.clone())) } else { None })
}

/// Loads a part, and with it the others of its file, once the first view has had its time.
pub fn load_ahead<P: 'static>(part: Part<P>) {
    after_a_while(AHEAD_MS, move || fetch_part(part, drop));
}

/// `then` must bear that its view is gone by then.
fn fetch_part<P: 'static>(part: Part<P>, then: impl FnOnce(Result<Make<P>, Failure>) + 'static) {
    spawn_local(async move {
        let made = (part.load)().await.map_err(|NotLoaded| not_loaded());
        if let Ok(make) = &made {
            part.here.set(Some(*make));
        }
        then(made);
    });
}

fn retry_when_online(has_failed: Signal<bool>, again: Callback<()>) {
    let listener = window_event_listener(ev::online, move |_| {
        if has_failed.get_untracked() {
            again.run(());
        }
    });
    on_cleanup(move || listener.remove());
}

/// Without a network the reason is known; otherwise the server may have a newer page than this one.
fn not_loaded() -> Failure {
    if window().navigator().on_line() { Failure::NotLoaded } else { Failure::Offline }
}

/// Stands in while something of the page is on its way.
pub fn waiting() -> AnyView {
    view! {
        <section class="waiting" aria-busy="true" aria-label="Loading">
            <Skeleton class="waiting__title" />
            <Skeleton />
            <Skeleton />
            <Skeleton ratio=(16, 9) />
        </section>
    }
    .into_any()
}
