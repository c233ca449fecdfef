//! The promises: what is kept about a person, for how long, and what never happens. Text only.
use crate::ui::prelude::*;

const KEPT: [(&str, &str, &str); 8] = [
    (
        "Who you are",
        "E-mail address; your name and picture, if the provider has them; the provider's id for you. No password and none of the provider's tokens.",
        "As long as you have the account",
    ),
    (
        "What you make",
        "Prompts, chosen attributes, settings, pictures and what is known about them.",
        "Until you delete them; 30 days in the trash first",
    ),
    (
        "Gems",
        "Every movement of a gem with its reason.",
        "As long as the account; what the books need stays without your name",
    ),
    (
        "Payments",
        "What you bought, when and for how much; refunds and disputes; the payment provider's ids; the e-mail address you gave at its page. Card and bank details stay with the provider and never reach us.",
        "As long as the books must be kept, also when the account is gone",
    ),
    ("Sessions", "Where and when you signed in, so that you can end it.", "7 days without use, 30 days at most"),
    ("Age", "That you said you are 13 or older.", "As long as you have the account"),
    (
        "Requests",
        "Time, kind of call, result, how long it took and what it cost, for debugging and limits; you can read them in your account. Never what you wrote, addresses, names or tokens.",
        "30 days; the server's own log, which names nobody, as long as its operator keeps it",
    ),
    (
        "A fingerprint",
        "A keyed hash of your e-mail address and of the provider's id for you, so that welcome gems are given once. It names nobody.",
        "Stays",
    ),
];

const NEVER: [&str; 7] = [
    "No tracking, no analytics, no advertising, no third party's scripts, fonts or pixels. This page talks to this server and to its picture storage, and to nobody else.",
    "Two cookies at most, both ours and neither readable by scripts: one for your session, one that ties a sign-in attempt to this browser for ten minutes.",
    "You pay at the payment provider's own page. This one never sees a card or a bank account.",
    "Pictures are private. Their addresses are signed, live at most seven days, and are never stored.",
    "The original bytes of a picture are never altered.",
    "Prompts go to the provider of the model you choose, because that is who makes the picture, and to nobody else.",
    "Nobody under 13. Who says so is erased at once; who does not answer is erased after 24 hours.",
];

#[component]
pub fn PromisesPage() -> AnyView {
    let kept = KEPT.map(|(name, what, how_long)| {
        view! { <section><h3>{name}</h3><p>{what}</p><p class="prose__quiet">{how_long}"."</p></section> }
    });
    let never = NEVER.map(|promise| view! { <li>{promise}</li> });
    view! {
        <article class="prose">
            <h1>"Promises"</h1>
            <p class="prose__lead">"What Lapidary keeps about you, how long, and what it never does."</p>
            <h2>"What is kept"</h2>
            {kept.into_iter().collect_view()}
            <h2>"What you can rely on"</h2>
            <ul>{never.into_iter().collect_view()}</ul>
        </article>
    }
    .into_any()
}
