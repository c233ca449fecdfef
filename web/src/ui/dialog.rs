//! A modal `<dialog>`: the browser keeps focus inside, Esc closes it and focus goes back to where it was.
use crate::ui::prelude::*;
use leptos::html;

use crate::ui::button::{Button, ButtonKind};
use crate::ui::dynamic::effect;
use crate::ui::fresh_id;
use crate::ui::icon::{Glyph, Icon};

#[component]
pub fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] class: String,
    children: ChildrenFn,
) -> AnyView {
    let node = NodeRef::<html::Dialog>::new();
    let id = fresh_id("dialog");
    let labelled_by = id.clone();
    effect(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    // A press on the backdrop is a press on the dialog itself; its content lies in the inner box.
    let dismiss = move |event: leptos::ev::MouseEvent| {
        if node.get_untracked().is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref())) {
            open.set(false);
        }
    };
    let close = Callback::new(move |()| open.set(false));
    view! {
        <dialog
            node_ref=node
            class=format!("dialog {class}")
            aria-labelledby=labelled_by
            on:close=move |_| open.set(false)
            on:click=dismiss
        >
            <div class="dialog__box">
                <header class="dialog__head">
                    <h2 id=id>{title}</h2>
                    <Button kind=ButtonKind::Bare on_press=close label="Close">
                        <Icon glyph=Glyph::Close />
                    </Button>
                </header>
                {move || open.get().then(|| children())}
            </div>
        </dialog>
    }
    .into_any()
}
