//! The pieces every view is made of. They know no feature and fetch nothing.
use std::cell::Cell;

pub mod button;
pub mod dialog;
pub mod dynamic;
pub mod element;
pub mod empty;
pub mod failure;
pub mod field;
pub mod icon;
pub mod number;
pub mod picture;
pub mod png;
pub mod prelude;
pub mod reactive;
pub mod rows;
pub mod segmented;
pub mod skeleton;
pub mod thumb;
pub mod time;
pub mod toast;
pub mod value;

pub use button::{Button, ButtonKind, LinkButton};
pub use empty::Empty;
pub use failure::{Failure, FailureNote};
pub use icon::{Glyph, Icon};
pub use picture::{Picture, ratio};
pub use segmented::{Choice, Segmented};
pub use skeleton::Skeleton;
pub use time::{Moment, format_day, format_gems, format_number};

/// Does something later, unless the page is gone by then.
pub fn after_a_while(milliseconds: u32, run: impl FnOnce() + 'static) {
    let run: Box<dyn FnOnce()> = Box::new(run);
    wasm_bindgen_futures::spawn_local(async move {
        gloo_timers::future::TimeoutFuture::new(milliseconds).await;
        run();
    });
}

/// An id that no other element of this document has.
pub fn fresh_id(prefix: &str) -> String {
    thread_local! {
        static NEXT: Cell<u32> = const { Cell::new(0) };
    }
    format!("{prefix}-{}", NEXT.replace(NEXT.get().wrapping_add(1)))
}
