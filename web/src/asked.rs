//! An answer of the API that a view asks for when it opens, and again when somebody wants it. Knows no address.
use crate::ui::prelude::*;
use futures_util::future::LocalBoxFuture;
use wasm_bindgen_futures::spawn_local;

use crate::ui::dynamic::changing;
use crate::ui::{Failure, FailureNote};

pub type Answer<T> = Result<T, Failure>;

pub struct Asked<T: Clone + Send + Sync + 'static> {
    ask: fn() -> LocalBoxFuture<'static, Answer<T>>,
    answer: RwSignal<Option<Answer<T>>>,
}

impl<T: Clone + Send + Sync + 'static> Clone for Asked<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Clone + Send + Sync + 'static> Copy for Asked<T> {}

impl<T: Clone + Send + Sync + 'static> Asked<T> {
    pub fn new(ask: fn() -> LocalBoxFuture<'static, Answer<T>>) -> Self {
        let asked = Self { ask, answer: RwSignal::new(None) };
        asked.again();
        asked
    }

    /// Nothing until the first answer came.
    pub fn get(self) -> Option<Answer<T>> {
        self.answer.get()
    }

    /// Asks once more; until the answer comes the last one stays.
    pub fn again(self) {
        self.again_then(|| {});
    }

    /// As `again`, and then what the answer's view needs.
    pub fn again_then(self, then: fn()) {
        spawn_local(async move {
            let answer = (self.ask)().await;
            // The view may be gone by now.
            if self.answer.try_set(Some(answer)).is_none() {
                then();
            }
        });
    }
}

/// The answer's view; until there is one its place, and what went wrong with the way to ask again.
pub fn shown<T: Clone + Send + Sync + 'static>(
    asked: Asked<T>,
    place: fn() -> AnyView,
    view: impl Fn(T) -> AnyView + Send + 'static,
) -> AnyView {
    changing(move || match asked.get() {
        None => place(),
        Some(Ok(answer)) => view(answer),
        Some(Err(failure)) => failed(failure, Callback::new(move |()| asked.again())),
    })
}

fn failed(failure: Failure, retry: Callback<()>) -> AnyView {
    view! { <FailureNote failure on_retry=retry /> }.into_any()
}
