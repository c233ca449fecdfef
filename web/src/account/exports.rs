//! Everything that is known of this person, as one zip: asked for here, made by the server, listed for as long as it can be
//! downloaded. A link is fetched when it is pressed: it lives for minutes, and the page for hours.
use futures_util::FutureExt;
use lapidary_contract::{ArchiveStatus, Export, List, LiveEvent};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use crate::account::keep_focus;
use crate::asked::Asked;
use crate::browser;
use crate::http;
use crate::live;
use crate::ui::dynamic::{changing, list};
use crate::ui::prelude::*;
use crate::ui::time::{format_day, format_number, format_time};
use crate::ui::{Button, ButtonKind, FailureNote, Glyph, Icon, Skeleton, toast};

const PATH: &str = "/v1/me/exports";
const MEGABYTE: i64 = 1_000_000;

#[component]
pub fn Exports() -> AnyView {
    let exports = Asked::<List<Export>>::new(|| http::get(PATH).boxed_local());
    live::on_event(move |event| {
        if matches!(event, LiveEvent::ExportChanged { .. } | LiveEvent::Reset) {
            exports.again();
        }
    });
    let known = move || exports.get().and_then(Result::ok).map(|list| list.data).unwrap_or_default();
    let shown = move || known().into_iter().filter(|it| it.status != ArchiveStatus::Expired).collect::<Vec<_>>();
    // A new key where something else is to be said: a bar that grows keeps its place, and the focus beside it.
    let rows = list(shown, |it| format!("{} {}", it.id, is_over(it)), move |it| row(it, exports));
    let place = changing(move || match exports.get() {
        None => Some(view! { <Skeleton class="sessions__place" /> }.into_any()),
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| exports.again());
            Some(view! { <FailureNote failure on_retry=retry /> }.into_any())
        }
        Some(Ok(_)) => None,
    });
    let is_busy = RwSignal::new(false);
    let ask = Callback::new(move |()| ask(is_busy, exports));
    view! {
        <section aria-labelledby="exports-title">
            <h2 id="exports-title" tabindex="-1">"Your data"</h2>
            <p class="quiet">
                "One zip with everything we know about you: your pictures, prompts, uploads, statement, purchases, sign-ins and requests, as files for people and for programs. It is made while you do something else."
            </p>
            <div class="actions"><Button on_press=ask busy=is_busy>"Export everything"</Button></div>
            {place}
            <ul class="zips">{rows}</ul>
        </section>
    }
    .into_any()
}

fn is_over(export: &Export) -> bool {
    match export.status {
        ArchiveStatus::Queued | ArchiveStatus::Running => false,
        ArchiveStatus::Ready | ArchiveStatus::Failed | ArchiveStatus::Expired => true,
    }
}

fn ask(is_busy: RwSignal<bool>, exports: Asked<List<Export>>) {
    is_busy.set(true);
    spawn_local(async move {
        match http::post_empty::<Export>(PATH).await {
            Ok(_) => toast::show("Your export is being made. A notice tells you when it is ready", None),
            Err(failure) => toast::failure(&failure),
        }
        let _ = is_busy.try_set(false);
        exports.again();
    });
}

fn row(export: Export, exports: Asked<List<Export>>) -> AnyView {
    let id = export.id;
    let asked_at = format_time(&export.created_at);
    let first = export.clone();
    let now = Signal::derive(move || {
        let known = exports.get().and_then(Result::ok).map(|list| list.data).unwrap_or_default();
        known.into_iter().find(|it| it.id == id).unwrap_or_else(|| first.clone())
    });
    let bar = (!is_over(&export)).then(|| {
        let most = export.image_count.max(1).to_string();
        let done = move || now.with(|it| it.done_count).to_string();
        view! { <progress class="archives__bar" max=most prop:value=done aria-label="Export"></progress> }
    });
    let link = (export.status == ArchiveStatus::Ready).then(|| {
        let press = Callback::new(move |()| download(id));
        view! {
            <Button on_press=press>
                <Icon glyph=Glyph::Download />
                "Download"
            </Button>
        }
    });
    let delete = Callback::new(move |()| delete(id, exports));
    let label = format!("Delete the export of {asked_at}");
    view! {
        <li>
            <div class="zips__words">
                <p>{asked_at}</p>
                <p class="quiet" role="status">{move || now.with(state)}</p>
                {bar}
            </div>
            {link}
            <Button kind=ButtonKind::Bare on_press=delete label=Signal::stored(label)>
                <Icon glyph=Glyph::Trash />
            </Button>
        </li>
    }
    .into_any()
}

fn state(export: &Export) -> String {
    match export.status {
        ArchiveStatus::Queued => "Waits in line".to_owned(),
        ArchiveStatus::Running if export.done_count < export.image_count => {
            format!("Packing pictures: {} of {}", format_number(export.done_count), format_number(export.image_count))
        }
        ArchiveStatus::Running => "Packing the rest".to_owned(),
        ArchiveStatus::Ready => {
            let until = export.expires_at.map(|at| format!(", until {}", format_day(&at))).unwrap_or_default();
            format!("{}{until}", size(export.bytes.unwrap_or_default()))
        }
        ArchiveStatus::Failed => {
            let why = export.failure.clone().unwrap_or_default();
            format!("It could not be made. {why}").trim().to_owned()
        }
        ArchiveStatus::Expired => "Gone".to_owned(),
    }
}

/// `12 MB`
fn size(bytes: i64) -> String {
    match bytes / MEGABYTE {
        0 => "Less than 1 MB".to_owned(),
        megabytes => format!("{} MB", format_number(megabytes)),
    }
}

fn download(id: Uuid) {
    spawn_local(async move {
        match http::get::<Export>(&format!("{PATH}/{id}")).await {
            // It saves a file: the page stays.
            Ok(Export { url: Some(url), .. }) => browser::leave_for(&url),
            Ok(_) => toast::show("This export is not there any more. Ask for a new one", None),
            Err(failure) => toast::failure(&failure),
        }
    });
}

fn delete(id: Uuid, exports: Asked<List<Export>>) {
    spawn_local(async move {
        match http::delete(&format!("{PATH}/{id}")).await {
            Ok(()) => toast::show("Export deleted", None),
            Err(failure) => toast::failure(&failure),
        }
        exports.again_then(|| keep_focus("#exports-title"));
    });
}
