//! What follows signals, with its closures erased: every closure that the framework sees as a type of its own would
//! weigh one to two kilobytes in everybody's first visit. Use these instead of `Memo::new`, `Effect::new` and the framework's lists.
use std::sync::Arc;

use leptos::prelude::Effect;

use crate::ui::prelude::*;
use crate::ui::rows::{Item, Rows};

/// A part of a view that is built again when what it reads changes.
pub fn changing<V: IntoView + 'static>(mut view: impl FnMut() -> V + Send + 'static) -> AnyView {
    followed(Box::new(move || view().into_any()))
}

#[inline(never)]
fn followed(view: Box<dyn FnMut() -> AnyView + Send>) -> AnyView {
    view.into_any()
}

type Compute<T> = Box<dyn Fn(Option<&T>) -> T + Send + Sync>;

pub fn memo<T: PartialEq + Send + Sync + 'static>(
    compute: impl Fn(Option<&T>) -> T + Send + Sync + 'static,
) -> Memo<T> {
    computed(Box::new(compute))
}

#[inline(never)]
fn computed<T: PartialEq + Send + Sync + 'static>(compute: Compute<T>) -> Memo<T> {
    Memo::new(compute)
}

pub fn effect<T: 'static>(run: impl FnMut(Option<T>) -> T + 'static) {
    let run: Box<dyn FnMut(Option<T>) -> T> = Box::new(run);
    Effect::new(run);
}

/// A row of views, one for each item; what keeps its key keeps its view.
pub fn list<T: Send + 'static, V: IntoView + 'static>(
    items: impl Fn() -> Vec<T> + Send + Sync + 'static,
    key: impl Fn(&T) -> String + Send + Sync + 'static,
    view: impl Fn(T) -> V + Send + Sync + 'static,
) -> AnyView {
    let view = Arc::new(view);
    let keyed = move |item: T| {
        let view = view.clone();
        Item { key: key(&item), view: Box::new(move || view(item).into_any()) }
    };
    let each: Box<dyn Fn() -> Vec<Item> + Send + Sync> = Box::new(move || items().into_iter().map(&keyed).collect());
    Rows(each).into_any()
}
