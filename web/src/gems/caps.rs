//! What a person lets themselves spend in a day and in a month, and where their days begin.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::{GemCaps, SetGemCaps};
use wasm_bindgen_futures::spawn_local;

use crate::asked::{Asked, shown};
use crate::browser;
use crate::http;
use crate::ui::button::Button;
use crate::ui::dynamic::changing;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::field::Field;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::format_gems;
use crate::ui::toast;

const PATH: &str = "/v1/gems/caps";
const MOST_GEMS: i64 = 1_000_000;
const POINTERS: [&str; 3] = ["/daily_gems", "/monthly_gems", "/time_zone"];

#[component]
pub fn Caps() -> AnyView {
    let caps = Asked::<GemCaps>::new(|| http::get(PATH).boxed_local());
    let form = shown(caps, || view! { <Skeleton class="caps__place" /> }.into_any(), form);
    view! {
        <section class="caps" aria-labelledby="caps-title">
            <h2 id="caps-title" tabindex="-1">"Caps"</h2>
            <p class="quiet">"So that nothing spends more than you meant, here or through the API. What is running is counted too. Leave a field empty to have no cap."</p>
            {form}
        </section>
    }
    .into_any()
}

/// A whole number of gems, or none; what people put between the digits does not matter.
fn wanted(text: &str) -> Result<Option<i64>, ()> {
    let digits: String = text.chars().filter(|it| !it.is_whitespace() && !matches!(it, ',' | '.' | '\'')).collect();
    if digits.is_empty() {
        return Ok(None);
    }
    let gems = digits.parse::<i64>().map_err(|_| ())?;
    (1..=MOST_GEMS).contains(&gems).then_some(Some(gems)).ok_or(())
}

fn form(caps: GemCaps) -> AnyView {
    let text = |gems: Option<i64>| RwSignal::new(gems.map(|gems| gems.to_string()).unwrap_or_default());
    let (daily, monthly) = (text(caps.daily_gems), text(caps.monthly_gems));
    let is_set = caps.daily_gems.is_some() || caps.monthly_gems.is_some();
    let zone = RwSignal::new(if is_set { caps.time_zone } else { browser::time_zone() });
    let (is_busy, failure) = (RwSignal::new(false), RwSignal::new(None::<Failure>));
    let misread = move |text: RwSignal<String>| text.with(|text| wanted(text).is_err());
    let error = move |pointer: &'static str, text: Option<RwSignal<String>>| {
        Signal::derive(move || {
            if text.is_some_and(misread) {
                return Some("A whole number from 1 to 1,000,000.".to_owned());
            }
            failure.with(|failure| failure.as_ref()?.at(pointer))
        })
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let read = |text: RwSignal<String>| text.with_untracked(|text| wanted(text));
        if let (Ok(daily_gems), Ok(monthly_gems), false) = (read(daily), read(monthly), is_busy.get_untracked()) {
            let time_zone = zone.get_untracked().trim().to_owned();
            set(SetGemCaps { daily_gems, monthly_gems, time_zone }, is_busy, failure);
        }
    };
    let note = changing(move || {
        let failure = failure.get()?;
        POINTERS.iter().all(|pointer| failure.at(pointer).is_none()).then(|| view! { <FailureNote failure /> })
    });
    let used = |gems: i64, when: &str| format!("{} used {when}", format_gems(gems));
    view! {
        <form class="caps__form" on:submit=save>
            <Field
                id="daily-cap"
                label="Gems a day"
                value=daily
                hint=used(caps.used_today, "today")
                error=error("/daily_gems", Some(daily))
                is_number=true
            />
            <Field
                id="monthly-cap"
                label="Gems a month"
                value=monthly
                hint=used(caps.used_this_month, "this month")
                error=error("/monthly_gems", Some(monthly))
                is_number=true
            />
            <Field
                id="cap-zone"
                label="Time zone"
                value=zone
                hint="Days and months begin at midnight there"
                error=error("/time_zone", None)
            />
            <Button submits=true busy=is_busy>"Save caps"</Button>
        </form>
        {note}
    }
    .into_any()
}

fn set(caps: SetGemCaps, is_busy: RwSignal<bool>, failure: RwSignal<Option<Failure>>) {
    is_busy.set(true);
    failure.set(None);
    spawn_local(async move {
        match http::send_empty(http::Method::PUT, PATH, &caps).await {
            Ok(()) => toast::show("Caps saved", None),
            Err(problem) => failure.set(Some(problem)),
        }
        is_busy.set(false);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_read_as_people_write_it() {
        assert_eq!(wanted(""), Ok(None));
        assert_eq!(wanted("  "), Ok(None));
        assert_eq!(wanted("120"), Ok(Some(120)));
        assert_eq!(wanted("1,000 "), Ok(Some(1_000)));
        assert_eq!(wanted("1 000 000"), Ok(Some(1_000_000)));
        for wrong in ["0", "-5", "1000001", "ten", "12a"] {
            assert_eq!(wanted(wrong), Err(()), "{wrong}");
        }
    }
}
