//! The terms, in plain words. Text only.
use crate::ui::prelude::*;

const TERMS: [(&str, &str); 9] = [
    ("Who may use it", "Anyone who is 13 or older. You sign in with an account that is yours."),
    (
        "Gems",
        "Gems pay for pictures. A gem is spent only for a picture that is stored and yours; whatever is not delivered comes back by itself. Welcome gems are given once per person. Free gems are spent first; bought ones never expire.",
    ),
    (
        "Payments",
        "You pay at the payment provider's own page, and gems come when it says that the money is there. When money is refunded, or the bank takes it back, its gems go too. Those you have spent by then are owed: nothing can be made until your next purchase settles them.",
    ),
    (
        "Your pictures",
        "They are private. What you write and what you get is yours, as far as the law and the model's provider allow. They are made by a machine and say so in their metadata; do not claim otherwise.",
    ),
    (
        "What is not allowed",
        "No pictures that hurt people: nothing sexual with minors, no harassment, no deception about real persons, nothing that is against the law. The model may refuse a prompt; then nothing is charged.",
    ),
    (
        "Limits",
        "So that it works for everybody there are limits on how much of yours runs at once and how much waits. Meeting one costs nothing: you are told, and try again later.",
    ),
    (
        "Models",
        "Prompts are sent to the provider of the model you choose. Models come and go; one that is retired answers with its replacement.",
    ),
    ("Ending it", "You may stop at any time. We may suspend an account that breaks these terms, and say why."),
    (
        "No guarantee",
        "We do this with care, but a picture may not be what you hoped for, and a service may be down. Keep a copy of what matters to you: the original is one press away.",
    ),
];

#[component]
pub fn TermsPage() -> AnyView {
    let terms = TERMS.map(|(title, text)| view! { <section><h2>{title}</h2><p>{text}</p></section> });
    view! {
        <article class="prose">
            <h1>"Terms"</h1>
            {terms.into_iter().collect_view()}
        </article>
    }
    .into_any()
}
