//! A list that is read page by page, newest first, with a button for the next one. Knows no address and no row.
use crate::ui::prelude::*;
use lapidary_contract::List;
use serde::de::DeserializeOwned;
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::http;
use crate::ui::dynamic::changing;
use crate::ui::{Button, Failure, FailureNote, Skeleton};

pub struct Paged<T: Send + Sync + 'static> {
    path: StoredValue<String>,
    rows: RwSignal<Option<Vec<T>>>,
    next: RwSignal<Option<String>>,
    failure: RwSignal<Option<Failure>>,
    is_busy: RwSignal<bool>,
    /// By the button for more.
    has_ended: RwSignal<bool>,
    /// What was asked for last; answers to what was asked before count no more.
    asked: StoredValue<(u32, Option<String>)>,
}

impl<T: Send + Sync + 'static> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Paged<T> {}

impl<T: DeserializeOwned + Send + Sync + 'static> Paged<T> {
    /// `path` may have a query.
    pub fn at(path: String) -> Self {
        let paged = Self {
            path: StoredValue::new(path),
            rows: RwSignal::new(None),
            next: RwSignal::new(None),
            failure: RwSignal::new(None),
            is_busy: RwSignal::new(false),
            has_ended: RwSignal::new(false),
            asked: StoredValue::new((0, None)),
        };
        paged.again();
        paged
    }

    /// From the newest on; until they come the last ones stay.
    pub fn again(self) {
        self.again_then(|| {});
    }

    /// As `again`, and then what the new rows need.
    pub fn again_then(self, then: fn()) {
        self.read(None, then);
    }

    fn read(self, cursor: Option<String>, then: fn()) {
        let path = self.path.get_value();
        let path = match &cursor {
            None => path,
            Some(cursor) => {
                let join = if path.contains('?') { '&' } else { '?' };
                format!("{path}{join}cursor={}", browser::encode(cursor))
            }
        };
        let turn = self.asked.with_value(|(turn, _)| turn.wrapping_add(1));
        self.asked.set_value((turn, cursor.clone()));
        self.is_busy.set(true);
        self.failure.set(None);
        spawn_local(async move {
            let answer = http::get::<List<T>>(&path).await;
            // The view may be gone by now.
            if self.asked.try_with_value(|(newest, _)| *newest) != Some(turn) || self.is_busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(page) => {
                    let is_end = cursor.is_some() && page.next_cursor.is_none();
                    self.next.set(page.next_cursor);
                    self.rows.update(|rows| match rows {
                        Some(rows) if cursor.is_some() => rows.extend(page.data),
                        rows => *rows = Some(page.data),
                    });
                    // The button that was pressed went: the keyboard goes on where it stood.
                    self.has_ended.set(is_end);
                    then();
                }
                Err(failure) => self.failure.set(Some(failure)),
            }
        });
    }

    /// What `view` makes of the rows, and the way to the next ones.
    pub fn view(self, nothing: &'static str, view: impl Fn(&[T]) -> AnyView + Send + 'static) -> AnyView {
        let rows = changing(move || {
            self.rows.with(|rows| match rows {
                None if self.failure.with(Option::is_some) => ().into_any(),
                None => view! { <Skeleton class="sessions__place" /> }.into_any(),
                Some(rows) if rows.is_empty() => view! { <p class="quiet">{nothing}</p> }.into_any(),
                Some(rows) => view(rows),
            })
        });
        let failure = changing(move || {
            let retry = Callback::new(move |()| self.read(self.asked.with_value(|(_, cursor)| cursor.clone()), || {}));
            self.failure.get().map(|failure| view! { <FailureNote failure on_retry=retry /> })
        });
        let more = changing(move || {
            let press = Callback::new(move |()| self.read(self.next.get_untracked(), || {}));
            let has_more = self.next.with(Option::is_some);
            has_more.then(|| view! { <Button busy=self.is_busy on_press=press>"Show more"</Button> })
        });
        let end = changing(move || {
            let id = self.path.with_value(|path| path.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"));
            self.has_ended.get().then(|| {
                let selector = format!("#end{id}");
                request_animation_frame(move || {
                    browser::focus(&selector);
                });
                view! { <p class="quiet" id=format!("end{id}") tabindex="-1">"That is all."</p> }
            })
        });
        view! {
            {rows}
            {failure}
            {more}
            {end}
        }
        .into_any()
    }
}
