//! The dialog that shares one picture: makes links, copies them, says how often each was opened, and ends them.
use crate::ui::prelude::*;
use chrono::Duration;
use lapidary_contract::{CreateShareLink, List, ShareLink};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use super::clock::now;
use crate::browser;
use crate::http;
use crate::ui::dialog::Dialog;
use crate::ui::dynamic::{changing, effect};
use crate::ui::time::{format_ago, format_day, format_number};
use crate::ui::{Button, ButtonKind, Choice, Failure, FailureNote, Glyph, Icon, Segmented, toast};

/// Days a link works, as they are chosen; nothing: until it is ended.
const LIVES: [(&str, &str); 4] = [("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("", "No end")];
const USUAL: &str = "7";

#[derive(Clone, Copy)]
struct Sharing {
    image: Memo<Option<Uuid>>,
    /// Nothing until they were read.
    links: RwSignal<Option<Vec<ShareLink>>>,
    failure: RwSignal<Option<Failure>>,
    life: RwSignal<String>,
    shows_prompt: RwSignal<bool>,
    is_busy: RwSignal<bool>,
}

pub fn share_dialog(image: Memo<Option<Uuid>>, open: RwSignal<bool>) -> AnyView {
    let sharing = Sharing {
        image,
        links: RwSignal::new(None),
        failure: RwSignal::new(None),
        life: RwSignal::new(USUAL.to_owned()),
        shows_prompt: RwSignal::new(false),
        is_busy: RwSignal::new(false),
    };
    effect(move |_| {
        if open.get() {
            sharing.read();
        }
    });
    view! { <Dialog open=open title="Share this picture">{content(sharing)}</Dialog> }.into_any()
}

impl Sharing {
    fn path(self) -> Option<String> {
        self.image.get_untracked().map(|id| format!("/v1/images/{id}/shares"))
    }

    fn read(self) {
        let Some(path) = self.path() else { return };
        self.failure.set(None);
        self.links.set(None);
        spawn_local(async move {
            match http::get::<List<ShareLink>>(&path).await {
                Ok(page) => drop(self.links.try_set(Some(page.data))),
                Err(failure) => drop(self.failure.try_set(Some(failure))),
            }
        });
    }

    fn create(self) {
        let Some(path) = self.path() else { return };
        let days = self.life.with_untracked(|life| life.parse::<i64>().ok());
        let body = CreateShareLink {
            shows_prompt: self.shows_prompt.get_untracked(),
            expires_at: days.map(|days| now() + Duration::days(days)),
        };
        self.failure.set(None);
        self.is_busy.set(true);
        spawn_local(async move {
            let answer = http::post::<_, ShareLink>(&path, &body).await;
            let _ = self.is_busy.try_set(false);
            match answer {
                Ok(link) => {
                    copy(&link.url).await;
                    let _ = self.links.try_update(|links| links.get_or_insert_default().insert(0, link));
                }
                Err(failure) => drop(self.failure.try_set(Some(failure))),
            }
        });
    }

    fn revoke(self, id: Uuid) {
        spawn_local(async move {
            match http::delete(&format!("/v1/shares/{id}")).await {
                Ok(()) => drop(self.links.try_update(|links| {
                    for link in links.iter_mut().flatten().filter(|link| link.id == id) {
                        link.is_active = false;
                        link.revoked_at = Some(now());
                    }
                })),
                Err(failure) => toast::failure(&failure),
            }
        });
    }
}

async fn copy(url: &str) {
    let is_copied = browser::copy(url).await;
    toast::show(if is_copied { "Link copied" } else { "Select the link to copy it" }, None);
}

fn content(sharing: Sharing) -> AnyView {
    let choices =
        LIVES.map(|(value, label)| Choice { value: value.to_owned(), label: label.to_owned(), ..Choice::default() });
    let choose = Callback::new(move |life| sharing.life.set(life));
    let create = Callback::new(move |()| sharing.create());
    let trouble = changing(move || sharing.failure.get().map(|failure| view! { <FailureNote failure /> }));
    let links = changing(move || {
        let links = sharing.links.get()?;
        (!links.is_empty()).then(|| {
            let rows = links.into_iter().map(|link| row(sharing, link)).collect_view();
            view! {
                <h3>"Links of this picture"</h3>
                <ul class="shares">{rows}</ul>
            }
        })
    });
    view! {
        <p>"Whoever has the link sees this picture, without signing in. Nobody learns who you are."</p>
        <Segmented legend="The link works for" choices=Signal::stored(choices.to_vec()) chosen=sharing.life on_choose=choose />
        <label class="tick">
            <input
                class="tick__box"
                type="checkbox"
                prop:checked=sharing.shows_prompt
                on:change=move |_| sharing.shows_prompt.update(|shows| *shows = !*shows)
            />
            "Show the prompt, attributes and model too"
        </label>
        {trouble}
        <div class="dialog__actions">
            <Button kind=ButtonKind::Primary on_press=create busy=sharing.is_busy>"Create link"</Button>
        </div>
        {links}
    }
    .into_any()
}

fn row(sharing: Sharing, link: ShareLink) -> AnyView {
    let views = match link.view_count {
        0 => "not opened yet".to_owned(),
        1 => "opened once".to_owned(),
        count => format!("opened {} times", format_number(count)),
    };
    let until = match (link.is_active, link.revoked_at, link.expires_at) {
        (true, _, Some(at)) => format!("works until {}", format_day(&at)),
        (true, ..) => "works until you end it".to_owned(),
        (false, Some(at), _) => format!("ended {}", format_ago(&at)),
        (false, None, Some(_)) => "has expired".to_owned(),
        (false, None, None) => "rests while the picture is in the trash".to_owned(),
    };
    let prompt = if link.shows_prompt { ", with the prompt" } else { "" };
    let words = format!("{until}, {views}{prompt}");
    let (url, id) = (link.url.clone(), link.id);
    let copy = Callback::new(move |()| {
        let url = url.clone();
        spawn_local(async move { copy(&url).await });
    });
    let revoke = Callback::new(move |()| sharing.revoke(id));
    let tools = link.is_active.then(|| {
        view! {
            <Button kind=ButtonKind::Bare on_press=copy label="Copy the link">
                <Icon glyph=Glyph::Copy />
            </Button>
            <Button on_press=revoke>"End"</Button>
        }
    });
    view! {
        <li class:is-over=!link.is_active>
            <div class="zips__words">
                <code class="shares__url">{link.url.clone()}</code>
                <p class="quiet">{words}</p>
            </div>
            {tools}
        </li>
    }
    .into_any()
}
