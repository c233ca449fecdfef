//! Parts of the page that are loaded when they are first shown. Each is a table of views, and the build cuts the program at
//! the function that gives it (feature `parts`, see crates/xtask); without the feature everything is one program. Must never
//! know what a part shows.
use std::cell::Cell;
use std::pin::Pin;
use std::thread::LocalKey;

use crate::ui::prelude::*;
use leptos::ev;
use leptos::wasm_split::SplitLoaderError;
use wasm_bindgen_futures::spawn_local;

use crate::gallery;
use crate::studio;
use crate::ui::after_a_while;
use crate::ui::dynamic::{changing, effect, memo};
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::skeleton::Skeleton;
use crate::ui::toast;

/// The first view has what it needs by then, even on a slow line.
const AHEAD_MS: u32 = 2_000;

pub struct NotLoaded;

impl From<SplitLoaderError> for NotLoaded {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

type Loading<T> = Pin<Box<dyn Future<Output = Result<&'static T, NotLoaded>>>>;

/// A table of views that may not be here yet.
pub struct Part<T: 'static> {
    load: fn() -> Loading<T>,
    here: &'static LocalKey<Cell<Option<&'static T>>>,
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Part<T> {}

/// `part!(name: Table = value)`: what only this table needs lies in a file of this name.
macro_rules! part {
    ($name:ident: $table:ident = $value:expr) => {
        pub mod $name {
            use super::*;

            thread_local! {
                static HERE: Cell<Option<&'static $table>> = const { Cell::new(None) };
            }

            #[cfg_attr(feature = "parts", leptos::wasm_split::wasm_split($name, wasm_split_path = leptos::wasm_split, fallible))]
            fn $name() -> Result<&'static $table, NotLoaded> {
                static TABLE: $table = $value;
                Ok(&TABLE)
            }

            #[cfg(feature = "parts")]
            fn load() -> Loading<$table> {
                Box::pin($name())
            }

            #[cfg(not(feature = "parts"))]
            fn load() -> Loading<$table> {
                Box::pin(std::future::ready($name()))
            }

            pub const PART: Part<$table> = Part { load, here: &HERE };
        }
    };
}

type View = fn() -> AnyView;

/// Where pictures are looked at.
pub struct Pictures {
    pub list: View,
    pub image: View,
    pub collections: View,
    pub trash: View,
}

part!(pictures: Pictures = Pictures {
    list: || gallery::GalleryPage().into_any(),
    image: || gallery::ImagePage().into_any(),
    collections: || gallery::CollectionsPage().into_any(),
    trash: || gallery::TrashPage().into_any(),
});

/// What is looked at now and then, and what opens only when it is asked for.
pub struct Later {
    pub studio: studio::Later,
    pub shared: View,
    pub gems: View,
    pub checkout: View,
    pub account: View,
    pub requests: View,
    pub erased: View,
    pub operator: View,
    pub notices: View,
    pub terms: View,
    pub promises: View,
    pub policy_banner: View,
}

part!(later: Later = Later {
    studio: studio::LATER,
    shared: || gallery::shared::SharedPage().into_any(),
    gems: || crate::gems::GemsPage().into_any(),
    checkout: || crate::gems::CheckoutPage().into_any(),
    account: || crate::account::AccountPage().into_any(),
    requests: || crate::account::RequestsPage().into_any(),
    erased: || crate::account::ErasedPage().into_any(),
    operator: || crate::operator::OperatorPage().into_any(),
    notices: || crate::notices::NoticesPage().into_any(),
    terms: || crate::promises::TermsPage().into_any(),
    promises: || crate::promises::PromisesPage().into_any(),
    policy_banner: || crate::promises::PolicyBanner().into_any(),
});

type Shown<T> = Box<dyn Fn(&'static T) -> AnyView + Send + Sync>;

/// A view of a part: at once when the part is here, else as soon as it is, with a skeleton until then.
pub fn show<T: Sync>(part: Part<T>, view: impl Fn(&'static T) -> AnyView + Send + Sync + 'static) -> AnyView {
    match part.here.get() {
        Some(table) => view(table),
        None => arriving(part, Box::new(view)),
    }
}

fn arriving<T: Sync>(part: Part<T>, view: Shown<T>) -> AnyView {
    let arrived = RwSignal::new(None::<Result<&'static T, Failure>>);
    let load = move || fetch_part(part, Box::new(move |made| drop(arrived.try_set(Some(made)))));
    load();
    let again = Callback::new(move |()| load());
    retry_when_online(Signal::derive(move || arrived.with(|made| matches!(made, Some(Err(_))))), again);
    changing(move || match arrived.get() {
        None => waiting(),
        Some(Ok(table)) => view(table),
        Some(Err(failure)) => {
            view! { <section class="quiet-page"><FailureNote failure on_retry=again /></section> }.into_any()
        }
    })
}

/// As [`show`], with nothing in its place until it is here, and nothing where it does not arrive.
pub fn unhurried(part: Part<Later>, view: fn(&'static Later) -> AnyView) -> AnyView {
    let arrived = RwSignal::new(part.here.get());
    if arrived.with_untracked(Option::is_none) {
        fetch_part(
            part,
            Box::new(move |made| {
                let _ = arrived.try_set(made.ok());
            }),
        );
    }
    changing(move || arrived.get().map(view))
}

/// What a fold shows, from the first time it is opened.
pub fn unfolded(
    is_open: RwSignal<bool>,
    view: impl Fn(&'static Later) -> AnyView + Send + Sync + Copy + 'static,
) -> AnyView {
    let is_wanted = memo(move |before| before == Some(&true) || is_open.get());
    changing(move || is_wanted.get().then(|| show(later::PART, view)))
}

/// A dialog, from the first time it is opened. One that does not arrive is closed again, so that the next press tries
/// once more.
pub fn opened(is_open: RwSignal<bool>, view: impl Fn(&'static Later) -> AnyView + Send + Sync + 'static) -> AnyView {
    dialog(is_open, Box::new(view))
}

fn dialog(is_open: RwSignal<bool>, view: Shown<Later>) -> AnyView {
    let part = later::PART;
    let arrived = RwSignal::new(part.here.get());
    effect(move |_| {
        if !is_open.get() || arrived.with_untracked(Option::is_some) {
            return;
        }
        let then = move |made| match made {
            Ok(table) => drop(arrived.try_set(Some(table))),
            Err(failure) => {
                toast::failure(&failure);
                let _ = is_open.try_set(false);
            }
        };
        fetch_part(part, Box::new(then));
    });
    let is_wanted = memo(move |before| before == Some(&true) || is_open.get());
    changing(move || if is_wanted.get() { arrived.get().map(&view) } else { None })
}

/// Loads everything once the first view has had its time.
pub fn load_ahead() {
    after_a_while(AHEAD_MS, || {
        fetch_part(pictures::PART, Box::new(|_| fetch_part(later::PART, Box::new(drop))));
    });
}

/// `then` must bear that its view is gone by then.
fn fetch_part<T: 'static>(part: Part<T>, then: Box<dyn FnOnce(Result<&'static T, Failure>)>) {
    spawn_local(async move {
        let made = (part.load)().await.map_err(|NotLoaded| not_loaded());
        if let Ok(table) = &made {
            part.here.set(Some(table));
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
