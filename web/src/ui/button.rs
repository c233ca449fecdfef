//! Buttons, and links that look like them. A button that cannot be pressed says why in its words.
use crate::ui::prelude::*;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing to do next; at most one in a view.
    Primary,
    #[default]
    Quiet,
    /// No frame until hovered or focused; for icons in rows.
    Bare,
    /// Only for what cannot be undone.
    Danger,
}

impl ButtonKind {
    fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button--primary",
            Self::Quiet => "button",
            Self::Bare => "button button--bare",
            Self::Danger => "button button--danger",
        }
    }
}

#[component]
pub fn Button(
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional, into)] on_press: Option<Callback<()>>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Work is under way: no second press, and screen readers hear it.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Needed where the button shows only an icon; becomes its tooltip too.
    #[prop(optional, into)]
    label: Option<Signal<String>>,
    /// For a switch: whether it is on.
    #[prop(optional, into)]
    pressed: Option<Signal<bool>>,
    #[prop(optional, into)] class: String,
    /// Sends the form it stands in.
    #[prop(optional)]
    submits: bool,
    children: Children,
) -> AnyView {
    let class = format!("{} {class}", kind.class());
    let press = move |_| {
        if let (false, Some(on_press)) = (busy.get_untracked(), on_press) {
            on_press.run(());
        }
    };
    view! {
        <button
            type=if submits { "submit" } else { "button" }
            class=class
            disabled=disabled
            aria-busy=move || busy.get().then_some("true")
            aria-pressed=move || pressed.map(|pressed| if pressed.get() { "true" } else { "false" })
            aria-label=move || label.map(|label| label.get())
            title=move || label.map(|label| label.get())
            on:click=press
        >
            {children()}
        </button>
    }
    .into_any()
}

#[component]
pub fn LinkButton(
    #[prop(optional)] kind: ButtonKind,
    #[prop(into)] href: Signal<String>,
    #[prop(optional, into)] label: Option<String>,
    #[prop(optional, into)] class: String,
    /// Leaves the page: sign-in, documents, downloads.
    #[prop(optional)]
    leaves: bool,
    children: Children,
) -> AnyView {
    let class = format!("{} {class}", kind.class());
    view! {
        <a
            href=href
            class=class
            aria-label=label.clone()
            title=label
            rel=leaves.then_some("external")
        >
            {children()}
        </a>
    }
    .into_any()
}
