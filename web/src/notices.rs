//! Notices: what a person should know although they did not ask, each with what to do next. The bell leads here.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::{List, LiveEvent, Notice, NoticeKind};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

use crate::asked::{Asked, shown};
use crate::browser;
use crate::http;
use crate::live;
use crate::page::{Page, gems_path};
use crate::ui::time::{Ago, format_time};
use crate::ui::toast;
use crate::ui::{Button, ButtonKind, Empty, LinkButton, Skeleton};

const PATH: &str = "/v1/me/notices";
/// As many as one answer holds; older ones have been told long ago.
pub const NEWEST: &str = "/v1/me/notices?limit=100";

pub fn unread(notices: &List<Notice>) -> i64 {
    let unread = notices.data.iter().filter(|notice| notice.read_at.is_none()).count();
    i64::try_from(unread).unwrap_or(i64::MAX)
}

#[component]
pub fn NoticesPage() -> AnyView {
    let notices = Asked::<List<Notice>>::new(|| http::get(NEWEST).boxed_local());
    live::on_event(move |event| {
        if matches!(event, LiveEvent::NoticesChanged { .. } | LiveEvent::Reset) {
            notices.again();
        }
    });
    let list = shown(notices, waiting, move |list| known(list, notices));
    view! {
        <div class="column">
            <h1>"Notices"</h1>
            <div>{list}</div>
        </div>
    }
    .into_any()
}

fn waiting() -> AnyView {
    (0..3).map(|_| view! { <Skeleton class="notice__place" /> }).collect_view().into_any()
}

fn known(list: List<Notice>, notices: Asked<List<Notice>>) -> AnyView {
    if list.data.is_empty() {
        return view! {
            <Empty title="No notices" text="Refunds, payments that took their time, and gems that run low are told here.">
                <LinkButton href=Page::Studio.path()>"Go to the studio"</LinkButton>
            </Empty>
        }
        .into_any();
    }
    let open: Vec<Uuid> = list.data.iter().filter(|notice| notice.read_at.is_none()).map(|notice| notice.id).collect();
    let all = (open.len() > 1).then(|| {
        let press = Callback::new(move |()| mark(open.clone(), notices));
        view! { <Button on_press=press>"Mark all as read"</Button> }
    });
    let rows = list.data.into_iter().map(|notice| row(notice, notices)).collect_view();
    view! {
        <div class="actions">{all}</div>
        <ul class="notices">{rows}</ul>
    }
    .into_any()
}

/// Tells the server; the bell hears it from there.
fn mark(ids: Vec<Uuid>, notices: Asked<List<Notice>>) {
    spawn_local(async move {
        for id in ids {
            if let Err(failure) = http::post_nothing(&format!("{PATH}/{id}/read")).await {
                toast::failure(&failure);
                break;
            }
        }
        // The pressed button goes with its notice's state.
        notices.again_then(|| request_animation_frame(browser::keep_focus));
    });
}

/// What to do next, and where.
fn next_step(kind: NoticeKind) -> (&'static str, String) {
    let to = |page: Page| page.path().to_owned();
    match kind {
        NoticeKind::GemsLow => ("Get gems", gems_path("packs")),
        NoticeKind::PurchasePaid => ("Make something", to(Page::Studio)),
        NoticeKind::PurchaseFailed => ("Choose a pack", gems_path("packs")),
        NoticeKind::Debt => ("Settle it with a pack", gems_path("packs")),
        NoticeKind::Refunded
        | NoticeKind::RefundFailed
        | NoticeKind::DisputeOpened
        | NoticeKind::DisputeWon
        | NoticeKind::DisputeLost => ("See your purchases", gems_path("purchases")),
        NoticeKind::Policy => ("Read what changed", to(Page::Promises)),
        NoticeKind::ArchiveReady => ("Go to the gallery", to(Page::Gallery)),
        NoticeKind::WebhookDisabled | NoticeKind::ExportReady => ("Go to the account", to(Page::Account)),
    }
}

fn row(notice: Notice, notices: Asked<List<Notice>>) -> AnyView {
    let (id, is_open) = (notice.id, notice.read_at.is_none());
    let (words, href) = next_step(notice.kind);
    let read = is_open.then(|| {
        let label = Signal::stored(format!("Mark as read, of {}", format_time(&notice.created_at)));
        let press = Callback::new(move |()| mark(vec![id], notices));
        view! { <Button kind=ButtonKind::Bare on_press=press label>"Mark as read"</Button> }
    });
    view! {
        <li class="notice" class:is-open=is_open>
            <p class="notice__words">{is_open.then(|| view! { <span class="visually-hidden">"Unread: "</span> })} {notice.message}</p>
            <p class="quiet"><Ago at=notice.created_at /></p>
            <div class="actions">
                <LinkButton href>{words}</LinkButton>
                {read}
            </div>
        </li>
    }
    .into_any()
}
