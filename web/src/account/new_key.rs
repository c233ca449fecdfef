//! The dialog that makes an API key: a name, what it may do, until when, and how many gems.
use chrono::Duration;
use lapidary_contract::domain::limits::{CAP_MAX, TITLE_MAX};
use lapidary_contract::{ApiKey, CreateApiKey, GemCaps, Scope, SetGemCaps};
use wasm_bindgen_futures::spawn_local;

use super::api_keys::PATH;
use crate::browser;
use crate::gallery::clock::now;
use crate::http;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, effect};
use crate::ui::field::Field;
use crate::ui::prelude::*;
use crate::ui::{Button, ButtonKind, Choice, Failure, FailureNote, Segmented};

const CAPS: &str = "/v1/gems/caps";
const UTC: &str = "UTC";
/// Days a key works, as they are chosen; nothing: until it is revoked.
const LIVES: [(&str, &str); 4] = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "No end")];
/// What most programs want; the ticks below show what it is.
const PRESETS: [(&str, &str); 3] = [("make", "Make pictures"), ("read", "Only read"), ("all", "Everything")];

fn preset(name: &str) -> Vec<Scope> {
    let is_in = |scope: &Scope| match name {
        "make" => matches!(scope, Scope::GenerationsRead | Scope::GenerationsWrite | Scope::ImagesRead),
        "read" => scope.name().ends_with(":read"),
        _ => true,
    };
    Scope::ALL.into_iter().filter(is_in).collect()
}

#[derive(Clone, Copy)]
struct Draft {
    name: RwSignal<String>,
    scopes: RwSignal<Vec<Scope>>,
    life: RwSignal<String>,
    daily: RwSignal<String>,
    free_only: RwSignal<bool>,
    /// Where the days of a cap begin, once it is known.
    zone: RwSignal<Option<Zone>>,
    is_busy: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Zone {
    name: String,
    /// It is this browser's, and nobody has said so yet.
    is_new: bool,
}

impl Zone {
    /// Without caps the server's own word for nothing is UTC.
    fn of(caps: &GemCaps, here: String) -> Self {
        let is_set = caps.daily_gems.is_some() || caps.monthly_gems.is_some() || caps.time_zone != UTC;
        match is_set || here == UTC {
            true => Self { name: caps.time_zone.clone(), is_new: false },
            false => Self { name: here, is_new: true },
        }
    }

    async fn ask() -> Result<Self, Failure> {
        let caps = http::get::<GemCaps>(CAPS).await?;
        Ok(Self::of(&caps, browser::time_zone()))
    }

    /// Before a key counts by it.
    async fn keep(self) -> Result<(), Failure> {
        let caps = SetGemCaps { daily_gems: None, monthly_gems: None, time_zone: self.name };
        http::send_empty(http::Method::PUT, CAPS, &caps).await
    }
}

pub fn new_key_dialog(open: RwSignal<bool>, on_made: Callback<ApiKey>) -> AnyView {
    let draft = Draft {
        name: RwSignal::new(String::new()),
        scopes: RwSignal::new(preset("make")),
        life: RwSignal::new("90".to_owned()),
        daily: RwSignal::new(String::new()),
        free_only: RwSignal::new(false),
        zone: RwSignal::new(None),
        is_busy: RwSignal::new(false),
        failure: RwSignal::new(None),
    };
    effect(move |_| {
        if open.get() {
            draft.failure.set(None);
            spawn_local(async move {
                if let Ok(zone) = Zone::ask().await {
                    let _ = draft.zone.try_set(Some(zone));
                }
            });
        }
    });
    view! { <Dialog open=open title="Create API key">{form(draft, open, on_made)}</Dialog> }.into_any()
}

impl Draft {
    /// A whole number of gems or none; `Err` for anything else.
    fn gems(self) -> Result<Option<i64>, ()> {
        self.daily.with(|text| match text.trim() {
            "" => Ok(None),
            digits => match digits.parse() {
                Ok(gems) if (1..=CAP_MAX).contains(&gems) => Ok(Some(gems)),
                _ => Err(()),
            },
        })
    }

    fn create(self, open: RwSignal<bool>, on_made: Callback<ApiKey>) {
        let Ok(daily_gems) = untrack(|| self.gems()) else { return };
        let days = self.life.with_untracked(|life| life.parse::<i64>().ok());
        let body = CreateApiKey {
            name: self.name.get_untracked(),
            scopes: self.scopes.get_untracked(),
            expires_at: days.map(|days| now() + Duration::days(days)),
            daily_gems,
            free_gems_only: self.free_only.get_untracked(),
        };
        self.failure.set(None);
        self.is_busy.set(true);
        spawn_local(async move {
            let answer = made(&body).await;
            let _ = self.is_busy.try_set(false);
            match answer {
                Ok(key) => {
                    open.set(false);
                    self.name.set(String::new());
                    on_made.run(key);
                }
                Err(failure) => drop(self.failure.try_set(Some(failure))),
            }
        });
    }
}

/// A key with a cap counts by its person's midnight, which somebody who never said where they are must have, too.
async fn made(body: &CreateApiKey) -> Result<ApiKey, Failure> {
    if body.daily_gems.is_some() {
        let zone = Zone::ask().await?;
        if zone.is_new {
            zone.keep().await?;
        }
    }
    http::post(PATH, body).await
}

fn choices(all: &[(&str, &str)]) -> Signal<Vec<Choice>> {
    let one = |(value, label): &(&str, &str)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        ..Choice::default()
    };
    Signal::stored(all.iter().map(one).collect())
}

fn form(draft: Draft, open: RwSignal<bool>, on_made: Callback<ApiKey>) -> AnyView {
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !draft.is_busy.get_untracked() {
            draft.create(open, on_made);
        }
    };
    let named = move |pointer: &'static str| {
        Signal::derive(move || draft.failure.with(|failure| failure.as_ref()?.at(pointer)))
    };
    let gems_error = Signal::derive(move || {
        draft
            .gems()
            .is_err()
            .then(|| "A whole number from 1 to 1,000,000.".to_owned())
            .or_else(|| named("/daily_gems").get())
    });
    let trouble = changing(move || {
        let failure = draft.failure.get()?;
        ["/name", "/daily_gems"].iter().all(|at| failure.at(at).is_none()).then(|| view! { <FailureNote failure /> })
    });
    let chosen = Signal::derive(move || {
        let found = PRESETS.iter().find(|(name, _)| draft.scopes.with(|scopes| *scopes == preset(name)));
        found.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    });
    let choose = Callback::new(move |name: String| draft.scopes.set(preset(&name)));
    let live = Callback::new(move |life| draft.life.set(life));
    let counted = changing(move || {
        let zone = draft.zone.get().filter(|_| draft.daily.with(|text| !text.trim().is_empty()))?;
        let new = if zone.is_new { ", where this browser is: your caps count by it from now on" } else { "" };
        Some(view! { <p class="quiet">{format!("From midnight to midnight in {}{new}.", zone.name)}</p> })
    });
    let nothing = Signal::derive(move || draft.scopes.with(Vec::is_empty));
    let ticks = Scope::ALL.into_iter().map(|scope| tick(draft, scope)).collect_view();
    view! {
        <form class="new-key" on:submit=send>
            <Field
                id="key-name"
                label="Name"
                value=draft.name
                hint="For you: what uses it"
                error=named("/name")
                autocomplete="off"
                max_length=TITLE_MAX
            />
            <Segmented legend="It may" choices=choices(&PRESETS) chosen=chosen on_choose=choose />
            <div class="new-key__scopes">{ticks}</div>
            <Segmented legend="It works for" choices=choices(&LIVES) chosen=draft.life on_choose=live />
            <Field
                id="key-gems"
                label="Gems a day"
                value=draft.daily
                hint="Leave it empty to have no cap"
                error=gems_error
                is_number=true
            />
            {counted}
            {box_of("Spend free gems only".into_any(), draft.free_only.into(), Callback::new(move |()| draft.free_only.update(|only| *only = !*only)))}
            {trouble}
            <div class="dialog__actions">
                <Button kind=ButtonKind::Primary submits=true busy=draft.is_busy disabled=nothing>"Create key"</Button>
            </div>
        </form>
    }
    .into_any()
}

fn tick(draft: Draft, scope: Scope) -> AnyView {
    let has = Signal::derive(move || draft.scopes.with(|scopes| scopes.contains(&scope)));
    let press = Callback::new(move |()| {
        draft.scopes.update(|scopes| {
            let had = scopes.len();
            scopes.retain(|one| *one != scope);
            if scopes.len() == had {
                scopes.push(scope);
                scopes.sort();
            }
        });
    });
    let words = view! {
        <span>
            <code>{scope.name()}</code>
            <span class="tick__about">{scope.words()}</span>
        </span>
    };
    box_of(words.into_any(), has, press)
}

fn box_of(words: AnyView, is_on: Signal<bool>, on_press: Callback<()>) -> AnyView {
    view! {
        <label class="tick">
            <input class="tick__box" type="checkbox" prop:checked=is_on on:change=move |_| on_press.run(()) />
            {words}
        </label>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_says_where_a_day_begins_only_where_nobody_has() {
        let caps = |daily_gems, time_zone: &str| GemCaps {
            daily_gems,
            monthly_gems: None,
            time_zone: time_zone.to_owned(),
            used_today: 0,
            used_this_month: 0,
        };
        for (caps, here, name, is_new) in [
            (caps(None, "UTC"), "Pacific/Kiritimati", "Pacific/Kiritimati", true),
            (caps(Some(5), "UTC"), "Pacific/Kiritimati", "UTC", false),
            (caps(None, "Europe/Berlin"), "Pacific/Kiritimati", "Europe/Berlin", false),
            (caps(None, "UTC"), "UTC", "UTC", false),
        ] {
            assert_eq!(Zone::of(&caps, here.to_owned()), Zone { name: name.to_owned(), is_new });
        }
    }
}
