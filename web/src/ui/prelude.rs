//! What a view begins with: the framework's signals and helpers, and our own elements in place of its own. A view that
//! imports the framework's prelude instead gets the framework's elements, and pays their weight.
pub use leptos::prelude::{
    AnyView, ArcRwSignal, Callable, Callback, Children, ChildrenFn, CollectView, IntoAny, IntoView, Memo, NodeRef,
    RwSignal, Set, SetValue, Signal, StoredValue, Track, Update, UpdateUntracked, UpdateValue, WriteSignal, component,
    document, event_target_value, on_cleanup, provide_context, request_animation_frame, set_interval_with_handle,
    signal, untrack, view, window, window_event_listener, window_event_listener_untyped,
};

pub use super::element::Build;
pub use super::reactive::{Get, GetUntracked, GetValue, Read, With, WithUntracked, WithValue, expect_context};
